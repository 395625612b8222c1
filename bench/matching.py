"""Matching and two-view geometry on a CPU: ours beside COLMAP's on the same features of real photos; and on a GPU.

    python bench/matching.py SCENES [name ...]              a row a photo set: processor seconds, verified pairs
    python bench/matching.py SCENES [name ...] --shuffled   and how many pairs are verified when their matches are
                                                            shuffled, which makes all of them wrong
    ... --most 300                                          of so many pairs, spread over all
    ... --longest 1600                                      with features of photos of this size
    ... --gpu                                               two-view geometry alone, by processors and by a GPU on the
                                                            same matches: seconds, and those of processors; the bytes
                                                            must be the same

SCENES is a folder with a folder of photos a set. Times are processor seconds of all threads together; a row's come from
one run. The matching kernel is timed with every instruction set that this processor has.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sfm import NAMES, matched

HEADER = (
    "| photos | pairs | matching, ms a pair | verification, ms a pair: ours, COLMAP's | ratio | verified: ours, "
    "COLMAP's | with 30 or more | matches that hold | rotations apart, deg: median, 90 % |"
)

SETS = ("baseline", "avx2", "")
"""Of SPLATWORKER_ISA; without it the best."""

TIMED = """
import sys, time
import numpy as np
from splatworker import _matching
from splatworker.sfm import nearest
with np.load(sys.argv[1]) as photos:
    some = [photos[name] for name in photos.files]
pairs = [(a, b) for k, a in enumerate(some) for b in some[:k]]
seconds = []
for _ in range(3):
    start = time.process_time()
    for a, b in pairs:
        nearest.match(a, b)
    seconds.append(time.process_time() - start)
print(_matching.instruction_set(), 1e3 * min(seconds) / len(pairs))
"""


GPU_HEADER = (
    "| photos | pairs, matches | rules | threads | processors: s | of all threads | pairs a task | GPU: s | "
    "processors' of it | ratio |"
)


def main() -> int:
    arguments = parse()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    if arguments.gpu:
        print(GPU_HEADER + "\n|" + "---|" * GPU_HEADER.count(" | ") + "---|")
        for name in arguments.names or NAMES:
            with tempfile.TemporaryDirectory() as work:
                for cells in gpu_rows(arguments.scenes / name, Path(work), arguments):
                    print("| " + " | ".join(cells) + " |", flush=True)
        return 0
    header = HEADER + (" shuffled: ours, COLMAP's |" if arguments.shuffled else "")
    print(header + "\n|" + "---|" * header.count(" | ") + "---|")
    for name in arguments.names or NAMES:
        with tempfile.TemporaryDirectory() as work:
            print("| " + " | ".join(row(arguments.scenes / name, Path(work), arguments)) + " |", flush=True)
    return 0


def row(images: Path, work: Path, arguments: argparse.Namespace) -> list[str]:
    """One photo set."""
    from splatworker.sfm import two_view
    from splatworker.sfm.colmap import pycolmap
    from splatworker.sfm.matching import verification
    from splatworker.sfm.options import SfmOptions

    bench, count = matched(images, work, arguments.longest)
    with pycolmap.Database.open(bench.database) as opened:
        cameras = {image.image_id: opened.read_camera(image.camera_id) for image in opened.read_all_images()}
        keypoints = {image_id: np.asarray(opened.read_keypoints(image_id)) for image_id in cameras}
        described = [np.ascontiguousarray(opened.read_descriptors(image_id).data) for image_id in list(cameras)[:5]]
        pair_ids, found = opened.read_all_matches()
    every = dict(zip(map(pycolmap.pair_id_to_image_pair, pair_ids), map(np.asarray, found), strict=True))
    chosen = sorted(every)[:: max(1, len(every) // arguments.most)]
    matches = {pair: every[pair] for pair in chosen}
    views = {image_id: two_view.view_of(cameras[image_id], keypoints[image_id]) for image_id in cameras}
    options = verification(SfmOptions())

    def ours(pair: tuple[int, int], of: np.ndarray) -> Any:
        first, second = (views[image_id] for image_id in pair)
        return two_view.to_colmap(two_view.verify(first, second, of, pair), first, second, of)

    def theirs(pair: tuple[int, int], of: np.ndarray) -> Any:
        first, second = (views[image_id] for image_id in pair)
        return pycolmap.estimate_two_view_geometry(
            first.camera, first.pixels, second.camera, second.pixels, of, options
        )

    (mine, my_ms), (reference, their_ms) = timed(ours, matches), timed(theirs, matches)
    holding = [np.array([len(one.inlier_matches) for one in by.values()]) for by in (mine, reference)]
    cells = [
        f"{images.name} ({count})",
        str(len(matches)),
        ", ".join(matching_times(described, work)),
        f"{my_ms:.2f}, {their_ms:.2f}",
        f"{their_ms / my_ms:.0f}",
        ", ".join(str((number > 0).sum()) for number in holding),
        ", ".join(str((number >= 30).sum()) for number in holding),
        ", ".join(str(number.sum()) for number in holding),
        rotations_apart(mine, reference, views),
    ]
    if arguments.shuffled:
        rng = np.random.default_rng(0)
        wrong = {pair: np.c_[of[:, 0], rng.permutation(of[:, 1])].astype(np.uint32) for pair, of in matches.items()}
        verified = (
            sum(len(found.inlier_matches) > 0 for found in timed(by, wrong)[0].values()) for by in (ours, theirs)
        )
        cells.append(", ".join(map(str, verified)))
    return cells


def gpu_rows(images: Path, work: Path, arguments: argparse.Namespace) -> Iterator[list[str]]:
    """One photo set: each of the rules, by few and by many threads."""
    from splatworker.machine.limits import available_cpus
    from splatworker.sfm import two_view
    from splatworker.sfm.colmap import pycolmap

    bench, count = matched(images, work, arguments.longest)
    with pycolmap.Database.open(bench.database) as opened:
        pair_ids, found = opened.read_all_matches()
        by_pair = dict(zip(map(pycolmap.pair_id_to_image_pair, pair_ids), map(np.asarray, found), strict=True))
        chosen = sorted(by_pair)[:: max(1, len(by_pair) // arguments.most)]
        views = {}
        for image_id in sorted({image_id for pair in chosen for image_id in pair}):
            camera = opened.read_camera(opened.read_image(image_id).camera_id)
            views[image_id] = two_view.view_of(camera, np.asarray(opened.read_keypoints(image_id)))
    pairs = [(views[pair[0]], views[pair[1]], by_pair[pair], pair) for pair in chosen]
    for rules, threads in (
        (two_view.USUAL, 2),
        (two_view.USUAL, available_cpus()),
        (two_view.STRICT, available_cpus()),
    ):
        seconds, processors, expected = in_threads(pairs, partial(two_view.verify_all, rules=rules), threads, 16)
        for size in (16, 64, max(1, min(256, len(pairs) // (2 * threads)))):
            on_gpu = partial(two_view.verify_all_on_gpu, rules=rules)
            gpu_seconds, gpu_processors, found_by_gpu = in_threads(pairs, on_gpu, threads, size)
            for (_, _, matches, pair), one, other in zip(pairs, expected, found_by_gpu, strict=True):
                if pickle.dumps(one) != pickle.dumps(other):
                    sys.exit(f"pair {pair} of {len(matches)} matches: {one} by processors, {other} by the GPU")
            yield [
                f"{images.name} ({count})",
                f"{len(pairs)}, {sum(map(len, by_pair.values()))}",
                "usual" if rules == two_view.USUAL else "strict",
                str(threads),
                f"{seconds:.3f}",
                f"{processors:.3f}",
                str(size),
                f"{gpu_seconds:.3f}",
                f"{gpu_processors:.3f}",
                f"{seconds / gpu_seconds:.1f}",
            ]


def in_threads(
    pairs: list[Any], how: Callable[[list[Any]], list[Any]], threads: int, size: int
) -> tuple[float, float, list[Any]]:
    """Seconds, those of processors, each the least of three times; and what is found, so many pairs a task."""
    seconds, processors, found = [], [], []
    for _ in range(3):
        with ThreadPoolExecutor(threads) as pool:
            start, before = time.monotonic(), time.process_time()
            done = pool.map(how, [pairs[k : k + size] for k in range(0, len(pairs), size)])
            found = [one for some in done for one in some]
            seconds.append(time.monotonic() - start)
            processors.append(time.process_time() - before)
    return min(seconds), min(processors), found


def timed(
    how: Callable[[tuple[int, int], np.ndarray], Any], matches: Mapping[tuple[int, int], np.ndarray]
) -> tuple[dict[tuple[int, int], Any], float]:
    """What is found of each pair, and processor milliseconds a pair."""
    start = time.process_time()
    found = {pair: how(pair, of) for pair, of in matches.items()}
    return found, 1e3 * (time.process_time() - start) / max(1, len(matches))


def matching_times(described: list[np.ndarray], work: Path) -> list[str]:
    """Milliseconds a pair of the matching kernel, for each instruction set there is."""
    file = work / "descriptors.npz"
    np.savez(file, *described)
    said = {}
    for isa in SETS:
        command = [sys.executable, "-c", TIMED, str(file)]
        done = subprocess.run(
            command, env=dict(os.environ, SPLATWORKER_ISA=isa), check=True, capture_output=True, text=True
        )
        name, ms = done.stdout.split()
        said[name] = f"{name} {float(ms):.1f}"
    return list(said.values())


def rotations_apart(mine: Mapping[Any, Any], reference: Mapping[Any, Any], views: Mapping[int, Any]) -> str:
    """Of the pairs that both call calibrated."""
    from splatworker.sfm.colmap import pycolmap

    apart = []
    for pair, theirs in reference.items():
        ours = mine[pair]
        if not ours.config == theirs.config == pycolmap.TwoViewGeometryConfiguration.CALIBRATED.value:
            continue
        first, second = (views[image_id] for image_id in pair)
        if pycolmap.estimate_two_view_geometry_pose(first.camera, first.pixels, second.camera, second.pixels, theirs):
            one, other = (np.asarray(by.cam2_from_cam1.matrix())[:, :3] for by in (ours, theirs))
            apart.append(np.degrees(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1, 1))))
    return "{:.3f}, {:.3f}".format(*np.percentile(apart, [50, 90])) if apart else "-"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--most", type=int, default=100_000, metavar="PAIRS")
    parser.add_argument("--longest", type=int, default=0, metavar="PIXELS")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
