"""Photos taken from one spot, by turning: they match perfectly, and hold no depth.

Two such photos are related by the homography H = K R K^-1 (Hartley & Zisserman, "Multiple View Geometry", 8.4).
COLMAP's mapper does not refuse them: with the focal length free it invents a depth, with a reprojection error of a
fifth of a pixel. A flat subject gives homographies too, but of another form, and can be reconstructed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from splatworker.sfm.graph import STRONG_INLIERS, MatchGraph
from splatworker.sfm.photo import PhotoHeader

_SHARE = 0.7
"""Of the overlapping pairs, so many must be explained by a homography."""

_TURN = 1.02
"""K^-1 H K counts as a rotation when its largest and smallest singular value differ by less than this factor: a step
aside by a fiftieth of the subject's distance already makes them."""

_FOCALS = np.geomspace(0.4, 6.0, 60)
"""Focal lengths tried, as multiples of the longer side."""


def taken_from_one_spot(graph: MatchGraph, photos: Sequence[PhotoHeader]) -> bool:
    """Whether (nearly) all overlapping pairs are turns of the camera about one spot, for some focal length."""
    return _by_turning(graph, photos, [pair for pair, count in graph.inliers.items() if count >= STRONG_INLIERS])


def turned_from_others(graph: MatchGraph, photos: Sequence[PhotoHeader], image_id: int) -> bool:
    """Whether a photo overlaps only with photos that were taken from its own spot."""
    pairs = [pair for pair, count in graph.inliers.items() if image_id in pair and count >= STRONG_INLIERS]
    return _by_turning(graph, photos, pairs)


def _by_turning(graph: MatchGraph, photos: Sequence[PhotoHeader], strong: Sequence[tuple[int, int]]) -> bool:
    flat = [pair for pair in strong if pair in graph.homographies]
    if not flat or len(flat) < _SHARE * len(strong):
        return False
    misfits = [[_misfit(graph.homographies[pair], pair, photos, focal) for pair in flat] for focal in _FOCALS]
    return bool(np.median(misfits, axis=1).min() < _TURN)


def _misfit(
    homography: npt.NDArray[np.float64], pair: tuple[int, int], photos: Sequence[PhotoHeader], focal: float
) -> float:
    """Ratio of the extreme singular values of K2^-1 H K1; 1 for a rotation."""
    first, second = (_calibration(photos[image_id - 1], focal) for image_id in pair)
    values = np.linalg.svd(np.linalg.inv(second) @ homography @ first, compute_uv=False)
    return float(values[0] / max(values[2], 1e-12))


def _calibration(photo: PhotoHeader, focal: float) -> npt.NDArray[np.float64]:
    f = focal * max(photo.width, photo.height)
    return np.array([[f, 0, photo.width / 2], [0, f, photo.height / 2], [0, 0, 1.0]])
