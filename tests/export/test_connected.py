"""Two balls apart are two pieces, and the one that is looked at is found."""

from __future__ import annotations

import numpy as np
from support.balls import ball, together

from splatworker.export.connected import grid_of, piece_at, share_in, without_scraps

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


def test_scraps_go_and_parts_stay() -> None:
    scrap = together(BOTH, ball((0, 1.5, 0), 0.1, count=20))
    ones, keep = np.ones(len(scrap)), np.ones(len(scrap), bool)
    keep[5] = False
    grid = grid_of(scrap, ones, np.array([1.0, 0, 0]), 4.0, 0.1)
    left = without_scraps(scrap, ones, keep, grid, 0.05)
    assert (left[: len(BOTH)] == keep[: len(BOTH)]).all()  # each of the balls is a third of it and more
    assert not left[len(BOTH) :].any()
    near = together(BOTH, ball((0, 0.7, 0), 0.1, count=20))  # over a gap of a cell from the first ball
    grid = grid_of(near, ones, np.array([1.0, 0, 0]), 4.0, 0.1)
    assert without_scraps(near, ones, np.ones(len(near), bool), grid, 0.05).all()
    assert not without_scraps(scrap, ones, np.zeros(len(scrap), bool), grid, 0.05).any()


def test_a_part_far_off_goes_though_it_would_stay_nearby() -> None:
    for away, stays in ((1.2, True), (3.4, False)):
        parts = together(BOTH, ball((1, away, 0), 0.1, count=100))  # 8 % of all
        ones, keep = np.ones(len(parts)), np.ones(len(parts), bool)
        grid = grid_of(parts, ones, np.array([1.0, 0, 0]), 4.0, 0.1)
        left = without_scraps(parts, ones, keep, grid, 0.05)
        assert left[: len(BOTH)].all()
        assert (left[len(BOTH) :] == stays).all()
