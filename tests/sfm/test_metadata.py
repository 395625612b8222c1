"""What a header says goes, the pixels stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photo_sets

from splatworker.sfm.metadata import drop_metadata


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_metadata_goes_and_pixels_stay(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Acme"
    picture = Image.fromarray((photo_sets.texture(3, 64) * 255).astype(np.uint8))
    picture.save(tmp_path / name, exif=exif)
    before = np.asarray(Image.open(tmp_path / name))
    drop_metadata(tmp_path / name)
    after = Image.open(tmp_path / name)
    assert not after.getexif()
    assert b"Acme" not in (tmp_path / name).read_bytes()
    assert np.array_equal(np.asarray(after), before)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    drop_metadata(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_bytes() == b"hello"
