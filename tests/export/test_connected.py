"""Two balls apart are two pieces, and the one that is looked at is found."""

from __future__ import annotations

import numpy as np
from support.balls import ball, together

from splatworker.export.connected import grid_of, piece_at, share_in

BOTH = together(ball((0, 0, 0), 0.5), ball((2, 0, 0), 0.5, count=800))
IS_FIRST = np.arange(len(BOTH)) < 400


def test_the_piece_that_is_looked_at() -> None:
    grid = grid_of(BOTH, np.ones(len(BOTH)), np.zeros(3), 4.0, 0.1)
    for place, expected in ((0.0, IS_FIRST), (2.0, ~IS_FIRST)):
        piece = piece_at(grid, grid.matter > 0, np.array([place, 0, 0]), spread=0.5)
        shares = share_in(grid, piece, BOTH, np.ones(len(BOTH), bool))
        assert (shares[expected] > 0.5).mean() > 0.9
        assert shares[~expected].max() == 0


def test_all_matter_lies_in_the_grid() -> None:
    grid = grid_of(BOTH, np.full(len(BOTH), 2.0), np.array([1.0, 0, 0]), 4.0, 0.1)
    assert np.isclose(grid.matter.sum(), 2 * len(BOTH))


def test_nothing_is_no_piece() -> None:
    grid = grid_of(BOTH, np.zeros(len(BOTH)), np.zeros(3), 4.0, 0.1)
    assert not piece_at(grid, grid.matter > 0, np.zeros(3), 1.0).any()
