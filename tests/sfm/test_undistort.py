"""Lenses are undone, and where there is nothing to undo a camera is PINHOLE."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.grey_photos import picture

from splatworker.sfm import undistort
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.undistort import _to_pinhole


@pytest.mark.parametrize("model", ["SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "PINHOLE"])
def test_a_camera_without_distortion_is_written_as_pinhole(model: str) -> None:

    camera = pycolmap.Camera.create_from_model_name(1, model, 420.0, 480, 360)
    _to_pinhole(camera)
    assert camera.model_name == "PINHOLE"
    assert list(camera.params) == [420, 420, 240, 180]


def test_a_photo_that_is_cut_short_is_straightened_as_far_as_it_goes(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([picture(k, 300, 400) for k in range(3)])).save(tmp_path / "whole.jpg")
    data = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(data[: len(data) // 2])
    _, _, whole = undistort._read(tmp_path / "whole.jpg")
    kind, _, half = undistort._read(tmp_path / "half.jpg")
    assert kind == "JPEG"
    assert half.shape == whole.shape == (300, 400, 3)
    assert np.array_equal(half[:100], whole[:100])


def test_sixteen_bits_are_read_as_eight(tmp_path: Path) -> None:
    grey = picture(0, 60, 80)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    _, _, pixels = undistort._read(tmp_path / "deep.png")
    assert np.array_equal(pixels, np.repeat(grey[:, :, None], 3, axis=2))
