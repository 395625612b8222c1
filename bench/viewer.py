"""How large the page with the splat in it is, and how soon it is drawn: in headless Chromium, without a GPU.

    python bench/viewer.py OUT/viewer.html [--rounds 3]

Wants Chromium and playwright (scripts/setup test, scripts/setup-tools). Seconds are the page's own, from the start of
its script to the first picture of the whole splat.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
from pathlib import Path

FLAGS = ["--no-sandbox", "--disable-background-networking", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIZES = {"a desktop's": (1280, 720), "a phone's": (390, 844)}
DRAWN = "document.documentElement.dataset.state !== 'loading'"


def main() -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("There is no Chromium here.")
    print(f"{options.page.stat().st_size / 1e6:.2f} MB, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print("| window | seconds to the picture |")
    print("|---|---|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for name, (width, height) in SIZES.items():
            seconds = []
            for _ in range(options.rounds):
                page = browser.new_page(viewport={"width": width, "height": height})
                page.goto(f"file://{options.page.absolute()}?webgl")
                page.wait_for_function(DRAWN, timeout=120_000)
                seconds.append(float(page.evaluate("document.documentElement.dataset.seconds")))
                page.close()
            print(f"| {name}, {width}x{height} | {statistics.median(seconds):.2f} |")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
