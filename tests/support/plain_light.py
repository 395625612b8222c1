"""The sums over sightings of `kernels/cpu/sightings.cpp`, said in numpy: to the bit, since both add one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.train.sightings import Overlap, RobustFit

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def robust_gains(photo: Indices, point: Indices, logs: Array, enough: npt.NDArray[np.bool_], fit: RobustFit) -> Array:
    """`Overlap.robust_gains` of such sightings."""
    count, weight = len(enough), np.ones(len(logs))
    overlap, gain = Overlap(photo, point, count), np.zeros(count)
    solved: npt.NDArray[np.floating]
    for _ in range(fit.rounds):
        of_photos = np.bincount(photo, weight, minlength=count)
        of_points = np.maximum(np.bincount(point, weight), 1e-12)
        colours = np.bincount(point, weight * logs) / of_points
        system = np.diag(of_photos + fit.prior) - overlap.shared(weight, 1 / of_points)
        solved = np.linalg.solve(system, np.bincount(photo, weight * (logs - colours[point]), minlength=count))
        gain = np.where(enough, solved - solved[enough].mean(), 0.0).astype(np.float64)
        colours = np.bincount(point, weight * (logs - gain[photo])) / of_points
        weight = 1 / (1 + ((logs - gain[photo] - colours[point]) / fit.noise) ** 2)
    return gain


def left_of_points(
    photo: Indices, point: Indices, columns: Array, gains: Array, weight: Array, shapes: Array
) -> tuple[Array, Array]:
    """`Overlap.left_of_points` of such sightings."""
    left, of_photos = np.empty_like(columns), np.empty_like(gains)
    for k in range(columns.shape[1]):
        column = columns[:, k] - gains[photo, k]
        explained = np.zeros(len(column))
        for shape in shapes.T:
            explained += shape * np.bincount(point, weight * shape * column)[point]
        left[:, k] = column - explained
        of_photos[:, k] = np.bincount(photo, weight * left[:, k], minlength=len(gains))
    return left, of_photos
