"""One photo becomes eight bits of red, green and blue, whatever it came as."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from support import photo_sets
from support.odd_photos import chunk, photo

from splatworker.formats.mask_names import AS_GIVEN
from splatworker.formats.panorama import Area
from splatworker.photos import sandbox
from splatworker.photos.mask import put_together
from splatworker.photos.picture import open_picture
from splatworker.photos.unusable import Unusable

MOST = 10**8


def opened(path: Path, image: Image.Image, max_size: int = 0) -> Image.Image:
    image.save(path)
    return open_picture(path, max_size, MOST).image


def test_sixteen_bits_are_read_by_the_bits_that_are_used(tmp_path: Path) -> None:
    ramp = np.linspace(0, 4095, 100 * 80).reshape(80, 100).astype(np.uint16)  # 12 of 16
    pixels = np.asarray(opened(tmp_path / "a.png", Image.fromarray(ramp)))
    assert pixels.shape == (80, 100, 3)
    assert (pixels.min(), pixels.max()) == (0, 255)


def deep_png(path: Path, values: np.ndarray) -> Path:
    """Colours of 16 bits, as Pillow cannot write them."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


def test_colours_of_16_bits_of_which_few_are_used_are_refused_in_a_png_too(tmp_path: Path) -> None:
    pixels = photo()
    found = open_picture(deep_png(tmp_path / "a.png", pixels.astype(int) * 257), 0, MOST).image
    assert (np.asarray(found) == pixels).all()
    with pytest.raises(Unusable, match="nearly black"):
        open_picture(deep_png(tmp_path / "b.png", pixels.astype(int) * 16), 0, MOST)


def test_a_panorama_for_two_eyes_is_that_of_the_first(tmp_path: Path) -> None:
    around = photo_sets.photograph(photo_sets.hall(), photo_sets.walk(3)[1], photo_sets.sphere_rays(512))
    both = np.vstack([around, around])
    both[300:400, 200:210] = 0
    Image.fromarray(both).save(tmp_path / "a.png")
    found = open_picture(tmp_path / "a.png", 0, MOST)
    assert (found.given, found.of, found.area) == ((512, 256), 2, Area())
    assert (np.asarray(found.image) == around).all()
    Image.fromarray(both).save(tmp_path / "a.jpg", quality=95)
    small = open_picture(tmp_path / "a.jpg", 100, MOST)  # a view is a quarter as wide
    assert (small.given, small.image.size, small.area) == ((512, 256), (400, 200), Area())


def test_alpha_stays_only_where_something_is_transparent(tmp_path: Path) -> None:
    image = Image.new("RGBA", (80, 80), (9, 9, 9, 255))
    assert opened(tmp_path / "a.png", image).mode == "RGB"
    image.putpixel((3, 3), (0, 0, 0, 0))
    assert opened(tmp_path / "b.png", image).mode == "RGBA"
    with pytest.raises(Unusable, match="wholly transparent"):
        opened(tmp_path / "c.png", Image.new("RGBA", (80, 80)))


@pytest.mark.parametrize("alpha", [1, 100, 254])
def test_an_alpha_that_is_the_same_everywhere_is_none(alpha: int, tmp_path: Path) -> None:
    image = Image.new("RGBA", (80, 80), (90, 9, 9, alpha))
    shown = opened(tmp_path / "a.png", image)
    assert (shown.mode, shown.getpixel((5, 5))) == ("RGB", (90, 9, 9))


def test_what_is_nearly_transparent_everywhere_is_no_photo(tmp_path: Path) -> None:
    image = Image.new("RGBA", (80, 80), (9, 9, 9, 51))
    image.putpixel((3, 3), (0, 0, 0, 0))
    with pytest.raises(Unusable, match="nearly transparent: its alpha is nowhere more than 20%"):
        opened(tmp_path / "a.png", image)


@pytest.mark.parametrize(("size", "said"), [((80, 63), "only 80x63 pixels"), ((4000, 70), "far too narrow")])
def test_sizes_that_are_of_no_use(size: tuple[int, int], said: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=said):
        opened(tmp_path / "a.png", Image.new("RGB", size), 800)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("RGB", (200, 200)).save(tmp_path / "a.png")
    with pytest.raises((Image.DecompressionBombError, Image.DecompressionBombWarning)):
        open_picture(tmp_path / "a.png", 0, 200 * 200 - 1)


def test_nothing_that_a_file_says_besides_is_kept(tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "a.jpg", comment=b"a secret", dpi=(300, 300))
    picture = open_picture(tmp_path / "a.jpg", 0, MOST)
    assert picture.image.info == {}
    assert picture.exif == b"" or b"secret" not in picture.exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif", "avif"])
def test_every_kind_tells_how_its_pixels_lie(kind: str, orientation: int, tmp_path: Path) -> None:
    """What later stages get is not mirrored, and upright by the header that they get."""
    sandbox.load_decoders()
    upright = Image.fromarray(photo(160, 120))
    lies = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transposes
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(lies[orientation]))
    stored.save(tmp_path / f"a.{kind}", exif=exif.tobytes(), quality=95)
    picture = open_picture(tmp_path / f"a.{kind}", 0, MOST)
    clean = put_together(picture, None, AS_GIVEN).image
    told = Image.Exif()
    told.load(picture.exif)
    assert told.get(ExifTags.Base.Orientation, 1) in (1, 3, 6, 8)
    turn = {3: 3, 6: 4, 8: 2}.get(told.get(ExifTags.Base.Orientation, 1))
    shown = clean if turn is None else clean.transpose(Image.Transpose(turn))
    assert shown.size == upright.size
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(upright)).mean() < 4
