"""Coarse to fine: what the first iterations see."""

from __future__ import annotations

import numpy as np

from splatworker.formats.camera import Camera
from splatworker.render.arrays import Device, to_device, to_numpy
from splatworker.render.interface import View
from splatworker.train.resolution import Pyramid, halved
from splatworker.train.views import Views


def _view(device: Device, width: int, height: int) -> View:
    camera = Camera(width, height, 100.0, 110.0, width / 2 + 3, height / 2, np.eye(3, 4))
    photo = np.random.default_rng(0).integers(0, 256, (3, height, width), np.uint8)
    return View(camera, to_device(photo, device))


def test_halving_averages_pixels_and_keeps_what_the_camera_sees(device: Device) -> None:
    view = _view(device, 8, 6)
    half = halved(view)
    expected = to_numpy(view.photo).reshape(3, 3, 2, 4, 2).mean(axis=(2, 4)).round()  # halves to the even
    np.testing.assert_array_equal(to_numpy(half.photo), expected)
    assert to_numpy(half.photo).dtype == np.uint8
    camera = half.camera
    assert (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy) == (4, 3, 50, 55, 3.5, 1.5)


def test_odd_sides_lose_their_last_line_and_the_camera_knows(device: Device) -> None:
    half = halved(_view(device, 9, 7))
    assert half.photo.shape == (3, 3, 4)
    # A point on the full image's pixel (u, v) lies at (u / 2, v / 2): no shift, no stretch.
    assert (half.camera.fx, half.camera.cx) == (50, (4.5 + 3) / 2)


def test_a_quarter_then_a_half_then_all(device: Device) -> None:
    pyramid = Pyramid(Views([_view(device, 640, 512)]), coarse_iterations=100)
    widths = [pyramid.view(0, iteration).camera.width for iteration in (1, 50, 51, 100, 101, 9999)]
    assert widths == [160, 160, 320, 320, 640, 640]


def test_small_photos_are_not_shrunk_to_nothing(device: Device) -> None:
    assert Pyramid(Views([_view(device, 300, 200)]), coarse_iterations=100).view(0, 1).camera.width == 150
    assert Pyramid(Views([_view(device, 100, 90)]), coarse_iterations=100).view(0, 1).camera.width == 100


def test_no_coarse_iterations_is_full_size_from_the_start(device: Device) -> None:
    assert Pyramid(Views([_view(device, 640, 512)]), coarse_iterations=0).view(0, 1).camera.width == 640


def test_means_of_four_are_rounded_as_floats_are() -> None:
    total = np.arange(4 * 255 + 1)
    four = np.clip(total[:, None] - 255 * np.arange(4), 0, 255).astype(np.uint8)  # every sum that there may be
    photo = np.broadcast_to(four.reshape(1, -1, 2).transpose(0, 2, 1), (3, 2, 2 * len(total))).copy()
    camera = Camera(2 * len(total), 2, 10, 10, 5, 1, np.eye(3, 4))
    half = halved(View(camera, photo)).photo
    np.testing.assert_array_equal(half[:, 0], np.broadcast_to(np.round(total / 4), half[:, 0].shape))
