"""What photos show of the scene points that they share: the colours they have there, and who sees what with whom."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker import _cpu

Array = npt.NDArray[np.float64]


_IDS_A_SIGHTING = 16
"""The largest id by which a table of all is no larger than what sorting them takes."""

_LEAST_WEIGHT = 1e-12
"""Of a point's sightings together: by which one that nobody believes is divided."""


class RobustFit(NamedTuple):
    """How gains are fitted: in how many rounds, by how many sightings of nothing, and with which noise (Cauchy)."""

    rounds: int
    prior: float
    noise: float


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
    colours = np.empty((len(xy), 3))
    _cpu.mean_colours(np.ascontiguousarray(pixels), column, row, colours)
    return Sightings(points, colours)


def numbered(points: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Of (M,) ids, none below 0, which one of those that occur each is, from 0 in rising order.

    As `np.unique` has it, which sorts: where ids are about as few as they say, a table of them is made faster.
    """
    most = int(points.max(initial=0))
    if most > _IDS_A_SIGHTING * len(points):
        return np.asarray(np.unique(points, return_inverse=True)[1])
    occurs = np.zeros(most + 1, np.bool_)
    occurs[points] = True
    return np.asarray((np.cumsum(occurs) - 1)[points])


def all_within(colours: Array, least: float, most: float) -> npt.NDArray[np.bool_]:
    """(M,) whether red, green and blue of (M, 3) colours are at least and at most so much each."""
    red, green, blue = ((colours >= least) & (colours <= most)).T
    return np.asarray(red & green & blue)


class Overlap:
    """What photos see together: sums over it.

    Args:
        photo, point: (M,) sightings, of which photo and of which point, from 0; a photo may see a point twice.
        count: how many photos there are.
    """

    def __init__(self, photo: npt.NDArray[np.int64], point: npt.NDArray[np.int64], count: int) -> None:
        self._native, self._count = _cpu.Overlap(photo, point, count), count

    def shared(self, weight: npt.NDArray[np.floating], scale: Array | None = None) -> Array:
        """(N, N) of each two photos the sum over points of a scale, 1 if there is none, times the product of weights.

        Args:
            weight: (M,) of the sightings; those of a photo of one point are added up.
            scale: (K,) of the points.
        """
        shared = np.empty((self._count, self._count))
        scales = np.ones(self._native.points) if scale is None else scale
        self._native.shared(np.ascontiguousarray(weight, np.float64), np.ascontiguousarray(scales), shared)
        return shared

    @np.errstate(all="ignore")  # as in the trainer; each thread has its own
    def robust_gains(self, logs: Array, enough: npt.NDArray[np.bool_], fit: RobustFit) -> Array:
        """(N,) what photos add to (M,) logarithms of their points' colours, on average nothing.

        Least squares, weighted anew in every round by how far sightings differ. Points' colours are eliminated: what
        remains is a system of photos.

        Args:
            enough: (N,) the photos with enough sightings; the others' are 0.
        """
        gain: Array = np.zeros(self._count)
        weight = np.ones(len(logs))
        of_photos, right, of_points = np.empty_like(gain), np.empty_like(gain), np.empty(self._native.points)
        shared = np.empty((self._count, self._count))
        for _ in range(fit.rounds):
            self._native.light_system(logs, weight, _LEAST_WEIGHT, of_photos, of_points, right, shared)
            solved = np.linalg.solve(np.diag(of_photos + fit.prior) - shared, right)
            gain = np.where(enough, solved - solved[enough].mean(), 0.0).astype(np.float64, copy=False)
            self._native.light_weights(logs, gain, of_points, fit.noise, weight)
        return gain

    def left_of_points(
        self, columns: Array, gains: npt.NDArray[np.floating], weight: npt.NDArray[np.floating], shapes: Array
    ) -> tuple[Array, Array]:
        """(M, C) columns less the (N, C) gains of their photos, and less what shapes explain of that at each point; and
        (N, C) the photos' weighted sums of it.

        Args:
            weight: (M,).
            shapes: (M, S), orthonormal at each point in the weights.
        """
        left, of_photos = np.empty_like(columns), np.empty(gains.shape)
        own, weights = np.ascontiguousarray(gains, np.float64), np.ascontiguousarray(weight, np.float64)
        self._native.left_of_points(columns, own, weights, shapes, left, of_photos)
        return left, of_photos
