"""What it saves to work on photos while others still arrive: from a job's start to its cameras, both ways.

    python bench/arrival.py PHOTOS --seconds 10 [--rounds 2]

A server on loopback takes so many seconds to send all photos, as a network of that speed would. "In a row" runs the
stages fetch, photos and sfm one after another; "as they come" starts all three at once, as the worker does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from urllib.parse import quote

from slow_server import throttled

from splatworker.machine.limits import available_cpus
from splatworker.pipeline import transfers
from splatworker.pipeline.run import WEIGHTS
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall, Silent

PREVIEW = ("--max-size", "1600"), ("--undistort-max-size", "640")
"""What a preview on a CPU asks of decoding and of the cameras."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the photos take to arrive")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    os.environ["SPLATWORKER_ALLOW_PRIVATE_URLS"] = "1"
    files = sorted(path for path in options.photos.iterdir() if path.is_file())
    rate = sum(path.stat().st_size for path in files) / options.seconds
    print(f"{len(files)} photos at {rate / 1e6:.2f} MB/s, {available_cpus()} processors, load {os.getloadavg()[0]:.1f}")
    print("| | seconds to the cameras | after the last photo |")
    print("|---|---|---|")
    totals: dict[str, list[tuple[float, float]]] = {"in a row": [], "as they come": []}
    for _ in range(options.rounds):
        for name, found in totals.items():
            with throttled(options.photos, rate) as address, tempfile.TemporaryDirectory() as work:
                urls = [f"{address}/{quote(path.name)}" for path in files]
                found.append(asyncio.run(cameras(urls, Path(work), follow=name == "as they come")))
    for name, found in totals.items():
        whole, after = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"| {name} | {whole:.1f} | {after:.1f} |")
    return 0


async def cameras(urls: list[str], work: Path, *, follow: bool) -> tuple[float, float]:
    """Seconds from the start to the cameras, and from the last photo's arrival."""
    started = time.monotonic()
    runner = StageRunner(work)
    arrival = transfers.fetch(urls, runner, Overall([], WEIGHTS), local=False)
    here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    clean: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    run = partial(runner.run, report=Silent())

    async def decode() -> None:
        await run(
            "photos",
            [arrival.folder, "-o", work / "images", "--follow", *PREVIEW[0], "--jobs", str(available_cpus())],
            request=lambda: asyncio.shield(here),
        )

    async def reconstruct() -> None:
        await run(
            "sfm",
            [work / "images", "-o", work / "scene", "--follow", *PREVIEW[1]],
            request=lambda: asyncio.shield(clean),
        )

    stages = [decode(), reconstruct()]
    tasks = [asyncio.create_task(stage) for stage in stages] if follow else []
    await arrival.all_arrived
    last = time.monotonic()
    here.set_result(None)
    await (tasks[0] if follow else stages[0])
    clean.set_result(None)
    await (tasks[1] if follow else stages[1])
    return time.monotonic() - started, time.monotonic() - last


if __name__ == "__main__":
    sys.exit(main())
