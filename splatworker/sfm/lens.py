"""Which lens the matches speak for: one that draws straight lines straight, nearly, or a fisheye.

A fisheye draws an angle as a distance from the middle that grows with it evenly, an ordinary lens draws its tangent.
Two photos tell which it was: by the rays of the right lens, of about the right focal length, more of their matches obey
one epipolar geometry. Of twelve renders of 100, 140 and 170 degrees 1.17, 1.37 and 1.46 times as many did by the best
fisheye as by any ordinary lens, and the focal length with most was the true one. Of six sets from ordinary lenses it
was 0.9995 to 1.0016 times as many. By our own estimation, of essential matrices alone, renders of 102, 145 and 183
degrees measured 1.22, 1.43 and 1.47, and sets from ordinary lenses 0.85 to 0.99.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from splatworker.sfm import database, two_view
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.pairs import Pair
from splatworker.sfm.workbench import Workbench

ORDINARY_FOCAL = 0.55
"""A header that tells a focal length above this multiple of the longer side, 20 mm on film, tells an ordinary lens."""

FISHEYE_FOCALS = tuple(np.geomspace(0.26, 0.78, 8).tolist())
"""Focal lengths tried, as multiples of the longer side: views of 220 to 73 degrees across."""

ORDINARY_FOCALS = (0.7, 1.2)
"""The same of ordinary lenses: where none fits, COLMAP takes a geometry that knows no focal length."""

CLEARLY_MORE = 1.05
"""A fisheye is spoken for by so many times the matches that obey an ordinary lens."""

_PAIRS = 12
"""Pairs of photos that are asked, those with most matches."""

_FEWEST_PHOTOS = 3

_ERROR = 2e-3
"""A match obeys a geometry that misses it by no more than this share of the longer side."""

_TRIALS = 400


def find_fisheyes(bench: Workbench, groups: Sequence[CameraGroup], graph: MatchGraph) -> dict[int, float]:
    """Camera id, which counts the groups from 1, -> focal length in pixels, of the cameras that are fisheyes.

    Where the options name a fisheye all are, but for those of panoramas' views. Where they name another model none is.
    Else a camera is one whose header does not tell an ordinary lens and whose photos speak for it clearly.
    """
    chosen = bench.options.camera_model
    if chosen not in ("auto", database.FISHEYE):
        return {}
    with pycolmap.Database.open(bench.database) as opened:
        camera_of = {image.image_id: image.camera_id for image in opened.read_all_images()}
        found = {}
        for camera_id, group in enumerate(groups, 1):
            longer = max(group.width, group.height)
            told_ordinary = group.has_prior and group.focal > ORDINARY_FOCAL * longer
            if (
                group.calibration
                or group.told
                or (chosen == "auto" and (told_ordinary or len(group.photos) < _FEWEST_PHOTOS))
            ):
                continue
            pairs = sorted(
                (pair for pair in graph.inliers if all(camera_of[image_id] == camera_id for image_id in pair)),
                key=lambda pair: (-graph.inliers[pair], pair),
            )[:_PAIRS]
            matches = [matches_of(opened, pair) for pair in pairs]
            least = 0.0  # matches that a fisheye must explain
            if chosen == "auto":
                least = CLEARLY_MORE * max(_obeying(bench, group, "SIMPLE_PINHOLE", ORDINARY_FOCALS, matches))
                if not matches or sum(len(pixels) for pixels, _ in matches) < least:
                    continue  # none explains more than all: so it is with ordinary lenses, nearly always
            counts = list(_obeying(bench, group, "SIMPLE_FISHEYE", FISHEYE_FOCALS, matches))
            best = int(np.argmax(counts))
            if counts[best] >= least:
                found[camera_id] = FISHEYE_FOCALS[best] * longer
    return found


Matches = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""(N, 2) pixels in one photo, and in another."""

Cameras = tuple[pycolmap.Camera, pycolmap.Camera]
"""Of one photo, and of another."""


def matches_of(opened: pycolmap.Database, pair: Pair) -> Matches:
    """A pair's, not verified."""
    first, second = (np.asarray(opened.read_keypoints(image_id))[:, :2].astype(np.float64) for image_id in pair)
    matches = np.asarray(opened.read_matches(*pair))
    return first[matches[:, 0]], second[matches[:, 1]]


def _obeying(
    bench: Workbench, group: CameraGroup, model: str, focals: Sequence[float], matches: Sequence[Matches]
) -> Iterator[int]:
    """For each focal length, how many matches obey the geometry of their photos if this was the lens."""
    longer = max(group.width, group.height)

    def of_pair(camera: pycolmap.Camera, number: int) -> int:
        bench.cancellation.check()
        return obeying(bench, (camera, camera), matches[number], number)

    with ThreadPoolExecutor(bench.threads) as pool:
        jobs = []
        for focal in focals:
            camera = pycolmap.Camera.create_from_model_name(1, model, focal * longer, group.width, group.height)
            camera.has_prior_focal_length = True
            jobs.append([pool.submit(of_pair, camera, number) for number in range(len(matches))])
        for of_focal in jobs:
            yield sum(job.result() for job in of_focal)


def obeying(bench: Workbench, cameras: Cameras, pixels: Matches, number: int) -> int:
    """How many matches of two photos obey an essential matrix if these were their lenses; `number` draws its trials."""
    own = two_view.has_kernel() and bench.options.engine != "colmap"
    if not own:
        error = _ERROR * max(cameras[0].width, cameras[0].height)
        return _by_colmap(cameras, pixels, error, bench.options.seed)
    first, second = (two_view.view_of(camera, of_one) for camera, of_one in zip(cameras, pixels, strict=True))
    return obeying_views(first, second, number, bench.options.seed)


def obeying_views(first: two_view.View, second: two_view.View, number: int, seed: int) -> int:
    """The same of matches row by row, by our kernel and whatever drew them."""
    error = _ERROR * max(first.camera.width, first.camera.height)
    rules = two_view.Rules(max_error=error, max_trials=_TRIALS, max_false_alarms=np.inf)
    every = np.repeat(np.arange(len(first.pixels), dtype=np.uint32)[:, None], 2, axis=1)
    return two_view.verify(first, second, every, (2 * number, 2 * number + 1), rules=rules, seed=seed).explained["E"]


def _by_colmap(cameras: Cameras, pixels: Matches, error: float, seed: int) -> int:
    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = seed
    options.ransac.max_num_trials = _TRIALS
    options.ransac.dyn_num_trials_multiplier = 1.0
    options.ransac.max_error = error
    every = np.repeat(np.arange(len(pixels[0]), dtype=np.uint32)[:, None], 2, axis=1)
    first, second = cameras
    geometry = pycolmap.estimate_calibrated_two_view_geometry(first, pixels[0], second, pixels[1], every, options)
    return len(geometry.inlier_matches)
