"""What photos show of shared points: colours around a place, and sums over who sees what with whom."""

from __future__ import annotations

import numpy as np
import pytest

from splatworker import _cpu
from splatworker.train.sightings import Overlap, sample


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


def test_photos_that_are_not_there_are_not_written_to() -> None:
    shared, one = np.zeros((2, 2)), np.ones(1)
    for photo, first in (([2], [0, 1]), ([-1], [0, 1]), ([0], [0, 2]), ([0], [1, 0])):
        with pytest.raises(ValueError, match=r"not there|in order"):
            _cpu.shared_weights(np.array(photo), one, np.array(first), one, shared)
    assert not shared.any()
