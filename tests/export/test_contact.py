"""Where two things touch, colours tell them apart: those that are clearly of one, with what lies about them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from support.balls import ball, together

from splatworker import _cpu
from splatworker.export.contact import FEWEST_SAMPLES, sides_by_colour
from splatworker.formats.gaussians import Gaussians
from splatworker.render.interface import SH_C0

EACH = 200
OURS, THEIRS, IN_BETWEEN = (np.arange(3 * EACH) // EACH == part for part in range(3))


def coloured(*colours: tuple[float, float, float]) -> Gaussians:
    """As many balls apart, each about a colour."""
    dice = np.random.default_rng(0)
    whole = together(*(ball((3 * place, 0, 0), 0.5, count=EACH) for place in range(len(colours))))
    about = np.repeat(np.array(colours), EACH, axis=0) + dice.normal(scale=0.01, size=(len(whole), 3))
    whole.sh_dc[:] = (about - 0.5) / SH_C0
    return whole


def test_colours_tell_whose_something_is() -> None:
    for colour, ours in (((0.8, 0.3, 0.2), True), ((0.3, 0.3, 0.3), False)):
        splat = coloured((0.8, 0.3, 0.2), (0.3, 0.3, 0.3), colour)
        sides = sides_by_colour(splat, IN_BETWEEN, OURS, THEIRS)
        assert (sides.object == (IN_BETWEEN & ours)).all()
        assert (sides.rather == (IN_BETWEEN & ours)).all()
        assert (sides.support == (IN_BETWEEN & (not ours))).all()


def test_a_speck_is_what_lies_about_it() -> None:
    splat = coloured((0.8, 0.3, 0.2), (0.3, 0.3, 0.3), (0.8, 0.3, 0.2))
    speck = np.flatnonzero(IN_BETWEEN)[100]
    splat.sh_dc[speck] = (0.3 - 0.5) / SH_C0
    sides = sides_by_colour(splat, IN_BETWEEN, OURS, THEIRS)
    assert not sides.support.any()
    assert not sides.object[speck]


def test_with_few_to_compare_with_nothing_is_told() -> None:
    splat = coloured((0.8, 0.3, 0.2), (0.3, 0.3, 0.3), (0.8, 0.3, 0.2))
    few = THEIRS & (np.cumsum(THEIRS) < FEWEST_SAMPLES)
    sides = sides_by_colour(splat, IN_BETWEEN, OURS, few)
    assert not sides.object.any()
    assert not sides.support.any()
    assert (sides.rather == IN_BETWEEN).all()


def nearest(points: np.ndarray, places: np.ndarray, count: int, threads: int = 2) -> tuple[np.ndarray, np.ndarray]:
    which, distances = np.full((len(places), count), -1), np.full((len(places), count), np.nan)
    _cpu.nearest_points(points, places, threads, which, distances)
    return which, distances


@pytest.mark.parametrize("points", [1, 5, 12, 13, 300, 5000])
@pytest.mark.parametrize("count", [1, 3, 9, 100])
def test_the_nearest_are_scipys(points: int, count: int) -> None:
    dice = np.random.default_rng(points)
    some, places = dice.normal(size=(points, 3)) * [10, 1, 0.1], dice.normal(size=(200, 3)) * [10, 2, 0]
    if count > points:
        with pytest.raises(ValueError, match="no more than there are"):
            nearest(some, places, count)
        return
    for asked in (places, some[:200]):
        theirs, numbers = cKDTree(some).query(asked, k=range(1, count + 1))
        which, distances = nearest(some, asked, count)
        np.testing.assert_array_equal(which, numbers)
        np.testing.assert_allclose(distances, theirs, rtol=1e-12)
        assert np.array_equal(nearest(some, asked, count, threads=1)[1], distances)


def test_of_points_in_one_place_each_counts() -> None:
    crowd = np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 30, axis=0)
    which, distances = nearest(crowd, crowd[::30], 40)
    np.testing.assert_allclose(distances, cKDTree(crowd).query(crowd[::30], k=40)[0])
    assert (np.sort(which[:, :30], axis=1) == np.arange(600).reshape(20, 30)).all()


@pytest.mark.parametrize(
    ("points", "places", "which", "distances"),
    [
        ((4, 3), (2, 3), (2, 0), (2, 0)),
        ((4, 3), (2, 3), (2, 2), (2, 3)),
        ((4, 3), (2, 3), (3, 2), (3, 2)),
        ((4, 3), (2, 4), (2, 2), (2, 2)),
        ((4, 2), (2, 3), (2, 2), (2, 2)),
        ((4, 3), (6,), (2, 2), (2, 2)),
        ((4, 3), (2, 3), (2,), (2,)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    points: tuple[int, ...], places: tuple[int, ...], which: tuple[int, ...], distances: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        _cpu.nearest_points(np.zeros(points), np.zeros(places), 1, np.zeros(which, np.int64), np.zeros(distances))
