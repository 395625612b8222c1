"""Where there is nothing to undo a camera is PINHOLE."""

from __future__ import annotations

import pytest

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.undistorted_camera import _to_pinhole


@pytest.mark.parametrize("model", ["SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "PINHOLE"])
def test_a_camera_without_distortion_is_written_as_pinhole(model: str) -> None:

    camera = pycolmap.Camera.create_from_model_name(1, model, 420.0, 480, 360)
    _to_pinhole(camera)
    assert camera.model_name == "PINHOLE"
    assert list(camera.params) == [420, 420, 240, 180]
