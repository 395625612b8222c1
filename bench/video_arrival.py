"""What it saves to read a video while it arrives: from the first request until its frames are chosen, both ways.

    python bench/video_arrival.py                          a minute of 4K, made here (bench/video.py), at 100 Mbit/s
    python bench/video_arrival.py CLIP --mbits 100 20      a clip of yours, at these speeds

A server on loopback sends so many bits a second, all connections together, and knows ranges, as stores do. "In a row"
fetches the video and reads it then; "as it comes" reads what has come, as the worker does. Each is done with the index
at the file's end, as telephones write it, and at its front. The photos of both must be the same. What can
be saved is the time that the video takes to arrive, or that of the first reading, whichever is less.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import video
from slow_server import throttled

from splatworker.contract.job import recipe
from splatworker.machine.limits import available_cpus
from splatworker.pipeline import transfers, videos
from splatworker.pipeline.run import WEIGHTS
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall, Silent
from splatworker.video import ffmpeg


class Took(NamedTuple):
    """Seconds from the first request, and a sum of the photos."""

    until_chosen: float
    arriving: float
    photos: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, nargs="?", help="an MP4 or MOV; without it one is made")
    parser.add_argument("--mbits", type=float, nargs="+", default=[100.0], help="what the server sends, a second")
    parser.add_argument("--index", choices=("end", "front"), nargs="+", default=["end", "front"], help="where it is")
    options = parser.parse_args()
    os.environ["SPLATWORKER_ALLOW_PRIVATE_URLS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or Path(folder) / "clip.mp4"
        if not clip.exists():
            video.make(clip, 60.0, 30, "libx264")
        for place, words in (("end", ()), ("front", ("-movflags", "+faststart"))):
            (Path(folder) / place).mkdir()
            copy = [ffmpeg.program(), "-loglevel", "error", "-y", "-i", clip, "-map", "0:v:0", "-c", "copy", *words]
            subprocess.run([*copy, Path(folder) / place / "clip.mp4"], check=True)
        size = (Path(folder) / "end" / "clip.mp4").stat().st_size
        print(f"{size / 1e6:.0f} MB, {available_cpus()} processors, load {os.getloadavg()[0]:.1f}")
        print("| Mbit/s | index at the | way | arrived after | frames chosen after | after its arrival |")
        print("|---|---|---|---|---|---|")
        for mbits in options.mbits:
            for place in options.index:
                photos = set()
                for way in (in_a_row, as_it_comes):
                    with throttled(Path(folder) / place, mbits * 125_000) as address:
                        took = asyncio.run(way(f"{address}/clip.mp4"))
                    photos.add(took.photos)
                    print(
                        f"| {mbits:g} | {place} | {way.__name__.replace('_', ' ')} | {took.arriving:.1f} s "
                        f"| {took.until_chosen:.1f} s | {took.until_chosen - took.arriving:.1f} s |",
                        flush=True,
                    )
                if len(photos) > 1:
                    print("The photos differ.")
                    return 1
    return 0


async def in_a_row(address: str) -> Took:
    """Fetch the video, then read it."""
    with tempfile.TemporaryDirectory() as work:
        runner, job, started = StageRunner(Path(work)), recipe({}), time.monotonic()
        place = Path(work) / "videos"
        request = {"urls": [address], "local": False, "folder": str(place)}
        arrived = await runner.run("fetch-videos", report=Silent(), request=request)
        arriving = time.monotonic() - started
        clips = [videos.Clip(place / arrived["files"]["0"], 0, "clip.mp4")]
        folder = Path(work) / "incoming"
        await videos.take_frames(videos.Known(clips, {}, 0), folder, job, runner, Overall([], WEIGHTS))
        return Took(time.monotonic() - started, arriving, sum_of(folder))


async def as_it_comes(address: str) -> Took:
    """Read the video while it is fetched."""
    with tempfile.TemporaryDirectory() as work:
        runner, started = StageRunner(Path(work)), time.monotonic()
        urls, job = [address], recipe({})
        arrival = transfers.fetch([], runner, Overall([], WEIGHTS), local=False, video_urls=urls, recipe=job)
        photos = await arrival.all_arrived
        return Took(time.monotonic() - started, photos.seconds or 0.0, sum_of(arrival.folder))


def sum_of(folder: Path) -> str:
    """Of names and contents of all photos."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.jpg")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
