"""The Gaussians that training starts from, and the scene's extent that its rates and thresholds are measured in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker import _cpu
from splatworker.errors import InvalidScene
from splatworker.formats.colmap import Points
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.scene import Photo
from splatworker.formats.subset import joined
from splatworker.machine.limits import available_cpus
from splatworker.render.interface import SH_C0

INITIAL_OPACITY = 0.1
FEWEST = 2
"""Points: one alone has no distance to another, and so no size."""
EXTENT_MARGIN = 1.1
_LEAST_SQUARED_DISTANCE = 1e-8
"""In the scene's units squared: points that coincide still become Gaussians of some size."""


def scene_extent(photos: list[Photo]) -> float:
    """1.1 times the largest distance of a camera from the cameras' mean, in the scene's units.

    Raises:
        InvalidScene: all cameras stand at one point, so that nothing has a depth.
    """
    centers = np.stack([photo.camera.center for photo in photos])
    extent = EXTENT_MARGIN * float(np.linalg.norm(centers - centers.mean(axis=0), axis=1).max())
    if extent == 0:
        raise InvalidScene("All photos of the scene were taken from one point.", hint="Walk around the subject.")
    return extent


def first_gaussians(points: Points, dense: Points | None, sh_degree: int) -> Gaussians:
    """Those of the scene's points, and behind them those of dense points (`dense_points`), where there are any.

    Each kind is as large as its own gaps: where the photos show nothing to find dense points by, the scene's own cover
    what they would alone.

    Raises:
        InvalidScene: the scene has fewer than two points.
    """
    first = gaussians_from_points(points, sh_degree)
    if dense is None or len(dense.xyz) < FEWEST:
        return first
    return joined(first, gaussians_from_points(dense, sh_degree))


def gaussians_from_points(points: Points, sh_degree: int) -> Gaussians:
    """One round Gaussian a point: as large as the root mean square distance to its three nearest, opacity 0.1.

    Raises:
        InvalidScene: there are fewer than two points.
    """
    count = len(points.xyz)
    if count < FEWEST:
        raise InvalidScene(f"The scene has {count} sparse points, too few to start from.")
    scales = np.sqrt(np.maximum(_mean_squared_distances(points.xyz), _LEAST_SQUARED_DISTANCE))
    logit = np.log(INITIAL_OPACITY / (1 - INITIAL_OPACITY))
    return Gaussians(
        means=points.xyz.astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        log_scales=np.repeat(np.log(scales)[:, None], 3, axis=1).astype(np.float32),
        opacity_logits=np.full(count, logit, np.float32),
        sh_dc=((points.rgb / 255 - 0.5) / SH_C0).astype(np.float32),
        sh_rest=np.zeros((count, (sh_degree + 1) ** 2 - 1, 3), np.float32),
    )


def _mean_squared_distances(xyz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N,) mean of the squared distances to the three nearest other points (fewer, if there are fewer)."""
    mean_squared = np.empty(len(xyz))
    _cpu.neighbor_distances(np.ascontiguousarray(xyz, np.float64), available_cpus(), mean_squared)
    return mean_squared
