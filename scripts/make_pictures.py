#!/usr/bin/env python3
"""Make the pictures of README.md and docs/ again, from photos to docs/pictures/.

    .venv/bin/python scripts/make_pictures.py [--work DIR] [--only NAME ...] [-p NAME=VALUE ...]
    .venv/bin/python scripts/make_pictures.py --banana PHOTOS    # a clone of github.com/pierotofy/dataset_banana

Runs `splatworker run` on the example photos, once, into DIR/desk, and makes of what it finds there:

    desk        desk.webp      the film, looping
    held_out    held_out.webp  photos that the splat was not trained on, above what it shows of them
    pages       pages.webp     the page with the splat and the report, as on a phone (wants Chromium and playwright)
    banana      banana.webp    the film of a real photo set, into DIR/banana; only with --banana

A second run makes the pictures of the splat that is there. On a GPU a splat of full quality is trained, elsewhere one
of 3000 iterations on photos of 960 pixels, unless -p says otherwise. docs/pictures/README.md tells with what the
pictures in the repository were made.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
EXAMPLES = ROOT / "examples" / "photos"

MOST_BYTES = 2_000_000
"""Of all pictures together: a clone fetches them, and so does every reader of the README."""

FILM_SECONDS, FILM_RATE, FILM_WIDTH = 4.0, 15, 480

PHONE = (390, 844)
"""Width and height of a window."""

PATIENCE_MS = 300_000
"""How long the browser may take, which has no GPU: seconds on a quiet machine."""

BROWSER = ["--no-sandbox", "--disable-background-networking", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def run(photos: Path, out: Path, params: list[str]) -> None:
    """Make the splat of a folder of photos in `out` and all that is made of it, unless they are there."""
    if (out / "turntable.mp4").exists():
        return
    options = [word for param in params for word in ("-p", param)]
    splatworker("run", photos, "-o", out, "--eval", *options)


def splatworker(*words: object) -> None:
    """Run a command of the package, with this Python."""
    subprocess.run([sys.executable, "-m", "splatworker", *map(str, words)], check=True, cwd=ROOT)


def has_gpu() -> bool:
    """Whether there is an NVIDIA GPU."""
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program], check=False, capture_output=True).returncode == 0


def film(out: Path, name: str, most_bytes: int) -> None:
    """The film as a looping WebP of FILM_SECONDS, in the best quality that keeps it under a size."""
    source = out / "turntable.mp4"
    _, seconds = imageio_ffmpeg.count_frames_and_secs(str(source))
    filters = f"setpts=PTS*{FILM_SECONDS / seconds:.6f},fps={FILM_RATE},scale={FILM_WIDTH}:-2:flags=lanczos"
    with TemporaryDirectory() as folder:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(source), "-vf", filters]
        subprocess.run([*command, f"{folder}/%04d.png"], check=True)
        frames = [Image.open(path).convert("RGB") for path in sorted(Path(folder).glob("*.png"))]
    # Everything moves, so that a film takes what its pictures take by themselves: every eighth tells how much.
    for quality in range(85, 20, -5):
        if (
            sum(len(still(frame, quality)) for frame in frames[::8]) * len(frames) / len(frames[::8])
            < 0.95 * most_bytes
        ):
            break
    buffer = BytesIO()
    frame_ms = round(1000 / FILM_RATE)
    frames[0].save(
        buffer, "WEBP", save_all=True, append_images=frames[1:], duration=frame_ms, loop=0, quality=quality, method=4
    )
    if buffer.tell() > most_bytes:
        sys.exit(f"scripts/make_pictures.py: {name} cannot be kept under {most_bytes} bytes.")
    write(name, buffer.getvalue(), out)


def held_out(out: Path, shown: int = 3, width: int = 400) -> None:
    """Photos that the training did not see, in the upper row, and the splat from their cameras, in the lower."""
    with TemporaryDirectory() as folder:
        splatworker("render", out, "-s", out / "scene", "--split", "test", "-r", "1", "-o", folder)
        drawn = sorted(Path(folder).glob("*.png"))[:shown]
        pairs = [(next((out / "scene" / "images").glob(f"{path.stem}.*")), path) for path in drawn]
        rows = [[scaled(Image.open(path), width) for path in row] for row in zip(*pairs, strict=True)]
    write("held_out.webp", still(grid(rows), 75), out)


def pages(out: Path) -> None:
    """The page with the splat and the report side by side, each as on a phone."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the other pictures do without

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("scripts/make_pictures.py: there is no Chromium here; scripts/setup-tools installs it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=BROWSER)
        viewer, report = (browser.new_page(viewport={"width": PHONE[0], "height": PHONE[1]}) for _ in range(2))
        for page in (viewer, report):
            page.set_default_timeout(PATIENCE_MS)
        viewer.goto(f"{(out / 'viewer.html').resolve().as_uri()}?webgl")
        viewer.wait_for_function("document.documentElement.dataset.state !== 'loading'")
        report.goto((out / "report.html").resolve().as_uri())
        shots: list[Image.Image] = [Image.open(BytesIO(page.screenshot())) for page in (viewer, report)]
        browser.close()
    write("pages.webp", still(grid([shots]), 80), out)


def scaled(picture: Image.Image, width: int) -> Image.Image:
    """A picture of a width in pixels."""
    height = round(picture.height * width / picture.width)
    return picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def grid(rows: list[list[Image.Image]], gap: int = 6) -> Image.Image:
    """Pictures of one size in rows, white between them."""
    width, height = rows[0][0].size
    columns = len(rows[0])
    whole = Image.new("RGB", (columns * (width + gap) - gap, len(rows) * (height + gap) - gap), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            whole.paste(picture, (x * (width + gap), y * (height + gap)))
    return whole


def still(picture: Image.Image, quality: int) -> bytes:
    """A picture as WebP."""
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def write(name: str, content: bytes, out: Path) -> None:
    """Write a file of docs/pictures, and into its README of which splat it was made."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / name).write_bytes(content)
    result = json.loads((out / "result.json").read_text())
    quality, photos = result["quality"], result["photos"]
    cells = [f"[{name}]({name})", f"{out.name}, {photos['registered']} photos", result["device"]]
    cells += [f"{quality['iterations']}", f"{result['gaussians']}", f"{quality['psnr']:.2f} dB, {quality['ssim']:.3f}"]
    row = f"| {' | '.join(cells)} |"
    table = PICTURES / "README.md"
    text, known = re.subn(rf"^\| \[{re.escape(name)}\].*$", row, table.read_text(), flags=re.MULTILINE)
    table.write_text(text if known else f"{text.rstrip()}\n{row}\n")
    print(f"docs/pictures/{name}: {len(content) / 1000:.0f} kB")


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "output" / "pictures", help="where the splats are made")
    parser.add_argument("--banana", type=Path, metavar="PHOTOS", help="the photos of dataset_banana")
    parser.add_argument("--only", nargs="+", choices=("desk", "held_out", "pages", "banana"))
    parser.add_argument("-p", dest="params", action="append", metavar="NAME=VALUE", help="a parameter of the trainings")
    options = parser.parse_args()
    params = options.params or ([] if has_gpu() else ["iterations=3000", "resolution=960"])

    desk, banana = options.work / "desk", options.work / "banana"
    made: dict[str, Callable[[], None]] = {
        "desk": lambda: film(desk, "desk.webp", 950_000),
        "held_out": lambda: held_out(desk),
        "pages": lambda: pages(desk),
    }
    if options.banana:
        made["banana"] = lambda: film(banana, "banana.webp", 650_000)
    chosen = [name for name in made if name in (options.only or made)]
    if set(chosen) - {"banana"}:
        run(EXAMPLES, desk, params)
    if "banana" in chosen:
        run(options.banana, banana, params)
    for name in chosen:
        made[name]()
    whole = sum(path.stat().st_size for path in PICTURES.glob("*.webp"))
    if whole > MOST_BYTES:
        sys.exit(f"scripts/make_pictures.py: the pictures have {whole} bytes together; {MOST_BYTES} are allowed.")


if __name__ == "__main__":
    main()
