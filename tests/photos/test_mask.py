"""A photo and its mask, put together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from splatworker.formats.mask_names import MaskRules
from splatworker.photos import sandbox
from splatworker.photos.mask import put_together
from splatworker.photos.picture import Picture
from splatworker.photos.unusable import UnusableMask

SIZE = (64, 48)


def picture(mode: str = "RGB") -> Picture:
    return Picture(Image.new(mode, SIZE, "white"), b"", given=SIZE)


def mask(folder: Path, size: tuple[int, int] = SIZE, *, kept: bool = True) -> Path:
    drawn = Image.new("L", size)
    if kept:
        drawn.paste(255, (0, 0, size[0] // 2, size[1]))
    drawn.save(folder / "a.png")
    return folder / "a.png"


def test_a_file_is_ignored_or_cuts_out_as_the_rules_say(tmp_path: Path) -> None:
    given = mask(tmp_path)
    told = put_together(picture(), given, MaskRules())
    assert told.image.mode == "RGB"
    assert told.ignored is not None
    assert [told.ignored.getpixel((x, 5)) for x in (5, 60)] == [255, 0]
    cut = put_together(picture(), given, MaskRules(mode="cutout"))
    assert (cut.image.mode, cut.ignored) == ("RGBA", None)
    assert [cut.image.getchannel("A").getpixel((x, 5)) for x in (5, 60)] == [255, 0]
    inverted = put_together(picture(), given, MaskRules(invert=True))
    assert inverted.ignored is not None
    assert [inverted.ignored.getpixel((x, 5)) for x in (5, 60)] == [0, 255]


def test_without_a_mask_all_counts() -> None:
    told = put_together(picture(), None, MaskRules())
    assert (told.image.mode, told.ignored, told.scaled) == ("RGB", None, "")


def test_a_mask_of_another_size_is_scaled_and_one_of_another_shape_refused(tmp_path: Path) -> None:
    assert put_together(picture(), mask(tmp_path, (32, 24)), MaskRules()).scaled == "32x24"
    with pytest.raises(UnusableMask, match=r"its mask a\.png"):
        put_together(picture(), mask(tmp_path, (48, 64 * 3)), MaskRules())


def test_a_mask_that_hides_all_or_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableMask, match="hides all of it, for white is what is kept"):
        put_together(picture(), mask(tmp_path, kept=False), MaskRules())
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UnusableMask, match="cannot be read as a picture"):
        put_together(picture(), tmp_path / "a.png", MaskRules())


def test_why_a_mask_was_not_read(tmp_path: Path) -> None:
    """A pipe is not waited for."""
    sandbox.load_decoders()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "lost.png").symlink_to("nothing")
    (tmp_path / "page.png").write_bytes(b"<html>")
    Image.new("L", SIZE, 255).save(tmp_path / "a.bmp")
    told = {
        "pipe.png": "no file",
        "lost.png": "a link that leads nowhere",
        "page.png": "a web page",
        "a.bmp": "a BMP, not",
    }
    for name, words in told.items():
        with pytest.raises(UnusableMask, match=f"its mask {name} cannot be read as a picture: it is {words}"):
            put_together(picture(), tmp_path / name, MaskRules())


def test_what_a_mask_keeps_and_whether_it_is_a_photo(tmp_path: Path) -> None:
    told = put_together(picture(), mask(tmp_path), MaskRules())
    assert (told.kept, told.shades) == (0.5, False)
    Image.linear_gradient("L").resize(SIZE).save(tmp_path / "a.png")
    assert put_together(picture(), tmp_path / "a.png", MaskRules()).shades
    assert put_together(picture(), None, MaskRules()).kept is None
