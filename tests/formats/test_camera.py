"""A pinhole camera: where it stands, and what resizing does to it."""

from __future__ import annotations

import numpy as np

from splatworker.formats.camera import Camera


def test_the_center_is_where_the_camera_stands() -> None:
    angle = 0.3
    rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    position = np.array([1.0, -2.0, 3.0])
    camera = Camera(40, 30, 50.0, 50.0, 20.0, 15.0, np.hstack([rotation, (-rotation @ position)[:, None]]))
    np.testing.assert_allclose(camera.center, position, atol=1e-12)


def test_resizing_moves_no_point_of_the_picture() -> None:
    camera = Camera(40, 30, 50.0, 52.0, 19.0, 16.0, np.eye(3, 4))
    small = camera.resized(20, 10)
    x, y, z = 0.2, -0.1, 2.0
    u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
    assert np.isclose(small.fx * x / z + small.cx, u * 20 / 40)
    assert np.isclose(small.fy * y / z + small.cy, v * 10 / 30)
    assert (small.width, small.height) == (20, 10)
