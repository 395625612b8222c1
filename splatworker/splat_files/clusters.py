"""Clustering for SOG: values onto a codebook of 256, vectors onto a palette (Lloyd 1982, "k-means")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

FloatArray = npt.NDArray[np.float32]

CODEBOOK_SIZE = 256
_BINS = 65_536
_CODEBOOK_ROUNDS = 30
_EVEN = 0.5
"""How much of a codebook starts out in equal steps: on real splats this halves the error, and a tenth of the worst."""

_DISTANCES_AT_ONCE = 2**24
"""Distances between points and centroids held at a time: 64 MiB."""


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
    device: torch.device,
    seed: int = 0,
    *,
    weights: FloatArray | None = None,
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """`size` vectors that stand for (N, D) vectors; `size` at most N.

    Starts from vectors drawn at random; a centroid that no vector is nearest to stays where it is.

    Args:
        weights: (N,) how much each vector counts, above 0; None: all the same.

    Returns:
        (size, D) the centroids, and (N,) the index of the nearest.
    """
    points = torch.from_numpy(np.ascontiguousarray(vectors)).to(device)
    mass = torch.ones(len(points)) if weights is None else torch.from_numpy(weights)
    # Drawn without putting back, each the likelier the more it counts: the least of exponential times of these rates.
    times = torch.empty(len(points)).exponential_(generator=torch.Generator().manual_seed(seed)) / mass
    centroids = points[times.topk(size, largest=False).indices.to(device)].clone()
    mass = mass.to(device)
    weighted = points * mass[:, None]
    for _ in range(rounds):
        labels = _nearest(points, centroids)
        masses = torch.zeros(size, device=device).index_add_(0, labels, mass)[:, None]
        sums = torch.zeros_like(centroids).index_add_(0, labels, weighted)
        centroids = torch.where(masses > 0, sums / masses.clamp(min=torch.finfo(torch.float32).tiny), centroids)
    return centroids.cpu().numpy(), _nearest(points, centroids).cpu().numpy()


def _nearest(points: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:
    """(N,) index of the centroid nearest to each point: that with the least |c|^2 - 2 p.c."""
    half_squares = 0.5 * (centroids**2).sum(dim=1)
    labels = torch.empty(len(points), dtype=torch.int64, device=points.device)
    step = max(1, _DISTANCES_AT_ONCE // len(centroids))
    for start in range(0, len(points), step):
        block = points[start : start + step]
        labels[start : start + step] = torch.addmm(half_squares, block, centroids.T, alpha=-1).argmin(dim=1)
    return labels
