"""A scene's photos: names that may be followed, and sizes that headers tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from splatworker.errors import InvalidScene
from splatworker.formats.scene_photo import checked_name, photo_in, size_of


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "\\\\host\\a.jpg", "../a.jpg", "a/../../b.jpg", "C:\\a.jpg", "a\0.jpg"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidScene, match="outside of its folder") as refused:
        checked_name(name)
    assert refused.value.message.isprintable()
    assert photo_in(tmp_path, name) is None


def test_names_that_stay_inside_are_followed(tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "a.jpg").write_bytes(b"")
    assert checked_name("./left//a..jpg") == "left/a..jpg"
    assert photo_in(tmp_path, "left/a.jpg") == tmp_path / "left" / "a.jpg"
    assert photo_in(tmp_path, "left") is None
    assert photo_in(tmp_path, "a" * 5000) is None


def test_the_size_is_the_headers_and_only_of_formats_that_are_opened(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 30))
    image.save(tmp_path / "photo.png")
    image.save(tmp_path / "photo.bmp")
    (tmp_path / "text.jpg").write_text("<html>")
    assert size_of(tmp_path / "photo.png") == (40, 30)
    assert [size_of(tmp_path / name) for name in ("photo.bmp", "text.jpg", "missing.jpg")] == [None] * 3
