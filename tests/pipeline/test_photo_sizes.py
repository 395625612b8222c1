"""How large photos are on their way, and when they are trained on."""

from __future__ import annotations

from typing import Any

import pytest

from splatworker.contract.job import recipe
from splatworker.pipeline import photo_sizes


@pytest.mark.parametrize(
    ("asked", "preview", "pixels"),
    [
        ({}, False, 1600 * 1200),
        ({}, True, 640 * 480),
        ({"resolution": 2}, True, 1000 * 750),
        ({"resolution": 500}, False, 500 * 375),
        ({"resolution_scales": [4.0]}, False, 500 * 375),
    ],
)
def test_how_many_pixels_are_trained_on(asked: dict[str, Any], preview: bool, pixels: int) -> None:
    asked_recipe = recipe({"params": asked})
    assert photo_sizes.trained_pixels(asked_recipe, [(2000, 1500)], preview=preview) == pytest.approx(pixels, rel=0.01)
    assert photo_sizes.trained_pixels(asked_recipe, [], preview=preview) == 0


def test_a_part_of_a_panorama_is_one_of_its_views() -> None:
    photos = [{"width": 8000, "height": 4000, "panorama": True}, {"width": 1500, "height": 2000}]
    assert photo_sizes.undistorted(recipe({"params": {"resolution_scales": [2.0]}}), photos, preview=False) == 1000


@pytest.mark.parametrize(
    ("asked", "preview", "decoded", "undistorted"),
    [
        ({}, False, 2133, None),
        ({}, True, 1600, 640),
        ({"params": {"resolution": 2}}, True, 0, None),
        ({"params": {"resolution": -1}}, True, 2133, None),
        ({"params": {"resolution_scales": [2.0, 4.0]}}, True, 2133, 500),
        ({"params": {"resolution_scales": [2.0]}}, False, 2133, 500),
        ({"sfm": {"undistort_max_size": 1800}}, True, 1800, None),
        ({"sfm": {"max_image_size": 2400}}, True, 2400, 640),
    ],
)
def test_how_large_photos_are_on_their_way(
    asked: dict[str, Any], preview: bool, decoded: int, undistorted: int | None
) -> None:
    asked_recipe, photos = recipe(asked), [{"width": 800, "height": 1000}, {"width": 900, "height": 600}]
    assert photo_sizes.decoded(asked_recipe, preview=preview) == decoded
    assert photo_sizes.undistorted(asked_recipe, photos, preview=preview) == undistorted
