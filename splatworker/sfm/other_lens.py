"""One photo by another lens, or zoomed, among photos that are taken to share a camera: photos without EXIF of one size.

Its camera is placed, somewhere, by the few matches that fit the wrong focal length. So a photo with which few matches
agree closely is placed once more by the points that the others give its matches, with the focal length free: if that
explains many more of them, by another focal length, that is its lens.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from splatworker.sfm import agreement
from splatworker.sfm.agreement import Placed, Verified
from splatworker.sfm.colmap import pycolmap

MANY_MORE = 1.3
"""A focal length of its own is believed if it explains so many times the matches that the shared one does. Of a
photo at 55 % of the others' focal length it was 1.8 and 2.1 times as many, of those others 1.00."""

CLEARLY_OTHER = 1.1
"""and if it differs by this factor: less is what a shared camera makes up for."""

FEWEST = 30
"""Matches with a point, under which nothing is said."""

_ERROR_PX = 4.0


def other_focals(
    model: pycolmap.Reconstruction,
    verified: Verified,
    doubtful: Collection[int],
    placed: Mapping[int, Placed] | None = None,
) -> dict[int, float]:
    """Image id -> its focal length in pixels, of those of the doubtful images that another lens has taken.

    Args:
        placed: the model's photos, if they are known (`agreement.placed`).
    """
    if not doubtful:
        return {}
    placed = placed or agreement.placed(model, verified)
    found = {}
    for image_id in sorted(doubtful):
        camera = model.camera(model.image(image_id).camera_id)
        pixels, points = seen(image_id, placed, verified)
        if len(pixels) < FEWEST:
            continue
        shared, _ = explained(camera, pixels, points, free=False)
        own, focal = explained(camera, pixels, points, free=True)
        differs = max(focal, camera.mean_focal_length()) / min(focal, camera.mean_focal_length())
        if own >= max(FEWEST, MANY_MORE * shared) and differs >= CLEARLY_OTHER:
            found[image_id] = focal
    return found


def seen(
    image_id: int, placed: Mapping[int, Placed], verified: Verified
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(N, 2) pixels of the photo's features that match one with a point, and (N, 3) these points."""
    points = np.full((len(verified.keypoints[image_id]), 3), np.nan)
    for (first, second), matches in verified.matches.items():
        if image_id in (first, second) and len(matches):
            own, other = (0, 1) if image_id == first else (1, 0)
            if (partner := placed.get((first, second)[other])) is None:
                continue
            of_others = partner.points[matches[:, other]]
            known = np.isfinite(of_others[:, 0])
            points[matches[known, own]] = of_others[known]
    known = np.isfinite(points[:, 0])
    return np.asarray(verified.keypoints[image_id][known, :2], np.float64), points[known]


def explained(
    camera: pycolmap.Camera, pixels: npt.NDArray[np.float64], points: npt.NDArray[np.float64], *, free: bool
) -> tuple[int, float]:
    """How many points a camera can be placed by, and its focal length; `free` to be another than the given one."""
    estimation, refinement = pycolmap.AbsolutePoseEstimationOptions(), pycolmap.AbsolutePoseRefinementOptions()
    estimation.ransac.max_error = _ERROR_PX
    estimation.ransac.random_seed = 0
    estimation.estimate_focal_length = refinement.refine_focal_length = free
    refinement.print_summary = False
    tried = copy.deepcopy(camera)
    found = pycolmap.estimate_and_refine_absolute_pose(pixels, points, tried, estimation, refinement)
    return (int(found["num_inliers"]), float(tried.mean_focal_length())) if found else (0, camera.mean_focal_length())
