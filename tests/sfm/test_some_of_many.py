"""Of many photos some points and photos are enough to ask."""

from __future__ import annotations

import numpy as np
import pytest
from support.adjustments import scene

from splatworker.sfm import adjustment, some_of_many

needs_kernel = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")

RING = scene(20, 400, noise=0.4, seen=0.4)


def test_each_photo_has_enough_or_all_of_its_points() -> None:
    count = len(RING.points)
    chosen = some_of_many.enough_points(RING.photo, RING.point, count, 60)
    own, left = (np.bincount(RING.photo[rows], minlength=20) for rows in (slice(None), chosen[RING.point]))
    assert own.min() > 60
    assert left.min() >= 60
    assert left.mean() < 0.7 * own.mean(), "what one photo is asked by others are asked by, too"
    assert some_of_many.enough_points(RING.photo, RING.point, count, 1000).all()


def test_some_photos_are_evenly_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(some_of_many, "MANY_PHOTOS", 5)
    assert some_of_many.evenly(np.arange(3, 8)).tolist() == [3, 4, 5, 6, 7]
    assert some_of_many.evenly(np.arange(21)).tolist() == [0, 5, 10, 15, 20]


@needs_kernel
def test_the_problem_of_some_photos_asks_the_same_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(some_of_many, "ENOUGH_SEEN", 60)
    photos = np.array([1, 4, 9, 15, 16])
    some = some_of_many.of_photos(RING, photos)
    assert np.array_equal(some.poses, RING.poses[photos])
    assert np.bincount(some.point)[np.unique(some.point)].min() > 1, "each point is seen by two"
    assert np.bincount(some.photo, minlength=5).min() >= 60
    errors, _ = adjustment.derivatives(some)
    of_all, _ = adjustment.derivatives(RING)
    known = {(photo, point): error for photo, point, error in zip(RING.photo, RING.point, of_all, strict=True)}
    for photo, point, error in zip(photos[some.photo], some.point, errors, strict=True):
        assert np.array_equal(error, known[photo, point])
    assert some.free_pose[0] == 0, "the frame stays"
    assert np.count_nonzero(some.free_pose == adjustment.TURN_AND_PLACE) == 3
