"""Clean copies stand whole or not at all, and faults of the disk are told from those of the encoder."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from PIL import Image

from splatworker.photos import clean_copy


def test_a_copy_is_jpeg_or_png_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    for mode, name in (("RGB", "a.jpg"), ("RGBA", "b.png")):
        clean_copy.write(Image.new(mode, (40, 30)), b"", None, tmp_path / name)
        with Image.open(tmp_path / name, formats=["JPEG", "PNG"]) as image:
            assert (image.mode, image.size) == (mode, (40, 30))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "b.png"]


def test_a_mask_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    mask = clean_copy.mask_of(tmp_path / "a.jpg")
    clean_copy.write_mask(Image.new("L", (40, 30), 255), mask)
    assert mask == tmp_path / "masks" / "a.jpg.png"
    assert [path.name for path in mask.parent.iterdir()] == ["a.jpg.png"]


def test_a_fault_of_the_disk_has_its_number(tmp_path: Path) -> None:
    with pytest.raises(clean_copy.NotWritten) as caught:
        clean_copy.write(Image.new("RGB", (40, 30)), b"", None, tmp_path / "none" / "a.jpg")
    assert caught.value.number == errno.ENOENT


def test_what_no_jpeg_can_be_is_the_encoders_fault(tmp_path: Path) -> None:
    with pytest.raises(clean_copy.NotWritten) as caught:
        clean_copy.write(Image.new("RGB", (70_000, 1)), b"", None, tmp_path / "a.jpg")
    assert caught.value.number is None
    assert list(tmp_path.iterdir()) == []
