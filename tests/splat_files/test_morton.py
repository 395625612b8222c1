"""Gaussians along a Z-order curve."""

from __future__ import annotations

import numpy as np

from splatworker.splat_files.morton import morton_order, morton_order_in_chunks


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


def test_what_is_far_away_shares_no_chunk_with_what_is_near_but_the_farthest() -> None:
    chance = np.random.default_rng(1)
    near, far = chance.uniform(-1, 1, (1000, 3)), chance.normal(size=(200, 3))
    far *= 30 / np.linalg.norm(far, axis=1, keepdims=True)
    means = np.concatenate([far, near]).astype(np.float32)
    order = morton_order_in_chunks(means, 256)
    assert sorted(order) == list(range(1200))
    whole, rest = order[: 3 * 256], order[3 * 256 :]
    assert (whole >= 200).all()
    assert np.abs(means[whole]).max() <= np.abs(means[rest[rest >= 200]]).max(axis=1).min() + 0.1  # of the median
    steps = np.linalg.norm(np.diff(means[whole], axis=0), axis=1)
    assert steps.mean() < 0.3  # by chance it would be about 1.3
    assert np.array_equal(morton_order_in_chunks(near.astype(np.float32), 256), morton_order(near.astype(np.float32)))
    assert morton_order_in_chunks(means[:0], 256).tolist() == []
