"""How far cameras are off, told by a splat: what held-out photos score as they are, and with their cameras refined.

    python bench/camera_offsets.py SCENE SPLAT [--resolution 640] [--device cpu]

SCENE is a COLMAP folder of undistorted photos, SPLAT a PLY that was trained on seven of eight of them (`eval`). Each
photo held out is drawn at its camera, and at the camera that fits it best: six numbers, by Gauss-Newton steps on the
squared errors of all pixels with derivatives by differences of renders. A training that refined its cameras could gain
no more on photos held out than these gain here, each by itself and knowing its photo. The gain and offset of each
colour that fit best (`cc`) say what the photo's exposure costs beside it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt
from novel_views import Pixels, colour_corrected, on_host, psnr

STEPS = 6
NUDGE = 0.3
"""Pixels that the middle of the picture moves by, about, for a derivative."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("splat", type=Path)
    parser.add_argument("--resolution", default="640", help="as for `splatworker train`")
    parser.add_argument("--device", default="cpu")
    print_table(measure(parser.parse_args()))


def measure(given: argparse.Namespace) -> list[tuple[str, list[float], float]]:
    """Each held-out photo's name; PSNR as it is, colour-corrected, refined, and both; how far its camera moved, px."""
    from splatworker.export.pictures import SplatRenderer
    from splatworker.formats.ply import read_ply
    from splatworker.formats.scene import read_scene, split
    from splatworker.render.backend import renderer_for
    from splatworker.train.options import parse
    from splatworker.train.photos import load_views

    options, _ = parse(["-s", str(given.scene), "-m", "unused", "-r", given.resolution, "--eval"])
    renderer, scene = renderer_for(given.device), read_scene(given.scene)
    splat = SplatRenderer(read_ply(given.splat), renderer, (0.0, 0.0, 0.0))
    _, photos = split(scene.photos, True)
    told = []
    for photo, view in zip(photos, load_views(photos, options, renderer.device), strict=True):
        truth = on_host(view.photo) / 255
        best, moved = refined(splat, view.camera, truth, middle_depth(view.camera, scene.points.xyz))
        before, after = drawn(splat, view.camera), drawn(splat, best)
        images = (before, colour_corrected(before, truth), after, colour_corrected(after, truth))
        told.append((photo.name, [psnr(image, truth) for image in images], moved))
        print(f"{photo.name}: {told[-1][1][0]:.2f} dB, refined {told[-1][1][2]:.2f} dB", flush=True)
    return told


def drawn(splat: Any, camera: Any) -> Pixels:
    pixels: Pixels = np.clip(on_host(splat.image(camera)), 0, 1)
    return pixels


def middle_depth(camera: Any, xyz: npt.NDArray[np.float64]) -> float:
    """The median depth of the points ahead of a camera, in the scene's units."""
    depth = xyz @ camera.camera_from_world[2, :3] + camera.camera_from_world[2, 3]
    return float(np.median(depth[depth > 0]))


def refined(splat: Any, camera: Any, truth: Pixels, depth: float) -> tuple[Any, float]:
    """The camera whose picture is nearest to the photo, and how far a middle point of the picture moves, in pixels."""
    best, error = camera, float(np.mean((drawn(splat, camera) - truth) ** 2))
    for _ in range(STEPS):
        residual = (drawn(splat, best) - truth).ravel()
        slopes = np.stack(
            [
                (drawn(splat, nudged(best, aside, depth)) - drawn(splat, nudged(best, -aside, depth))).ravel()
                for aside in NUDGE * np.eye(6)
            ],
            axis=1,
        ) / (2 * NUDGE)
        normal = slopes.T @ slopes
        step = -np.linalg.solve(normal + 1e-6 * np.trace(normal) * np.eye(6), slopes.T @ residual)
        tries = [nudged(best, share * step, depth) for share in (1.0, 0.5, 0.25)]
        errors = [float(np.mean((drawn(splat, one) - truth) ** 2)) for one in tries]
        if min(errors) > error * (1 - 1e-4):
            break
        best, error = tries[int(np.argmin(errors))], min(errors)
    return best, shift(camera, best, depth)


def nudged(camera: Any, by: npt.NDArray[np.float64], depth: float) -> Any:
    """The camera turned by by[:3] and moved by by[3:], in pixels of the middle of the picture at `depth`."""
    from scipy.spatial.transform import Rotation

    turn, pose = Rotation.from_rotvec(by[:3] / camera.fx).as_matrix(), camera.camera_from_world.astype(np.float64)
    moved = np.array(pose)
    moved[:3, :3] = turn @ pose[:3, :3]
    moved[:3, 3] = turn @ pose[:3, 3] + by[3:] * depth / camera.fx
    return replace(camera, camera_from_world=moved)


def shift(before: Any, after: Any, depth: float) -> float:
    """How far what is straight ahead of one camera at `depth` moves in the picture of the other, in pixels."""
    here, there = before.camera_from_world.astype(np.float64), after.camera_from_world.astype(np.float64)
    point = here[:3, :3].T @ (np.array([0, 0, depth]) - here[:3, 3])
    x, y, z = there[:3, :3] @ point + there[:3, 3]
    return float(np.hypot(before.fx * x / z, before.fy * y / z))


def print_table(told: list[tuple[str, list[float], float]]) -> None:
    """A row a photo, and the means."""
    print("| photo | as it is | cc | refined | both | moved, px |\n|---|---|---|---|---|---|")
    for name, scores, moved in told:
        print(f"| {name} | {' | '.join(f'{score:.2f}' for score in scores)} | {moved:.2f} |")
    means = np.mean([scores for _, scores, _ in told], axis=0)
    print(f"| mean | {' | '.join(f'{score:.2f}' for score in means)} | {mean(moved for *_, moved in told):.2f} |")


if __name__ == "__main__":
    main()
