"""Gaussians along a Z-order curve."""

from __future__ import annotations

import numpy as np

from splatworker.splat_files.morton import morton_order


def test_neighbours_in_space_become_neighbours_in_the_file() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3), axis=-1).reshape(-1, 3).astype(np.float32)
    shuffled = grid[np.random.default_rng(0).permutation(len(grid))]
    steps = np.linalg.norm(np.diff(shuffled[morton_order(shuffled)], axis=0), axis=1)
    assert steps.mean() < 2  # by chance it would be about 5


def test_the_order_is_the_same_every_time_and_of_every_gaussian() -> None:
    means = np.zeros((5, 3), np.float32)
    assert morton_order(means).tolist() == [0, 1, 2, 3, 4]
    assert morton_order(means[:0]).tolist() == []
    assert sorted(morton_order(np.random.default_rng(0).normal(size=(99, 3)).astype(np.float32))) == list(range(99))
