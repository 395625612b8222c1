"""Cameras of many photos: how their time grows, and whether they stay true.

    python bench/many_photos.py                     50, 100, 200 and 300 photos, by our own code
    python bench/many_photos.py 500 --keep FOLDER   so many; the photos are left there, for the next time
    python bench/many_photos.py 200 --shape chain   forward along a corridor, each photo a step further

One group of things (`tests/support/true_scenes.py`, ring) is photographed from three heights, from all around; or, as
a chain, a corridor that grows with the photos, where nothing but the next ones holds a photo in its place. A row is a
number of photos: the pairs that were matched, seconds of processors in all, by the wall the parts that are told, and
the share of true relative poses as in `bench/camera_truth.py`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.camera_errors import ANGLES, beside
from support.true_scenes import TrueScene, chain, circle, ring, take

HEIGHTS = ((3.0, 1.5), (2.6, 0.8), (3.4, 2.4))
"""Radius and height of each circle of photos."""

PARTS = ("features", "matching", "mapping", "polishing", "undistortion")


def main() -> int:
    arguments = parse()
    print("| photos | placed | pairs | processor s | MiB | " + " | ".join(PARTS), end="")
    print(" | AUC at " + " | ".join(f"{angle:g}" for angle in ANGLES) + " degrees |")
    print("|" + "---|" * (5 + len(PARTS) + len(ANGLES)))
    with tempfile.TemporaryDirectory() as work:
        for count in arguments.counts:
            scene = SHAPES[arguments.shape](count)
            photos = (arguments.keep or Path(work)) / (
                f"{count}-photos" if arguments.shape == "ring" else f"{count}-chain"
            )
            if not photos.exists():
                take(photos, scene)
            print(row(count, scene, photos, Path(work) / f"{count}", arguments), flush=True)
    return 0


def around(count: int) -> TrueScene:
    """The things of the ring, and where so many photos are taken from."""
    things, poses = ring().rectangles, []
    for number, (radius, height) in enumerate(HEIGHTS):
        share = (count + number) // len(HEIGHTS)
        poses += circle(share, radius, height, (0, 0.4, 0), seed=number)
    return TrueScene(things, poses)


SHAPES = {"ring": around, "chain": chain}


def row(count: int, scene: TrueScene, photos: Path, out: Path, arguments: argparse.Namespace) -> str:
    """Of the table: a number of photos, by a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = ["sfm", str(photos), "-o", str(out), "--undistort-max-size", "64", "--device", arguments.device, "--json"]
    subprocess.run([sys.executable, "-m", "splatworker", *words], check=False, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    if not (out / "report.json").is_file():
        return f"| {count} | none |"
    report = json.loads((out / "report.json").read_text())
    truth = {f"{number:03d}.jpg": pose for number, pose in enumerate(scene.poses, 1)}
    found = beside(scene.lens, truth, out)
    times = [f"{report['timings'].get(part, 0):.1f}" for part in PARTS]
    auc = [f"{one:.1f}" for one in found.auc]
    cells = [count, found.placed, report["pairs"]["matched"], f"{seconds:.0f}", used.ru_maxrss >> 10, *times, *auc]
    return "| " + " | ".join(map(str, cells)) + " |"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=[50, 100, 200, 300], metavar="PHOTOS")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="cpu")
    parser.add_argument("--shape", choices=SHAPES, default="ring")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
