"""What photos show of shared points: colours around a place, and sums over who sees what with whom."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from support import plain_light

from splatworker import _cpu
from splatworker.train.sightings import Overlap, RobustFit, all_within, numbered, sample


def test_colours_are_means_around_the_place() -> None:
    pixels = np.zeros((3, 6, 8), np.uint8)
    pixels[0, 2:5, 3:6] = 255
    pixels[1] = 51
    seen = sample(pixels, np.array([[4.5, 3.5], [2.5, 3.5], [0.0, 0.0], [7.99, 5.99]]), np.arange(4).astype(np.uint64))
    assert seen.colours[:, 0] == pytest.approx([1, 1 / 3, 0, 0])
    assert seen.colours[:, 1] == pytest.approx(0.2)
    assert sample(pixels, np.array([[1e300, -1e300]]), np.zeros(1, np.uint64)).colours[0, 1] == pytest.approx(0.2)
    assert (sample(pixels, np.array([[-50.0, 900.0]]), np.zeros(1, np.uint64)).colours[0, 2]) == 0


def test_what_photos_share_is_the_sum_over_points_of_products() -> None:
    dice, photos, points = np.random.default_rng(0), 7, 40
    photo, point = dice.integers(0, photos, 300), dice.integers(0, points - 1, 300)  # many twice; the last point never
    point[0] = points - 1
    weight, scale = dice.integers(1, 9, 300).astype(float), dice.integers(1, 9, points).astype(float)
    sees = np.zeros((points, photos))
    np.add.at(sees, (point, photo), weight)
    overlap = Overlap(photo, point, photos)
    np.testing.assert_array_equal(overlap.shared(weight, scale), sees.T @ np.diag(scale) @ sees)  # whole numbers
    np.testing.assert_array_equal(overlap.shared(weight), sees.T @ sees)
    nobody = Overlap(photo[:0], point[:0], photos)
    np.testing.assert_array_equal(nobody.shared(weight[:0]), np.zeros((photos, photos)))


def seen(photos: int, points: int, sightings: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of which photo and of which point each sighting is: many of a photo of one point twice, in no order."""
    dice = np.random.default_rng(photos)
    return dice.integers(0, photos, sightings), dice.integers(0, points, sightings)


@pytest.mark.parametrize("lonely", [False, True])
def test_gains_are_those_of_the_plain_sums_to_the_bit(lonely: bool) -> None:
    photo, point = seen(9, 200, 1500)
    if lonely:
        photo[photo == 4], point[point == 77] = 3, 5  # a photo without sightings, and a point
    logs = np.random.default_rng(1).normal(0, 0.3, 1500)
    enough, fit = np.arange(9) != 4, RobustFit(6, 0.01, 0.1)
    found = Overlap(photo, point, 9).robust_gains(logs, enough, fit)
    np.testing.assert_array_equal(found, plain_light.robust_gains(photo, point, logs, enough, fit))
    assert found.std() > 0.005


@pytest.mark.parametrize(("columns", "shapes"), [(6, 1), (6, 3), (2, 1), (1, 2)])
def test_what_points_do_not_explain_is_that_of_the_plain_sums_to_the_bit(columns: int, shapes: int) -> None:
    (photo, point), dice = seen(7, 60, 500), np.random.default_rng(2)
    values, gains = dice.normal(size=(500, columns)), dice.normal(size=(7, columns))
    weight, shape = dice.uniform(0.1, 1, 500), dice.normal(size=(500, shapes))
    found = Overlap(photo, point, 7).left_of_points(values, gains, weight, shape)
    for one, plain in zip(found, plain_light.left_of_points(photo, point, values, gains, weight, shape), strict=True):
        np.testing.assert_array_equal(one, plain)
        assert one.std() > 0


def test_sightings_of_photos_or_points_that_are_not_there_are_refused() -> None:
    for photo, point in (([2], [0]), ([-1], [0]), ([0], [-1])):
        with pytest.raises(ValueError, match="not there"):
            _cpu.Overlap(np.array(photo), np.array(point), 2)
    with pytest.raises(ValueError, match="of a photo and of a point"):
        _cpu.Overlap(np.zeros(2, np.int64), np.zeros(3, np.int64), 2)


def test_arrays_of_other_sizes_are_refused() -> None:
    overlap, one, two = _cpu.Overlap(np.zeros(1, np.int64), np.zeros(1, np.int64), 2), np.ones(1), np.ones(2)
    square, row = np.zeros((2, 2)), np.ones((1, 1))
    calls: list[Callable[[], None]] = [
        lambda: overlap.shared(two, one, square),
        lambda: overlap.shared(one, one, np.zeros((3, 3))),
        lambda: overlap.light_system(two, one, 0.0, two, one, two, square),
        lambda: overlap.light_system(one, one, 0.0, one, one, two, square),
        lambda: overlap.light_system(one, one, 0.0, two, one, two, np.zeros((1, 4))),
        lambda: overlap.light_weights(one, one, one, 0.1, np.ones(1)),
        lambda: overlap.light_weights(one, two, two, 0.1, np.ones(1)),
        lambda: overlap.left_of_points(row, np.ones((2, 1)), one, np.ones((1, 0)), np.ones((1, 1)), np.ones((2, 1))),
        lambda: overlap.left_of_points(row, row, one, row, np.ones((1, 1)), np.ones((2, 1))),
        lambda: overlap.left_of_points(row, np.ones((2, 1)), one, row, np.ones((2, 1)), np.ones((2, 1))),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"one|N, N|M, K"):
            call()
    assert not square.any()


def test_a_place_outside_of_the_photo_is_not_read() -> None:
    pixels, colours = np.zeros((3, 4, 5), np.uint8), np.ones((1, 3))
    for column, row in ((5, 0), (-1, 0), (0, 4), (0, -1)):
        with pytest.raises(ValueError, match="not in the photo"):
            _cpu.mean_colours(pixels, np.array([column]), np.array([row]), colours)
    assert (colours == 1).all()


@pytest.mark.parametrize("largest", [40, 10**15])
def test_points_are_numbered_in_rising_order(largest: int) -> None:
    """By a table or, where that were too large, by sorting."""
    ids = np.random.default_rng(0).integers(0, largest, 300).astype(np.uint64)
    np.testing.assert_array_equal(numbered(ids), np.unique(ids, return_inverse=True)[1])
    assert numbered(ids[:0]).shape == (0,)


def test_colours_are_within_where_all_three_are() -> None:
    colours = np.array([[0.1, 0.5, 0.9], [0.09, 0.5, 0.5], [0.5, 0.91, 0.5], [0.5, 0.5, 0.05]])
    assert all_within(colours, 0.1, 0.9).tolist() == [True, False, False, False]
