"""Clustering for SOG: values onto a codebook of 256, vectors onto a palette (Lloyd 1982, "k-means")."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from splatworker import _cpu
from splatworker.machine.limits import available_cpus
from splatworker.render import gpu_kernels
from splatworker.render.arrays import Array, Device, library, to_device, to_numpy
from splatworker.render.gpu_array import GpuArray

FloatArray = npt.NDArray[np.float32]

CODEBOOK_SIZE = 256
_BINS = 65_536
_CODEBOOK_ROUNDS = 30
_EVEN = 0.5
"""How much of a codebook starts out in equal steps: on real splats this halves the error, and a tenth of the worst."""

_WHOLE_BITS = 62
"""Of the whole numbers that sums are taken in on a GPU."""

_DISTANCES_AT_ONCE = 2**24
"""Distances between points and centroids held at a time on a GPU: 64 MiB."""


def codebook(values: FloatArray) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
    """The 256 numbers that stand best, in the mean square, for all of an array.

    Lloyd's rounds run on a histogram of 65 536 bins: the same effort for any number of values.

    Returns:
        (256,) the numbers, ascending, and an array of the values' shape with the index of the nearest.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.full(CODEBOOK_SIZE, low, np.float32), np.zeros(values.shape, np.uint8)
    weights, edges = np.histogram(values, _BINS, (low, high))
    places = (edges[:-1] + edges[1:]) / 2
    # Between equal counts and equal steps: the tails are long and thin, and no value should be far from all entries.
    density = np.cbrt(weights)
    shares = np.cumsum(density + _EVEN * density.mean())
    entries = places[np.searchsorted(shares, (np.arange(CODEBOOK_SIZE) + 0.5) / CODEBOOK_SIZE * shares[-1])]
    for _ in range(_CODEBOOK_ROUNDS):
        nearest = np.searchsorted((entries[:-1] + entries[1:]) / 2, places)
        mass = np.bincount(nearest, weights, CODEBOOK_SIZE)
        moment = np.bincount(nearest, weights * places, CODEBOOK_SIZE)
        entries = np.sort(np.where(mass > 0, moment / np.maximum(mass, 1), entries))
    found = np.asarray(entries, np.float32)
    middles = (found[:-1] + found[1:]) / 2
    return found, np.searchsorted(middles, values.ravel()).reshape(values.shape).astype(np.uint8)


def palette(
    vectors: FloatArray,
    size: int,
    rounds: int,
    device: Device,
    seed: int = 0,
    *,
    weights: FloatArray | None = None,
) -> tuple[FloatArray, npt.NDArray[np.integer]]:
    """`size` vectors that stand for (N, D) vectors; `size` at most N.

    Starts from vectors drawn at random; a centroid that no vector is nearest to stays where it is.

    Args:
        device: where it is worked out.
        weights: (N,) how much each vector counts, above 0; None: all the same.

    Returns:
        (size, D) the centroids, and (N,) the index of the nearest.
    """
    vectors = np.ascontiguousarray(vectors)
    weights = np.ones(len(vectors), np.float32) if weights is None else weights
    # Drawn without putting back, each the likelier the more it counts: the least of exponential times of these rates.
    times = np.random.default_rng(seed).exponential(size=len(vectors)) / weights
    drawn = vectors[np.argsort(times, kind="stable")[:size]]
    points, mass, centroids = (to_device(array, device) for array in (vectors, weights, drawn))
    for _ in range(rounds):
        centroids = _means(points, mass, _nearest(points, centroids), centroids)
    return to_numpy(centroids), to_numpy(_nearest(points, centroids))


def _nearest(points: Array, centroids: Array) -> Array:
    """(N,) index of the centroid nearest to each point: that with the least |c|^2 - 2 p.c."""
    if isinstance(points, np.ndarray):
        found = np.empty(len(points), np.int32)
        _cpu.nearest(points, centroids, available_cpus(), found)
        return found
    if isinstance(points, GpuArray):
        return gpu_kernels.nearest(points, centroids)
    torch = library(points)
    half_squares = 0.5 * (centroids**2).sum(dim=1)
    labels = torch.empty(len(points), dtype=torch.int64, device=points.device)
    step = max(1, _DISTANCES_AT_ONCE // len(centroids))
    for start in range(0, len(points), step):
        block = points[start : start + step]
        labels[start : start + step] = torch.addmm(half_squares, block, centroids.T, alpha=-1).argmin(dim=1)
    return labels


def _means(points: Array, mass: Array, labels: Array, centroids: Array) -> Array:
    """The centroids (K, D) moved to the mean of the points of each, by their mass, where there are any."""
    if isinstance(points, GpuArray):
        return _means_on_gpu(points, mass, labels, centroids)
    xp = library(points)
    masses, sums = _sums(mass[:, None], labels, len(centroids)), _sums(points * mass[:, None], labels, len(centroids))
    return xp.where(masses > 0, sums / masses.clip(float(np.finfo(np.float32).tiny), None), centroids)


def _means_on_gpu(points: GpuArray, mass: GpuArray, labels: GpuArray, centroids: GpuArray) -> GpuArray:
    largest = float(np.abs(points.numpy()).max(initial=1.0)) * float(mass.numpy().sum(dtype=np.float64))
    scale = 2.0 ** (_WHOLE_BITS - max(1, math.frexp(largest)[1]))
    sums = gpu_kernels.sums_of_labels(points, mass, labels, len(centroids), scale)
    moved, masses = sums[:, :-1], sums[:, -1:]
    means = np.where(masses > 0, moved / np.maximum(masses, 1 / scale), centroids.numpy())
    moved_there: GpuArray = to_device(means.astype(np.float32), points.device)
    return moved_there


def _sums(rows: Array, labels: Array, count: int) -> Array:
    """(count, C) the sums of the rows (N, C) of each label."""
    if isinstance(rows, np.ndarray):
        sums = np.empty((count, rows.shape[1]), np.float32)
        _cpu.sums_of_labels(rows, labels, sums)
        return sums
    return rows.new_zeros(count, rows.shape[1]).index_add_(0, labels, rows)
