"""Views of panoramas: where they look, and that together they show everything once."""

from __future__ import annotations

import numpy as np
import pytest

from splatworker.formats.panorama import Area
from splatworker.sfm.views import TRIPOD_DEG, views_of, without_tripod


def test_the_views_of_a_whole_sphere_show_every_direction_once() -> None:
    views = views_of(Area(), 2048, longest=400)
    assert {(view.width, view.height) for view in views} == {(400, 400)}
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(4000, 3))
    seen_by = np.zeros(len(directions), int)
    for view in views:
        x, y, z = (directions @ view.rotation().T).T
        seen_by += (z > 0) & (np.abs(x) < z) & (np.abs(y) < z)
    assert np.array_equal(seen_by, np.ones(len(directions)))


def test_the_tripod_is_in_the_middle_of_the_view_straight_down() -> None:
    *others, down = views_of(Area(), 1024)
    assert [without_tripod(view) for view in others] == [None] * 5
    mask = without_tripod(down)
    assert mask is not None
    rays = down.rays(slice(None))
    angle = np.degrees(np.arccos(rays[..., 1] / np.linalg.norm(rays, axis=-1)))
    assert np.array_equal(mask == 0, angle < TRIPOD_DEG)
    assert set(np.unique(mask)) == {0, 255}


@pytest.mark.parametrize(
    ("area", "labels", "height"),
    [
        (Area(-180, 180, -30, 30), ["y225", "y315", "y045", "y135"], 1.1547),
        (Area(-60, 60, -45, 80), ["y330", "y030"], 2.0),
        (Area(-40, 40, -20, 20), ["y000"], 0.7279),
        (Area(0, 100, 10, 80), [], 0),  # nothing of the horizon
    ],
)
def test_a_part_of_the_sphere_is_cut_as_far_as_it_goes(area: Area, labels: list[str], height: float) -> None:
    views = views_of(area, 1600)
    assert [view.label for view in views] == labels
    for view in views:
        assert view.height == pytest.approx(height * 200, abs=1)
        rays = view.rays(slice(None))
        longitude = np.degrees(np.arctan2(rays[..., 0], rays[..., 2]))
        latitude = np.degrees(np.arctan2(-rays[..., 1], np.hypot(rays[..., 0], rays[..., 2])))
        middle = (area.west + area.east) / 2
        off = (longitude - middle + 180) % 360 - 180
        assert np.abs(off).max() < (area.east - area.west) / 2
        assert latitude.max() < area.north
        assert latitude.min() > area.south
