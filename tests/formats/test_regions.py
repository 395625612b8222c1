"""Pieces, growth and holes of marked cells, beside SciPy's: the same cells and the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from splatworker.formats.regions import closed, filled, grown, pieces

MARKED = st.one_of(
    arrays(bool, array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=7)),
    arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=5, max_side=14)),
)


def around(dimensions: int, corners: bool) -> np.ndarray:
    """What touches a cell, for SciPy."""
    return np.asarray(ndimage.generate_binary_structure(dimensions, dimensions if corners else 1))


def same_pieces(marked: np.ndarray) -> None:
    for corners in (False, True):
        theirs, how_many = ndimage.label(marked, around(marked.ndim, corners))
        labels, count = pieces(marked, corners=corners)
        np.testing.assert_array_equal(labels, theirs)
        assert count == how_many
        assert labels.dtype == np.int32


@given(MARKED)
def test_pieces_are_scipys_with_the_same_numbers(marked: np.ndarray) -> None:
    same_pieces(marked)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("shape", [(300,), (60, 90), (20, 30, 40)])
def test_pieces_of_many_cells_are_scipys(share: float, shape: tuple[int, ...]) -> None:
    """Shares at which pieces are specks, winding, and nearly all."""
    marked = np.random.default_rng(0).random(shape) < share
    same_pieces(marked)
    same_pieces(np.asfortranarray(marked))
    same_pieces(marked[::-1, ...].T)


def spiral(side: int) -> np.ndarray:
    """A path from a corner to the middle, a cell wide, with a cell between its turns."""
    marked = np.zeros((side, side), bool)
    row, column, down, right, length = 0, 0, 0, 1, side - 1
    marked[0, 0] = True
    for turn in range(side):
        for _ in range(length):
            row, column = row + down, column + right
            marked[row, column] = True
        down, right = right, -down
        length -= 2 * (turn % 2 == 0 and turn > 0)
        if length <= 0:
            break
    return marked


def test_what_winds_is_one_piece() -> None:
    for marked in (spiral(41), spiral(41)[::-1, ::-1], spiral(41).T):
        assert pieces(marked)[1] == 1
        same_pieces(marked)
        same_pieces(~marked)
    comb = np.ones((30, 31), bool)
    comb[:-1, 1::2] = False  # teeth that meet in the last row alone
    assert pieces(comb)[1] == 1
    same_pieces(comb)


@given(MARKED, st.integers(0, 3))
def test_growth_is_scipys(marked: np.ndarray, steps: int) -> None:
    before = marked.copy()
    for corners in (False, True):
        theirs = marked
        for _ in range(steps):
            theirs = ndimage.binary_dilation(theirs, around(marked.ndim, corners))
        np.testing.assert_array_equal(grown(marked, steps, corners=corners), theirs)
    np.testing.assert_array_equal(marked, before)


@given(MARKED, st.integers(1, 3))
def test_closing_is_scipys_in_an_empty_world(marked: np.ndarray, steps: int) -> None:
    room = 2 * steps + 1
    theirs = ndimage.binary_closing(np.pad(marked, room), iterations=steps)
    np.testing.assert_array_equal(closed(marked, steps), theirs[(slice(room, -room),) * marked.ndim])


@given(MARKED.filter(lambda marked: marked.ndim > 1))
def test_what_is_enclosed_is_scipys(marked: np.ndarray) -> None:
    np.testing.assert_array_equal(filled(marked), ndimage.binary_fill_holes(marked))
