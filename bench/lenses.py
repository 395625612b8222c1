"""Photos of one size by several lenses, which nothing tells: what becomes of their cameras, beside the truth.

    python bench/lenses.py                               all ways to mix lenses, of the ring
    python bench/lenses.py ring room --mix tele slight   some scenes and ways
    python bench/lenses.py --keep FOLDER                 photos are left there, and taken from there the next time

The scenes are those of `bench/camera_truth.py`, as is what AUC means. A row tells how many photos were placed, how many
cameras their lenses were told apart into, of how many there were, and how often a photo shares a camera with most of
those of its own lens.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
from support.camera_errors import ANGLES, area_under, relative_errors, tried
from support.true_scenes import HEIGHT, SCENES, WIDTH, Lens, take

from splatworker.formats.scene import read_scene
from splatworker.sfm.colmap import pycolmap

Mix = Callable[[Lens, int], Sequence[pycolmap.Camera]]


def zoomed(lens: Lens, zoom: float) -> pycolmap.Camera:
    """The lens at another focal length, as bent at the photo's edge."""
    return Lens(zoom * lens.focal, lens.k1 / zoom, lens.k2 / zoom, lens.p1, lens.p2).camera()


def fisheye() -> pycolmap.Camera:
    """150 degrees across."""
    camera = pycolmap.Camera.create_from_model_name(1, "SIMPLE_RADIAL_FISHEYE", 1.0, WIDTH, HEIGHT)
    camera.params = [WIDTH / np.radians(150), WIDTH / 2, HEIGHT / 2, -0.01]
    return camera


def in_turn(*zooms: float) -> Mix:
    """Photo by photo the next of these focal lengths; 0 is a fisheye."""

    def mix(lens: Lens, count: int) -> Sequence[pycolmap.Camera]:
        each = [zoomed(lens, zoom) if zoom else fisheye() for zoom in zooms]
        return [each[number % len(each)] for number in range(count)]

    return mix


def zooming(lens: Lens, count: int) -> Sequence[pycolmap.Camera]:
    """Every photo by a focal length of its own."""
    zooms = np.exp(np.random.default_rng(5).uniform(np.log(0.8), np.log(1.8), count))
    return [zoomed(lens, float(zoom)) for zoom in zooms]


def in_halves(lens: Lens, count: int) -> Sequence[pycolmap.Camera]:
    """The first half by one lens, the second by one half as long again."""
    first, second = zoomed(lens, 1.0), zoomed(lens, 1.5)
    return [first if number < count // 2 else second for number in range(count)]


MIXES: dict[str, Mix] = {
    "one": in_turn(1.0),
    "slight": in_turn(1.0, 1.06),
    "mild": in_turn(1.0, 1.2),
    "tele": in_turn(1.0, 2.0),
    "few-tele": in_turn(1.0, 1.0, 2.0),
    "few-wide": in_turn(1.0, 1.0, 0.55),
    "three": in_turn(1.0, 1.4, 2.0),
    "halves": in_halves,
    "zooming": zooming,
    "fisheye": in_turn(1.0, 0),
    "few-fisheye": in_turn(1.0, 1.0, 0),
    "most-fisheye": in_turn(0, 0, 1.0),
}


def main() -> int:
    arguments = parse()
    print("| scene | lenses | placed | cameras, lenses | with their own | AUC at ", end="")
    print(" | ".join(f"{angle:g}" for angle in ANGLES) + " degrees |\n|" + "---|" * (5 + len(ANGLES)))
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.names:
            for mix in arguments.mix:
                scene, photos = SCENES[name](), (arguments.keep or Path(work)) / f"{name.replace(' ', '-')}-{mix}"
                cameras = MIXES[mix](scene.lens, len(scene.poses))
                if not photos.exists():
                    take(photos, scene, cameras=cameras)
                found = tried(photos, Path(work) / f"{photos.name}-scene", "own")
                if isinstance(found, Exception):
                    print(f"| {name} | {mix} | {found} |", flush=True)
                    continue
                print(row(name, mix, scene.poses, cameras, found), flush=True)
    return 0


def row(name: str, mix: str, poses: Sequence[np.ndarray], cameras: Sequence[pycolmap.Camera], found: Path) -> str:
    """Of the table."""
    truth = {f"{number:03d}.jpg": pose for number, pose in enumerate(poses, 1)}
    lens_of = {f"{number:03d}.jpg": tuple(camera.params) for number, camera in enumerate(cameras, 1)}
    placed = {photo.name: photo.camera.camera_from_world for photo in read_scene(found).photos}
    errors = relative_errors(placed, truth)
    groups = [camera["photos"] for camera in json.loads((found / "report.json").read_text())["cameras"]]
    own = sum(max(Counter(lens_of[photo] for photo in group).values()) for group in groups)
    cells = [name, mix, f"{len(placed)} of {len(truth)}", f"{len(groups)}, {len(set(lens_of.values()))}", str(own)]
    return "| " + " | ".join(cells + [f"{100 * area_under(errors, angle):.1f}" for angle in ANGLES]) + " |"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="SCENE", default=["ring"], help=", ".join(SCENES))
    parser.add_argument("--mix", nargs="+", choices=MIXES, default=list(MIXES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
