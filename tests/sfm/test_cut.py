"""Cutting panoramas: what a view shows, and what it is called."""

from __future__ import annotations

import numpy as np
from support import photo_sets

from splatworker.formats.panorama import Area
from splatworker.sfm.cut import cut_view, with_views
from splatworker.sfm.photo import PhotoHeader, frames_of
from splatworker.sfm.views import views_of

WIDTH = 1200


def test_a_view_shows_what_a_camera_there_would_have_seen() -> None:
    pose = photo_sets.walk(3)[1]
    panorama = photo_sets.photograph(photo_sets.hall(), pose, photo_sets.sphere_rays(WIDTH))
    rgba = np.dstack([panorama, np.full(panorama.shape[:2], 255, np.uint8)])
    views = views_of(Area(), WIDTH)
    assert [view.label for view in views] == ["y225", "y315", "y045", "y135", "up", "down"]
    for view in views:
        assert (view.width, view.height) == (300, 300)
        rays = photo_sets.pinhole_rays(300, 300, 150.0)
        seen = photo_sets.photograph(photo_sets.hall(), view.rotation() @ pose, rays)
        cut = cut_view(rgba, Area(), view)[:, :, :3]
        error = np.abs(cut.astype(int) - seen)
        assert np.median(error) <= 2, view.label
        assert np.mean(error) < 6, view.label  # at the posters' edges a pixel is on one side or the other


def test_views_get_names_that_no_photo_has() -> None:
    photos = [PhotoHeader("a.jpg", 800, 400, area=Area()), PhotoHeader("A_up.jpg", 300, 200, focal_mm=4.0)]
    photos.append(PhotoHeader("small.jpg", 200, 100, area=Area()))
    cut, useless = with_views(photos, 0)
    names = [photo.name for photo in cut]
    assert names == ["a_y225.jpg", "a_y315.jpg", "a_y045.jpg", "a_y135.jpg", "a_up_2.jpg", "a_down.jpg", "A_up.jpg"]
    assert [photo.name for photo in useless] == ["small.jpg"]
    assert frames_of(cut) == [1, 1, 1, 1, 1, 1, 7]
    assert {photo.given for photo in cut} == {"a.jpg", "A_up.jpg"}
