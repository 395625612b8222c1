"""How near to the truth the cameras of a rendered scene come out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from support.true_scenes import HEIGHT, WIDTH, Lens

from splatworker.errors import SplatError
from splatworker.formats.scene import read_scene
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.compare import Poses
from splatworker.sfm.options import Engine, SfmOptions
from splatworker.sfm.reconstruct import reconstruct
from splatworker.stages.progress import Silent

ANGLES = (0.5, 1.0, 5.0)
"""Degrees up to which an area is taken."""

ENGINES: tuple[Engine, ...] = ("own", "colmap")


@dataclass(frozen=True)
class Truthful:
    """How near to the truth cameras came out.

    Attributes:
        placed: photos that have one.
        auc: for each of `ANGLES`, in percent.
        focal: how many percent the focal length is too long.
        lens_px: how far the lens draws pixels from where they are, in the root mean square.
    """

    placed: int
    auc: tuple[float, ...]
    focal: float
    lens_px: float


def tried(photos: Path, scene: Path, engine: Engine, seed: int = 0) -> Path | SplatError:
    """The scene of these photos, or why no cameras were found."""
    options = SfmOptions(engine=engine, seed=seed, device="cpu", undistort_max_size=64)
    try:
        reconstruct(photos, scene, options, Silent())
    except SplatError as error:
        return error
    return scene


def beside(lens: Lens, truth: Poses, scene: Path | SplatError) -> Truthful:
    """A scene's cameras and lens beside the true ones."""
    if isinstance(scene, SplatError):
        return Truthful(0, (0.0,) * len(ANGLES), float("nan"), float("nan"))
    poses = {photo.name: photo.camera.camera_from_world for photo in read_scene(scene).photos}
    errors = relative_errors(poses, truth)
    of_lens = json.loads((scene / "report.json").read_text())["cameras"][0]
    focal, lens_px = lens_errors(of_lens, lens)
    return Truthful(len(poses), tuple(100 * area_under(errors, angle) for angle in ANGLES), focal, lens_px)


def relative_errors(poses: Poses, truth: Poses) -> np.ndarray:
    """(P,) degrees, of each pair of the truth's photos; infinite where one has no pose."""
    errors = []
    for first, second in combinations(sorted(truth), 2):
        if first not in poses or second not in poses:
            errors.append(np.inf)
            continue
        (turn, ahead), (true_turn, true_ahead) = (relative(of[first], of[second]) for of in (poses, truth))
        errors.append(max(angle_of(turn @ true_turn.T), between(ahead, true_ahead)))
    return np.array(errors)


def relative(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation from one camera to another, of two (3, 4) camera_from_world."""
    turn = second[:, :3] @ first[:, :3].T
    return turn, second[:, 3] - turn @ first[:, 3]


def angle_of(rotation: np.ndarray) -> float:
    """Degrees; from the skew part, which is exact for small ones."""
    skew = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    return float(np.degrees(np.arctan2(np.linalg.norm(skew) / 2, (np.trace(rotation) - 1) / 2)))


def between(one: np.ndarray, other: np.ndarray) -> float:
    """Degrees between two directions."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other)))


def area_under(errors: np.ndarray, angle: float) -> float:
    """The area under the share of errors up to each angle from 0 to `angle`, 1 if all were 0.

    Each error e under it is counted from e on: (angle - e) / angle.
    """
    return float(np.clip(1 - errors / angle, 0, None).mean())


def lens_errors(found: dict[str, Any], lens: Lens) -> tuple[float, float]:
    """(percent of the focal length, pixels in the root mean square over the photo) of a report's camera."""
    camera = pycolmap.Camera.create_from_model_name(1, found["model"], lens.focal, WIDTH, HEIGHT)
    camera.params = list(found["params"].values())
    x, y = np.meshgrid(np.arange(8.0, WIDTH, 16), np.arange(8.0, HEIGHT, 16))
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    rays = np.hstack([lens.camera().cam_from_img(pixels), np.ones((len(pixels), 1))])
    off = np.linalg.norm(np.asarray(camera.img_from_cam(rays)) - pixels, axis=1)
    return 100 * (camera.mean_focal_length() / lens.focal - 1), float(np.sqrt((off**2).mean()))
