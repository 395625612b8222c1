"""What photos show of the scene points that they share: the colours they have there, and who sees what with whom."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker import _cpu

Array = npt.NDArray[np.float64]


class Sightings(NamedTuple):
    """What a photo shows of M points: (M,) which, and (M, 3) red, green, blue in [0, 1]."""

    points: npt.NDArray[np.uint64]
    colours: Array


def sample(pixels: npt.NDArray[np.uint8], xy: Array, points: npt.NDArray[np.uint64]) -> Sightings:
    """The mean colours of the 3 x 3 pixels around some places of a photo.

    Args:
        pixels: (3, H, W).
        xy: (M, 2) places in pixels, the photo's corner at 0, 0.
        points: (M,) the points that are there.
    """
    _, height, width = pixels.shape
    column, row = np.clip(xy.T, 0, [[width - 1], [height - 1]]).astype(np.int64)  # places may be of strangers
    total = np.zeros((len(xy), 3))
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            total += pixels[:, np.clip(row + dy, 0, height - 1), np.clip(column + dx, 0, width - 1)].T
    return Sightings(points, total / (9 * 255))


class Overlap:
    """What photos see together.

    Args:
        photo, point: (M,) sightings, of which photo and of which point, from 0.
        count: how many photos there are.
    """

    def __init__(self, photo: npt.NDArray[np.int64], point: npt.NDArray[np.int64], count: int) -> None:
        keys, self._sighting = np.unique(point * count + photo, return_inverse=True)  # a photo may see a point twice
        self._photo = keys % count
        self._first = np.searchsorted(keys // count, np.arange(point.max(initial=-1) + 2))
        self._count = count

    def shared(self, weight: npt.NDArray[np.floating], scale: Array | None = None) -> Array:
        """(N, N) of each two photos the sum over points of a scale, 1 if there is none, times the product of weights.

        Args:
            weight: (M,) of the sightings; those of a photo of one point are added up.
            scale: (K,) of the points.
        """
        shared = np.empty((self._count, self._count))
        weights = np.bincount(self._sighting, weight, minlength=len(self._photo)).astype(np.float64, copy=False)
        scales = np.ones(len(self._first) - 1) if scale is None else scale
        _cpu.shared_weights(self._photo, weights, self._first, scales, shared)
        return shared
