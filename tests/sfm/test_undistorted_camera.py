"""Where there is nothing to undo a camera is PINHOLE, and its photos stay as sharp as they are."""

from __future__ import annotations

import numpy as np
import pytest
from support.grey_photos import picture

from splatworker.sfm import resampling
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.undistorted_camera import _to_pinhole, undistorted


@pytest.mark.parametrize("model", ["SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "PINHOLE"])
def test_a_camera_without_distortion_is_written_as_pinhole(model: str) -> None:

    camera = pycolmap.Camera.create_from_model_name(1, model, 420.0, 480, 360)
    _to_pinhole(camera)
    assert camera.model_name == "PINHOLE"
    assert list(camera.params) == [420, 420, 240, 180]


@pytest.mark.parametrize("bend", [-3e-5, -1e-6, 0.0, 1e-6, 4.5e-5])
@pytest.mark.parametrize("center", [(600, 450), (599.5, 449.5), (612.3, 447.8)])
def test_a_lens_that_bends_next_to_nothing_leaves_pixels_as_sharp_as_they_are(
    bend: float, center: tuple[float, float]
) -> None:
    photo = picture(0, 900, 1200)[:, :, None]
    lens = pycolmap.Camera.create_from_model_name(1, "SIMPLE_RADIAL", 933.5, 1200, 900)
    lens.params = [933.5, *center, bend]
    pinhole = undistorted(lens, -1.0, 0).pinhole
    assert pinhole.width >= 1200 - 4 and pinhole.height >= 900 - 4
    left, top = (round(of - to) for of, to in zip(center, pinhole.params[2:], strict=True))
    straight = resampling.straighten(photo, lens, pinhole)
    there = photo[top : top + pinhole.height, left : left + pinhole.width]
    assert straight.shape == there.shape
    off = np.abs(straight[1:-1, 1:-1].astype(int) - there[1:-1, 1:-1])  # the bend moves pixels by some hundredths
    assert off.mean() < 0.3
    assert np.percentile(off, 99.9) < 10


@pytest.mark.parametrize("model", ["OPENCV", "OPENCV_FISHEYE"])
def test_on_the_lens_axis_the_middles_of_pixels_are_the_photos(model: str) -> None:
    lens = pycolmap.Camera.create_from_model_name(1, model, 300.0, 480, 361)
    lens.params = [300.0, 301.0, 241.3, 178.9, 0.05, -0.07, 0.0, 0.0]
    straight = undistorted(lens, np.tan(np.radians(55)) if "FISHEYE" in model else -1.0, 0).pinhole
    off = np.array([241.3, 178.9]) - straight.params[2:]
    assert off == pytest.approx(np.round(off), abs=0.01)
    corners = np.array([[x, y] for x in (0.5, straight.width - 0.5) for y in (0.5, straight.height - 0.5)])
    rays = np.hstack([(corners - straight.params[2:]) / straight.params[:2], np.ones((4, 1))])
    seen = np.asarray(lens.img_from_cam(rays))
    assert (seen >= 0).all() and (seen <= [480, 361]).all()
