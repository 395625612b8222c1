"""What hangs together: Gaussians as matter in a grid of cells, and the piece of it that cameras look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats import regions, rotations
from splatworker.formats.gaussians import Gaussians

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SAMPLES = 8
"""Places that stand for a Gaussian, at random as it is distributed."""

_FAR = 1.5
"""Standard deviations of all matter: a piece whose middle is farther off needs a larger share, by the square of that.
A carpet's last tufts were 5 to 9 % of a bunch of bananas, and 2.7 deviations off; of two shoes each is 1 off."""


class Grid(NamedTuple):
    """Cells of `cell` world units about a middle: `matter` (K, K, K) is what lies in each; `low` (3,) its corner."""

    low: Vectors
    cell: float
    matter: npt.NDArray[np.float64]

    def cells(self, points: npt.NDArray[np.floating]) -> tuple[tuple[npt.NDArray[np.int64], ...], Mask]:
        """The cells of (N, 3) points, and (N,) which of them lie in the grid; others get its first cell."""
        cells = np.floor((points - self.low) / self.cell).astype(np.int64)
        inside = np.asarray(((cells >= 0) & (cells < np.array(self.matter.shape))).all(axis=1))
        cells[~inside] = 0
        return tuple(cells.T), inside

    def centers(self) -> Vectors:
        """(K^3, 3) the middles of all cells, in the order of `matter`'s."""
        return np.asarray(self.low + (np.indices(self.matter.shape).reshape(3, -1).T + 0.5) * self.cell)

    def at(self, cells: npt.NDArray[np.bool_], points: npt.NDArray[np.floating]) -> Mask:
        """(N,) whether points lie in marked cells."""
        index, inside = self.cells(points)
        return np.asarray(inside & cells[index])


def grid_of(gaussians: Gaussians, weights: Vectors, middle: Vectors, radius: float, cell: float) -> Grid:
    """The weights of Gaussians spread over cells within `radius` of a middle."""
    near = np.flatnonzero((np.linalg.norm(gaussians.means - middle, axis=1) < 1.2 * radius) & (weights > 0))
    size = int(np.ceil(2 * radius / cell)) + 2
    grid = Grid(middle - size * cell / 2, cell, np.zeros((size, size, size)))
    for places in _samples(gaussians, near):
        cells, inside = grid.cells(places)
        np.add.at(grid.matter, cells, np.where(inside, weights[near] / SAMPLES, 0.0))
    return grid


def share_in(grid: Grid, marked: Mask, gaussians: Gaussians, chosen: Mask) -> Vectors:
    """(N,) how much of each chosen Gaussian lies in marked cells, from 0 to 1; 0 of the others."""
    which = np.flatnonzero(chosen)
    share = np.zeros(len(gaussians))
    for places in _samples(gaussians, which):
        share[which] += grid.at(marked, places) / SAMPLES
    return share


def _samples(gaussians: Gaussians, which: npt.NDArray[np.int64]) -> Iterator[Vectors]:
    """`SAMPLES` times (K, 3) places, one in each of K Gaussians."""
    random = np.random.default_rng(0)
    quaternions = gaussians.quaternions[which].astype(np.float64)
    turns = rotations.matrices(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True))
    scales, means = gaussians.scales[which], gaussians.means[which]
    for _ in range(SAMPLES):
        yield means + np.einsum("nij,nj->ni", turns, scales * random.normal(size=scales.shape))


def piece_at(grid: Grid, full: npt.NDArray[np.bool_], place: Vectors, spread: float) -> npt.NDArray[np.bool_]:
    """The connected piece of full cells with most matter at a place: what lies farther off counts less.

    Args:
        spread: the distance at which matter counts half.
    """
    labels, count = regions.pieces(full, corners=True)
    if not count:
        return np.zeros_like(full)
    cells = np.argwhere(full)
    far = np.linalg.norm(grid.low + (cells + 0.5) * grid.cell - place, axis=1)
    worth = grid.matter[full] * 0.5 ** (far / spread) ** 2
    scores = np.bincount(labels[full], worth, count + 1)
    return np.asarray(labels == int(scores.argmax()))


def without_scraps(gaussians: Gaussians, weights: Vectors, keep: Mask, like: Grid, least: float) -> Mask:
    """(N,) `keep` less what is apart from the rest of it and little: the last of what something else has left behind.

    Args:
        like: a grid whose cells are taken; what touches over a gap of one of them hangs together.
        least: the share of all that a piece by itself must have to stay; more where it lies far off (`_FAR`).
    """
    size = like.matter.shape[0]
    middle, radius = like.low + size * like.cell / 2, (size - 2) * like.cell / 2
    grid = grid_of(gaussians, np.where(keep, weights, 0.0), middle, radius, like.cell)
    labels, count = regions.pieces(regions.grown(grid.matter > 0, corners=True), corners=True)
    if not count:
        return keep
    full = grid.matter > 0
    cells, matter, piece = np.argwhere(full), grid.matter[full], labels[full] - 1
    of_pieces = np.bincount(piece, matter, count)
    center = np.average(cells, axis=0, weights=matter)
    moments = np.stack([np.bincount(piece, matter * along, count) for along in cells.T], axis=1)
    off = moments / of_pieces[:, None] - center
    variance = np.average(((cells - center) ** 2).sum(axis=1), weights=matter)
    wanted = least * np.maximum(1, (off**2).sum(axis=1) / (_FAR**2 * max(variance, 1e-12)))
    scraps = np.concatenate([[False], of_pieces < wanted * matter.sum()])  # 0 is where nothing is
    return np.asarray(keep & ~grid.at(scraps[labels], gaussians.means))
