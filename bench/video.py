"""How long it takes to choose the frames of a clip, beside its own length and a plain decoding of it.

    python bench/video.py                          a minute of 4K, made here: H.264, 30 frames a second
    python bench/video.py CLIP --max-size 2133     a clip of yours

The clip is a window that wanders over the example photos with trembling hands, encoded as telephones do: real texture
and real motion, and a few minutes to make it. Seconds of processors are the system's as well as the programs' own, and
depend little on what else a machine does; the others do. A figure depends on the processors: what carries over is the
ratio to the decoding alone, which nobody can do without.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from splatworker.stages.progress import Silent
from splatworker.video import ffmpeg
from splatworker.video.frames import take_frames
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 3840, 2160


def views(count: int) -> Iterator[bytes]:
    """Pictures of a window over a wall of the example photos: a slow walk of three widths a minute, trembling."""
    photos = sorted((ROOT / "examples" / "photos").glob("*.jpg"))[:8]
    wall = np.concatenate([np.asarray(Image.open(path).convert("RGB").resize((2880, 2160))) for path in photos], axis=1)
    rng = np.random.default_rng(0)
    tremble = np.cumsum(rng.normal(0, 1.5, (count, 2)), axis=0)
    tremble -= np.linspace(0, 1, count)[:, None] * tremble[-1]
    for number in range(count):
        left = int(number * (wall.shape[1] - WIDTH - 200) / count + 100 + np.clip(tremble[number, 0], -90, 90))
        down = int(np.clip(tremble[number, 1], -40, 40)) + 40
        yield np.roll(wall[:, left : left + WIDTH], down, axis=0)[:HEIGHT].tobytes()


def make(path: Path, seconds: float, rate: int, codec: str) -> None:
    """Encode a clip."""
    command = [str(ffmpeg.program()), "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(rate), "-i", "-", "-c:v", codec, "-preset", "veryfast"]
    command += ["-b:v", "45M", "-g", str(rate), "-pix_fmt", "yuv420p", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for view in views(round(seconds * rate)):
            process.stdin.write(view)
        process.stdin.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, nargs="?", help="a video; without it one is made")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the clip that is made")
    parser.add_argument("--rate", type=int, default=30, help="its frames a second")
    parser.add_argument("--codec", default="libx264", help="libx264 or libx265")
    parser.add_argument("--max-size", type=int, default=2133, help="longest side of the photos, as jobs have them")
    parser.add_argument("--keep", type=Path, help="where to leave the clip that is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path: Path = options.clip or options.keep or Path(folder) / "clip.mp4"
        if not path.exists():
            make(path, options.seconds, options.rate, options.codec)
        clip = probe(path)
        started, before = time.monotonic(), os.times()
        words = ffmpeg.reading(path.absolute(), clip.demuxer, threads=ffmpeg.threads_for(clip.width * clip.height))
        ffmpeg.call([*words, "-map", "0:v:0", "-f", "null", "-"], Path(folder))
        decoding, between = time.monotonic() - started, os.times()
        started = time.monotonic()
        made = take_frames(
            [path],
            Path(folder) / "photos",
            VideoOptions(),
            Silent(),
            max_size=options.max_size,
            jobs=len(os.sched_getaffinity(0)),
        )
        choosing, after = time.monotonic() - started, os.times()
        cpu, alone = sum(after[:4]) - sum(between[:4]), sum(between[2:4]) - sum(before[2:4])
        video = made.videos[0]
        print(
            f"{video['width']}x{video['height']} {video['codec']}, {video['seconds']} s, {clip.rate:g} frames a second"
        )
        print(f"decoding alone   {decoding:7.1f} s   {alone:7.1f} s of processors")
        print(f"choosing frames  {choosing:7.1f} s   {cpu:7.1f} s of processors, {cpu / alone:.2f} times the decoding")
        print(f"{video['read']} of its frames were looked at; {video['why']}")


if __name__ == "__main__":
    main()
