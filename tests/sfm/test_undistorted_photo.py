"""A photo is read whatever its file is like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from support.grey_photos import picture

from splatworker.sfm.undistorted_photo import read


def test_a_photo_that_is_cut_short_is_straightened_as_far_as_it_goes(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([picture(k, 300, 400) for k in range(3)])).save(tmp_path / "whole.jpg")
    data = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(data[: len(data) // 2])
    _, _, whole = read(tmp_path / "whole.jpg")
    kind, _, half = read(tmp_path / "half.jpg")
    assert kind == "JPEG"
    assert half.shape == whole.shape == (300, 400, 3)
    assert np.array_equal(half[:100], whole[:100])


def test_sixteen_bits_are_read_as_eight(tmp_path: Path) -> None:
    grey = picture(0, 60, 80)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    _, _, pixels = read(tmp_path / "deep.png")
    assert np.array_equal(pixels, np.repeat(grey[:, :, None], 3, axis=2))
