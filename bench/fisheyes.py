"""Fisheye photos of a scene whose truth is a splat: what a whole run makes of them, for lenses of several widths.

    python bench/fisheyes.py OUT [--degrees 100 140 180] [--width 960] [--iterations 700] [--circle] [--keep FOLDER]
    python bench/fisheyes.py OUT --mixed [--bare]
    python bench/fisheyes.py --hall --circle --degrees 180 --width 560

OUT is what `splatworker run` has made. Its splat is drawn all around each of its scene's cameras, and of that a photo
is made as a fisheye of so many degrees across would have taken it: an angle from its axis is so many focal lengths
away, slightly bent. `--circle` draws a whole circle into black, as lenses of 180 degrees do. `--mixed` makes a third of
the photos ordinary ones, a third a fisheye's of 150 degrees and a third panoramas. Nothing is told of any but what a
camera's header would say; `--bare`: ordinary photos tell nothing of their camera either, and are of the fisheye's size.

The cameras are compared with those that the photos were drawn from. `held-out` is the score of every 8th picture.
`kept` is the share of the photos' pixels that is trained on. `--hall` takes photos in the tests' hall instead, which is
there in every direction, and scores views that no photo shows: halfway between two neighbours, looking as these do, and
65 and 80 degrees to either side.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import photo_sets
from support.photo_sets import fisheye_rays, pinhole_rays, sphere_rays

from splatworker.formats.camera import Camera
from splatworker.formats.find import find_splat
from splatworker.formats.panorama import Area, mark_equirectangular
from splatworker.formats.scene import read_scene
from splatworker.render.backend import renderer_for
from splatworker.render.interface import GaussianTensors, Renderer
from splatworker.render.tensors import to_tensors
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.views import View, views_of
from splatworker.splat_files.registry import read_any

BEND = -0.01
SIDEWAYS_DEG = (0.0, 65.0, 80.0)
PHONE = 0.75
"""Focal length of the ordinary photos, as a share of their width."""

Pixels = npt.NDArray[np.uint8]


def main() -> None:
    given = parse()
    if given.hall:
        in_the_hall(given)
        return
    renderer, scene = renderer_for("auto", tensors=True), read_scene(given.out / "scene")
    gaussians = read_any(find_splat(given.out))
    splat, degree = to_tensors(gaussians, renderer.device), gaussians.sh_degree
    cameras = {Path(photo.name).stem: photo.camera for photo in scene.photos}
    say("| photos | placed | rotation deg, mean, max | position %, mean, max | Gaussians | held-out | kept | s |")
    say("|---|---|---|---|---|---|---|---|")
    kinds = ["mixed"] if given.mixed else [f"{width:g} degrees" for width in given.degrees]
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            place = (given.keep or Path(folder)) / kind.replace(" ", "-")
            (place / "photos").mkdir(parents=True)
            for number, (stem, camera) in enumerate(cameras.items()):
                around = all_around(splat, degree, camera, renderer, given.width)
                take(place / "photos", stem, around, number, given, kind)
            started = time.monotonic()
            options = ["-p", f"iterations={given.iterations}", "--eval", "--ply-only"]
            command = [sys.executable, "-m", "splatworker", "run", str(place / "photos"), "-o", str(place / "out")]
            subprocess.run([*command, *options], check=True)
            say(row(kind, place / "out", cameras, time.monotonic() - started))


def take(
    folder: Path, stem: str, around: Callable[[npt.NDArray[np.float64]], Pixels], number: int,
    given: argparse.Namespace, kind: str,
) -> None:  # fmt: skip
    """Write a photo of what is around a camera."""
    width, height = given.width, given.width if given.circle else given.width * 3 // 4
    turn = number % 3 if kind == "mixed" else 1
    if turn == 2:
        picture = around(sphere_rays(2 * width))
    elif turn == 1:
        across = 150.0 if kind == "mixed" else float(kind.split(maxsplit=1)[0])
        rays = fisheye_rays(width, height, width / np.radians(across) / (1 + BEND), BEND)
        picture = around(rays)
        if given.circle:
            x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
            picture[np.hypot(x, y) > width / 2] = 0
    else:
        picture = around(pinhole_rays(width, height, PHONE * width))
    exif = Image.Exif()
    if turn == 0 and not given.bare:
        exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Drawn", "ordinary lens"
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = round(36 * PHONE)
    Image.fromarray(picture).save(folder / f"{stem}.jpg", quality=95, subsampling=0, exif=exif)
    if turn == 2:
        mark_equirectangular(folder / f"{stem}.jpg")


def all_around(
    splat: GaussianTensors, degree: int, camera: Camera, renderer: Renderer, width: int
) -> Callable[[npt.NDArray[np.float64]], Pixels]:
    """What a camera would see along rays, (H, W, 3) in its frame, of any lens: looked up in six pictures."""
    faces: list[tuple[View, Pixels]] = []
    for view in views_of(Area(), 4 * width):
        looking = Camera(view.width, view.height, *view.calibration, view.rotation() @ camera.camera_from_world)
        image = renderer.render(splat, looking, np.zeros(3, np.float32), degree)
        pixels = np.asarray(image.cpu() if hasattr(image, "cpu") else image)
        faces.append((view, (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)))

    def along(rays: npt.NDArray[np.float64]) -> Pixels:
        picture = np.zeros((*rays.shape[:2], 3), np.uint8)
        for view, face in faces:
            x, y, z = np.moveaxis(rays @ view.rotation().T, -1, 0)
            with np.errstate(divide="ignore", invalid="ignore"):
                i = (view.calibration.fx * x / z + view.calibration.cx - 0.5).clip(-1, view.width)
                j = (view.calibration.fy * y / z + view.calibration.cy - 0.5).clip(-1, view.height)
            seen = (z > 0) & (np.abs(x) <= z) & (np.abs(y) <= z)
            picture[seen] = between(face, i[seen], j[seen])
        return picture

    return along


def between(face: Pixels, i: npt.NDArray[np.float64], j: npt.NDArray[np.float64]) -> Pixels:
    """Bilinear between pixels, (N, 3)."""
    height, width = face.shape[:2]
    i, j = i.clip(0, width - 1.001), j.clip(0, height - 1.001)
    left, top = i.astype(int), j.astype(int)
    u, v = (i - left)[:, None], (j - top)[:, None]
    upper = face[top, left] * (1 - u) + face[top, left + 1] * u
    lower = face[top + 1, left] * (1 - u) + face[top + 1, left + 1] * u
    return np.asarray(upper * (1 - v) + lower * v + 0.5, dtype=np.uint8)


def in_the_hall(given: argparse.Namespace) -> None:
    """Fisheye photos of the tests' hall, which is everywhere around: views ahead and aside, halfway between photos."""
    poses = {}
    for number, angle in enumerate(np.linspace(0, 2 * np.pi, 14, endpoint=False)):
        center = np.array([0.9 * np.sin(angle), 1.2 + 0.25 * (number % 3), 0.2 + 0.9 * np.cos(angle)])
        target = np.array([0.4 * np.sin(2 * angle), 0.9, -1.2])
        poses[f"{number:02d}"] = photo_sets.look_at(center, target, roll=0.05 * np.sin(number))
    say("| photos | placed | kept | " + " | ".join(f"{degrees:g} degrees" for degrees in SIDEWAYS_DEG) + " | s |")
    say("|---|---|---|" + "---|" * len(SIDEWAYS_DEG) + "---|")
    with tempfile.TemporaryDirectory() as folder:
        for across in given.degrees:
            place = (given.keep or Path(folder)) / f"hall-{across:g}"
            (place / "photos").mkdir(parents=True)
            for stem, pose in poses.items():
                take(place / "photos", stem, partial(seen_in_the_hall, pose), 1, given, f"{across:g} degrees")
            started = time.monotonic()
            command = [sys.executable, "-m", "splatworker", "run", str(place / "photos"), "-o", str(place / "out")]
            subprocess.run([*command, "-p", f"iterations={given.iterations}", "--ply-only"], check=True)
            seconds = time.monotonic() - started
            counted = json.loads((place / "out" / "result.json").read_text())["photos"]
            scores = " | ".join(f"{score:.2f} dB" for score in between_photos(place / "out", poses))
            placed = f"{counted['registered']} of {counted['given']}"
            say(f"| {across:g} degrees | {placed} | {share_kept(place / 'out'):.0%} | {scores} | {seconds:.0f} |")


def seen_in_the_hall(pose: npt.NDArray[np.float64], rays: npt.NDArray[np.float64]) -> Pixels:
    """What lies along rays of a camera in the hall."""
    return np.asarray(photo_sets.photograph(photo_sets.hall(), pose, rays))


def between_photos(out: Path, poses: dict[str, npt.NDArray[np.float64]]) -> list[float]:
    """PSNR of views that no photo shows, by how far they look aside: halfway between two neighbours, to either side."""
    renderer, gaussians = renderer_for("auto", tensors=True), read_any(find_splat(out))
    splat = to_tensors(gaussians, renderer.device)
    found = {Path(photo.name).stem: photo.camera.camera_from_world for photo in read_scene(out / "scene").photos}
    rays = pinhole_rays(240, 180, 210.0)
    scores: dict[float, list[float]] = {degrees: [] for degrees in SIDEWAYS_DEG}
    for first, second in list(pairwise(stem for stem in poses if stem in found))[::2]:
        for degrees in SIDEWAYS_DEG:
            for yaw in np.radians([degrees, -degrees]):
                turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
                camera = Camera(240, 180, 210.0, 210.0, 120.0, 90.0, turn @ halfway(found[first], found[second]))
                image = renderer.render(splat, camera, np.zeros(3, np.float32), gaussians.sh_degree)
                drawn = np.clip(np.asarray(image.cpu() if hasattr(image, "cpu") else image), 0, 1).transpose(1, 2, 0)
                truth = seen_in_the_hall(turn @ halfway(poses[first], poses[second]), rays) / 255
                scores[degrees].append(-10 * np.log10(np.square(drawn - truth).mean()))
    return [float(np.mean(scores[degrees])) for degrees in SIDEWAYS_DEG]


def halfway(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(3, 4) camera_from_world between two: half of the turn, and half of the way."""
    centers = [-pose[:, :3].T @ pose[:, 3] for pose in (first, second)]
    u, _, v = np.linalg.svd(first[:, :3] + second[:, :3])  # the rotation nearest to both
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    return np.hstack([rotation, (-rotation @ (centers[0] + centers[1]) / 2)[:, None]])


def share_kept(out: Path) -> float:
    """The share of the photos' pixels that is trained on, as the run's warning says it; 1 where it says nothing."""
    told = " ".join(json.loads((out / "result.json").read_text())["warnings"])
    shares = re.search(r"of each photo the (\d+)%.*?(?:, and (\d+)% beside it|used\.)", told)
    return (int(shares[1]) + int(shares[2] or 0)) / 100 if shares else 1.0


def row(kind: str, out: Path, cameras: dict[str, Camera], seconds: float) -> str:
    """A line of the table."""
    result = json.loads((out / "result.json").read_text())
    found, truth = {}, {}
    for photo in read_scene(out / "scene").photos:
        stem = Path(photo.name).stem
        if stem in cameras:  # and no view of another, which lies where it was cut
            found[stem], truth[stem] = photo.camera.camera_from_world, cameras[stem].camera_from_world
    difference = compare_poses(found, truth)
    turn, shift = difference.rotation_deg, 100 * difference.position
    placed = f"{result['photos']['registered']} of {result['photos']['given']}"
    return (
        f"| {kind} | {placed} | {turn.mean():.3f}, {turn.max():.3f} | {shift.mean():.3f}, {shift.max():.3f} | "
        f"{result['gaussians']} | {result['quality']['psnr']:.2f} dB | "
        f"{share_kept(out):.0%} | {seconds:.0f} |"
    )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT", help="folder of a run, with its splat and scene/")
    parser.add_argument("--hall", action="store_true", help="photos of the tests' hall, in place of a run's splat")
    parser.add_argument("--degrees", type=float, nargs="+", default=[100.0, 140.0, 180.0], help="across a photo")
    parser.add_argument("--width", type=int, default=960, help="pixels of a photo")
    parser.add_argument("--iterations", type=int, default=700)
    parser.add_argument("--circle", action="store_true", help="square photos of a circle in black")
    parser.add_argument("--mixed", action="store_true", help="photos, fisheyes and panoramas in one set")
    parser.add_argument("--bare", action="store_true", help="ordinary photos without a header")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to leave photos and results")
    given = parser.parse_args()
    if given.out is None and not given.hall:
        parser.error("OUT is needed, or --hall")
    return given


if __name__ == "__main__":
    main()
