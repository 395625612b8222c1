"""How much photos have in common: the mean number of others with which one shares a hundred points."""

from __future__ import annotations

import pytest
from support import photo_sets
from support.reconstructions import cloud, model

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.overlap import COMMON_POINTS, overlapping_photos


@pytest.mark.parametrize(("points", "others"), [(3 * COMMON_POINTS, 3.0), (COMMON_POINTS - 1, 0.0)])
def test_photos_overlap_that_share_a_hundred_points(points: int, others: float) -> None:
    assert overlapping_photos(model(photo_sets.arc(4, degrees=20), cloud(points))) == others


def test_no_photo_overlaps_with_none() -> None:
    assert overlapping_photos(pycolmap.Reconstruction()) == 0.0
