"""Dense start points: seconds of each part, on a GPU and on processors, and whether both find the same bits.

    python bench/dense_points.py SCENE [--resolution -1] [--runs 5] [--devices cuda cpu]

SCENE is one that `splatworker sfm` made; every 8th photo is held out, as in a training of `--eval`. Told are medians of
all runs but the first one: "halve" makes photos small, "searches" chooses what each is compared with, "judge" is the
sweep of all photos and what they agree on, "merge" makes points of that. Processor seconds are of all threads.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from splatworker.formats.colmap import Points
from splatworker.formats.scene import read_scene, split
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Device
from splatworker.render.gpu_array import OwnGpu
from splatworker.render.interface import View
from splatworker.train import dense_points
from splatworker.train.neighbours import NEIGHBOURS, searches
from splatworker.train.options import parse
from splatworker.train.photos import load_views
from splatworker.train.plane_sweep import planned

PARTS = ("halve", "searches", "judge", "merge")


class Run(NamedTuple):
    """Seconds of each part, processor seconds of all, and what came out."""

    seconds: list[float]
    processors: float
    points: bytes


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--resolution", default="-1")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--devices", nargs="+", choices=["cuda", "cpu"], default=["cuda", "cpu"])
    given = parser.parse_args()
    options, _ = parse(["-s", str(given.scene), "-m", "unused", "--eval", "-r", given.resolution])
    scene = read_scene(options.source_path, options.images, options.masks)
    photos, _ = split(scene.photos, options.eval)
    outcomes = set()
    header = False
    for name in given.devices:
        device: Device = OwnGpu(0) if name == "cuda" else "cpu"
        views = load_views(photos, options, device)
        if not header:
            describe(views, scene.points)
            header = True
        runs = [run(views, scene.points, device) for _ in range(max(1, given.runs) + 1)][1:]
        outcomes |= {one.points for one in runs}
        medians = [statistics.median(one.seconds[k] for one in runs) for k in range(len(PARTS))]
        whole = statistics.median(sum(one.seconds) for one in runs)
        processors = statistics.median(one.processors for one in runs)
        print(
            f"| {name} | {' | '.join(f'{seconds:.3f}' for seconds in medians)} | {whole:.3f} | {processors:.2f} |",
            flush=True,
        )
    print(f"points found: {'the same bits in all runs' if len(outcomes) == 1 else 'NOT the same in all runs'}")


def describe(views: Sequence[View], points: Points) -> None:
    """What is swept, and the head of the table."""
    small = dense_points._smaller(views)
    cameras = [view.camera for view in small]
    steps = pairs = 0
    for camera, search in zip(cameras, searches(cameras, points.xyz), strict=True):
        if search is not None:
            others = [cameras[other] for other in search.witnesses[:NEIGHBOURS]]
            count = len(planned(camera, others, search.near, search.far).depths)
            steps += count
            pairs += count * len(others) * camera.width * camera.height
    print(
        f"{len(views)} photos at {cameras[0].width}x{cameras[0].height}, {steps} depths in all, {pairs / 1e9:.2f} G "
        f"pixels laid over, {len(points.xyz)} points, {available_cpus()} processors\n"
    )
    print(f"| device | {' | '.join(PARTS)} | all, s | processors, s |")
    print(f"|{'---|' * (len(PARTS) + 3)}")


def run(views: Sequence[View], points: Points, device: Device) -> Run:
    """All of it once; the GPU is waited for after each part."""
    seconds: list[float] = []

    def timed(call: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        made = call()
        if isinstance(device, OwnGpu):
            device.memory.wait()
        seconds.append(time.perf_counter() - begun)
        return made

    begun = time.process_time()
    small = timed(lambda: dense_points._smaller(views))
    wanted = timed(lambda: searches([view.camera for view in small], points.xyz))
    judged = timed(lambda: dense_points._judged(small, wanted, print))
    xyz, rgb = timed(lambda: dense_points._merged(judged, dense_points.MOST_POINTS))
    return Run(seconds, time.process_time() - begun, np.ascontiguousarray(xyz).tobytes() + rgb.tobytes())


if __name__ == "__main__":
    main()
