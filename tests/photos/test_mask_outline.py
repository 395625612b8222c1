"""Which way a mask lies, told by what it was drawn around."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.heard import Heard
from support.odd_photos import photo

from splatworker.photos import decode, mask_outline

WIDTH, HEIGHT = 240, 180
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    6: Image.Transpose.ROTATE_90,
}
"""What lays an upright picture as the pixels of a photo with this EXIF orientation lie."""

pytestmark = pytest.mark.usefixtures("decoders")


def thing(seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> tuple[Image.Image, Image.Image]:
    """A photo of a red thing on a textured ground, not in the middle, and what hides that thing."""
    random = np.random.default_rng(seed)
    picture = photo(*size, seed=seed) // 4 + random.integers(0, 40, (size[1], size[0], 3), np.uint8)
    mask = Image.new("L", size, 255)
    draw = ImageDraw.Draw(mask)
    draw.ellipse((20, 15, 90, 70), fill=0)
    draw.rectangle((60, 50, 110, 65), fill=0)
    picture[np.asarray(mask) == 0] = picture[np.asarray(mask) == 0] // 2 + (120, 0, 0)
    return Image.fromarray(picture), mask


@pytest.mark.parametrize("orientation", TURNS)
def test_the_way_that_suits_the_photo(orientation: int) -> None:
    picture, mask = thing(size=(WIDTH, WIDTH))
    other = mask.transpose(TURNS[orientation])
    assert mask_outline.likeliest(picture, [mask, other]) == 0
    assert mask_outline.likeliest(picture, [other, mask]) == 1
    assert mask_outline.likeliest(picture, [other]) == 0


def test_a_rough_mask_tells_nothing() -> None:
    picture, _ = thing()
    box = Image.new("L", picture.size, 255)
    box.paste(0, (150, 20, 200, 70))
    assert mask_outline.likeliest(picture, [box, box.transpose(Image.Transpose.ROTATE_180)]) is None
    nothing = Image.new("L", picture.size, 255)
    assert mask_outline.likeliest(picture, [nothing, box]) is None


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_masks_lie_right_whether_they_were_made_of_the_pixels_or_of_what_people_see(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    side = WIDTH if orientation == 6 else HEIGHT  # a quarter of a turn is told by shapes but for squares
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "in" / "masks").mkdir(parents=True)
    turn = TURNS[orientation]
    for number, name in enumerate(("lying", "upright")):
        upright, mask = thing(number, (WIDTH, side))
        header = {"tiffinfo": {0x0112: orientation}} if suffix == "tif" else {"exif": exif, "quality": 95}
        upright.transpose(turn).save(tmp_path / "in" / f"{name}.{suffix}", **header)
        (mask.transpose(turn) if name == "lying" else mask).save(tmp_path / "in" / "masks" / f"{name}.png")
    told = Heard()
    decode.decode_folder(tmp_path / "in", tmp_path / "out", told, masks=tmp_path / "in" / "masks")
    assert told.warnings == []
    for name in ("lying", "upright"):
        with Image.open(tmp_path / "out" / f"{name}.jpg") as clean:
            red = np.asarray(clean.convert("RGB"))[:, :, 0] > 112
        with Image.open(tmp_path / "out" / "masks" / f"{name}.jpg.png") as hidden:
            assert (red == (np.asarray(hidden) == 0)).mean() > 0.99


def test_where_nothing_tells_that_is_said(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    (tmp_path / "in" / "masks").mkdir(parents=True)
    thing()[0].save(tmp_path / "in" / "a.jpg", exif=exif)
    box = Image.new("L", (WIDTH, HEIGHT), 255)
    box.paste(0, (150, 20, 200, 70))
    box.save(tmp_path / "in" / "masks" / "a.png")
    told = Heard()
    decode.decode_folder(tmp_path / "in", tmp_path / "out", told, masks=tmp_path / "in" / "masks")
    (warning,) = told.warnings
    assert warning.startswith(
        "a.png: the photo is turned or mirrored by its header, and nothing told whether the mask is"
    )
    with Image.open(tmp_path / "out" / "masks" / "a.jpg.png") as hidden:
        assert (np.asarray(hidden) == np.asarray(box)).all()


def test_a_mask_of_two_photos_is_told(tmp_path: Path) -> None:
    (tmp_path / "in" / "masks").mkdir(parents=True)
    for number, suffix in enumerate(("jpg", "png")):
        thing(number)[0].save(tmp_path / "in" / f"a.{suffix}")
    thing()[1].save(tmp_path / "in" / "masks" / "a.png")
    told = Heard()
    decode.decode_folder(tmp_path / "in", tmp_path / "out", told, masks=tmp_path / "in" / "masks")
    (warning,) = told.warnings
    assert warning.startswith("a.png: taken for each of several photos of one name.")
