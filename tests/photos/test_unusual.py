"""Screenshots and collages are known for what they are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ExifTags, Image

from splatworker.photos.unusual import kind_of


def noise(height: int = 300, width: int = 400) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["Screenshot 2024-01-01.png", "screen_shot.jpg", "Bildschirmfoto 1.png"])
def test_a_screenshot_by_its_name(name: str) -> None:
    assert kind_of(Image.fromarray(noise()), {}, Image.Exif(), name) == "screenshot"


def test_a_screenshot_by_what_it_says() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0Screenshot"
    assert kind_of(Image.fromarray(noise()), {}, exif, "a.png") == "screenshot"
    assert kind_of(Image.fromarray(noise()), {"Software": "gnome-screenshot"}, Image.Exif(), "a.png") == "screenshot"


@pytest.mark.parametrize("across", [True, False])
def test_a_collage_by_its_gap(across: bool) -> None:
    pixels = noise()
    if across:
        pixels[145:153] = 255
    else:
        pixels[:, 200:208] = 255
    assert kind_of(Image.fromarray(pixels), {}, Image.Exif(), "a.jpg") == "collage"


def test_a_photo_is_neither_and_a_wide_plain_band_is_no_gap() -> None:
    assert kind_of(Image.fromarray(noise()), {}, Image.Exif(), "IMG_1.jpg") == ""
    pixels = noise()
    pixels[100:200] = 255  # a sky, a wall
    assert kind_of(Image.fromarray(pixels), {}, Image.Exif(), "IMG_1.jpg") == ""
