"""Raw files are known by their content; what LibRaw cannot read is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from splatworker.photos import raw
from splatworker.photos.unusable import Unusable


@pytest.mark.parametrize(
    "head", [b"IIU\0", b"FUJIFILMCCD-RAW ", b"\0\0\0\x18ftypcrx ", b"II\x1a\0\0\0HEAPCCDR", b"FOVb"]
)
def test_a_head_tells(head: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(head.ljust(64, b"\0"))
    assert raw.is_raw(tmp_path / "photo")


def test_a_tiff_is_one_by_its_sensor_or_its_name(tmp_path: Path) -> None:
    for name, sensor in (("a.tif", False), ("a.nef", True), ("a.raw", False)):
        Image.new("L", (80, 80)).save(tmp_path / name, "TIFF")
        assert raw.is_raw(tmp_path / name) is sensor
    Image.new("L", (80, 80)).save(tmp_path / "b.tif", "TIFF", tiffinfo={50706: b"\x01\x04\0\0"})
    assert raw.is_raw(tmp_path / "b.tif")


def test_a_jpeg_is_none_whatever_it_is_called(tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "a.nef", "JPEG")
    assert not raw.is_raw(tmp_path / "a.nef")


def test_what_cannot_be_read_is_named_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "a.cr2").write_bytes(b"II*\0" + bytes(4000))
    with pytest.raises(Unusable, match=r"raw file \(CR2\) that cannot be read: export it as JPEG or TIFF"):
        raw.open_raw(tmp_path / "a.cr2", 10**8)
    assert raw.kind_of(tmp_path / "a.bin") == "raw"
