"""What each format of a splat costs and keeps: bytes, likeness, speed; and what the whole export stage takes.

    python bench/formats.py MODEL SCENE [--device auto] [--repeats 5] [--export]

MODEL is a model folder or a splat, SCENE the folder it was trained on. Every file is written, read back and drawn from
the scene's cameras at the size that the splat was trained at; likeness is the PSNR of these pictures against those of
the PLY (from the mean square error over all of them). SPZ and SOG are written twice: as `convert` does, and as the
export does, which knows the training cameras; what those see is counted before, as for cleaning. Write speeds are per
second of processor time, of all threads together, with the file's flush to the disk in the wall time only: other
programs on the machine hardly touch them. `--export` runs the export stage in a process of its own, as a job does: one
that is started for it, and one that has loaded everything before, as on a GPU while the splat is trained. It gives when
each part began and ended.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from quiet import sample

from splatworker.export.comparison import trained_size
from splatworker.export.pictures import SplatRenderer
from splatworker.export.subject import read_subject, shrunk
from splatworker.export.visibility import measure_visibility
from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import ARRAYS, Gaussians
from splatworker.render.arrays import mean_square_difference
from splatworker.render.backend import renderer_for
from splatworker.render.device import kind
from splatworker.render.interface import Renderer
from splatworker.render.tensors import to_tensors
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import read_any, write_any

VIEWS = 8
LONGEST_SIDE = 1600

WARM = ["warm", "export"]
TRAINING = 15.0
"""Seconds that a process has to load what it needs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--export", action="store_true", help="time the whole export stage, too")
    options = parser.parse_args()
    subject = read_subject(options.model, options.scene)
    renderer = renderer_for(options.device)
    side = min(trained_size(options.model) or LONGEST_SIDE, LONGEST_SIDE)
    photos = [*subject.held_out, *subject.trained]
    cameras = [shrunk(photo, side).camera for photo in photos[:: max(1, len(photos) // VIEWS)][:VIEWS]]
    splat = subject.gaussians
    print(f"{len(splat)} Gaussians of degree {splat.sh_degree}, {len(cameras)} views of {side} px, {renderer.device}")
    print("| format | MB | times smaller | PSNR, dB | written, s | million Gaussians a processor second |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        sight = measure_visibility(
            renderer, to_tensors(splat, renderer.device), [shrunk(photo, side).camera for photo in subject.trained]
        )
        table(splat, Path(folder), renderer, cameras, subject.background, options.repeats, sight.lines)
        million(splat, Path(folder))
        if options.export:
            stage(options.model, options.scene, Path(folder), options.device)


def table(
    splat: Gaussians,
    folder: Path,
    renderer: Renderer,
    cameras: list[Camera],
    background: tuple[float, float, float],
    repeats: int,
    lines: LinesOfSight,
) -> None:
    """Print a row for each format, the PLY first."""
    own = [SplatRenderer(splat, renderer, background).image(camera) for camera in cameras]
    ply_bytes = 0
    writers = {name: partial(write_any, gaussians=splat, device=kind(renderer.device)) for name in ["ply", *FORMATS]}
    for name in ("spz", "sog"):
        writers[f"{name} for the cameras"] = partial(writers[name], lines=lines)
    for name, write in writers.items():
        path = folder / f"a{FORMATS[name.split()[0]].suffix}"
        times = [sample(partial(write, path)) for _ in range(1 if "sog" in name else repeats)]
        size = path.stat().st_size
        ply_bytes = ply_bytes or size
        stored = SplatRenderer(read_any(path), renderer, background)
        errors = [mean_square_difference(stored.image(c), image) for c, image in zip(cameras, own, strict=True)]
        error = statistics.mean(errors)
        likeness = "the same" if error == 0 else f"{-10 * math.log10(error):.2f}"
        wall = statistics.median(time.wall for time in times)
        speed = len(splat) / statistics.median(time.cpu for time in times) / 1e6
        print(f"| {name} | {size / 1e6:.2f} | {ply_bytes / size:.1f} | {likeness} | {wall:.2f} | {speed:.2f} |")


def million(splat: Gaussians, folder: Path) -> None:
    """Print how fast SPZ is written where start-up no longer counts: of as many copies as make a million."""
    copies = -(-1_000_000 // len(splat))
    many = Gaussians(*(np.concatenate([getattr(splat, name)] * copies) for name in ARRAYS))
    speeds = [len(many) / sample(lambda: write_any(folder / "many.spz", many)).cpu / 1e6 for _ in range(3)]
    print(f"\nSPZ of {len(many)} Gaussians: {max(speeds):.2f} million a processor second (best of 3)")


def stage(model: Path, scene: Path, folder: Path, device: str) -> None:
    """Run the export stage as a job does, started for it and started ahead, and print what its parts took."""
    arguments = [str(model), "-s", str(scene), "-o", str(folder / "out"), "--device", device]
    for name, words, ahead in (("started for it", ["export", *arguments], 0.0), ("started ahead", WARM, TRAINING)):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "splatworker", *words, "--json"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdin is not None
        if ahead:
            process.stdin.write('{"gpu": "free"}\n')
            process.stdin.flush()
            time.sleep(ahead)
            process.stdin.write(json.dumps({"arguments": arguments}) + "\n")
        started = time.monotonic()
        output, _ = process.communicate()
        seconds = time.monotonic() - started
        result = json.loads(output.splitlines()[-1])["result"]
        print(f"\nAll outputs, the process {name}: {seconds:.2f} s, of which {result['seconds']:.2f} s at work")
        print("| part | from, s | to, s |\n|---|---|---|")
        for part, (began, ended) in sorted(result["parts"].items(), key=lambda item: item[1]):
            print(f"| {part} | {began:.2f} | {ended:.2f} |")


if __name__ == "__main__":
    main()
