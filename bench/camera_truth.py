"""Cameras beside the truth: ten rendered scenes, found by our own code and by COLMAP's.

    python bench/camera_truth.py                            all ten scenes, both engines
    python bench/camera_truth.py corridor facade --seeds 3  some of them, with three seeds of every random choice each
    python bench/camera_truth.py --keep FOLDER              photos are left there, and taken from there the next time

A row is a scene and an engine, with the mean of its seeds. AUC at an angle is the area, in percent, under the curve of
the share of all pairs of photos (also of those that were not placed) whose relative pose is off by at most so much, up
to that angle. Of the angle between the rotations and that between the directions from one camera to the other the
larger counts. `lens` is how far the lens that was found draws the photo's pixels from where they are, in the
root mean square over the photo. Scenes and lenses are `tests/support/true_scenes.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.camera_errors import ANGLES, ENGINES, Truthful, beside, tried
from support.true_scenes import SCENES, take


def main() -> int:
    arguments = parse()
    print("| scene | engine | placed | AUC at " + " | ".join(f"{angle:g}" for angle in ANGLES), end="")
    print(" degrees | focal % | lens px |\n|---|---|---|" + "---|" * (len(ANGLES) + 2))
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.names or SCENES:
            scene, photos = SCENES[name](), (arguments.keep or Path(work)) / name.replace(" ", "-")
            truth = {f"{number:03d}.jpg": pose for number, pose in enumerate(scene.poses, 1)}
            if not photos.exists():
                take(photos, scene)
            for engine in arguments.engines:
                seeds = range(arguments.seeds)
                found = [tried(photos, Path(work) / f"{name}-{engine}-{seed}", engine, seed) for seed in seeds]
                for one in found:
                    if isinstance(one, Exception):
                        print(f"{name}, {engine}: {one}", file=sys.stderr)
                print(row(name, engine, [beside(scene.lens, truth, one) for one in found]), flush=True)
    return 0


def row(name: str, engine: str, found: list[Truthful]) -> str:
    """Of a table: means over the seeds."""
    cells = [name, engine, f"{mean(one.placed for one in found):g}"]
    cells += [f"{mean(one.auc[number] for one in found):.1f}" for number in range(len(ANGLES))]
    cells += [f"{mean(one.focal for one in found):+.3f}", f"{mean(one.lens_px for one in found):.2f}"]
    return "| " + " | ".join(cells) + " |"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="SCENE", help=", ".join(SCENES))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
