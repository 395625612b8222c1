"""Screenshots, collages, stereo pairs and masks are known for what they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import ExifTags, Image
from support import photo_sets
from support.odd_photos import photo

from splatworker.photos.unusual import is_mask, kind_of


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


@pytest.mark.parametrize("joined", [np.hstack, np.vstack])
@pytest.mark.parametrize("number", [0, 3])
def test_what_two_eyes_see_is_a_stereo_pair(joined: Callable[[list[np.ndarray]], np.ndarray], number: int) -> None:
    pose = photo_sets.arc(4, 60)[number]
    other = np.hstack([pose[:, :3], pose[:, 3:] - [[0.065], [0], [0]]])
    rays = photo_sets.pinhole_rays(320, 240, 280.0)
    eyes = [photo_sets.photograph(photo_sets.room(), each, rays) for each in (pose, other)]
    assert kind_of(Image.fromarray(joined(eyes)), {}, Image.Exif(), "a.jpg") == "stereo pair"
    assert kind_of(Image.fromarray(eyes[0]), {}, Image.Exif(), "a.jpg") == ""
    elsewhere = photo_sets.photograph(photo_sets.room(5), pose, rays)
    assert kind_of(Image.fromarray(joined([eyes[0], elsewhere])), {}, Image.Exif(), "a.jpg") == ""
    plain = np.full_like(eyes[0], 90)
    assert kind_of(Image.fromarray(joined([plain, plain])), {}, Image.Exif(), "a.jpg") == ""


def test_black_and_white_areas_are_a_mask() -> None:
    mask = np.zeros((120, 160, 3), np.uint8)
    mask[30:90, 40:100] = 255
    assert is_mask(Image.fromarray(mask))
    assert not is_mask(Image.fromarray(mask // 2))
    assert not is_mask(Image.fromarray(noise()))
    assert not is_mask(Image.new("RGB", (160, 120), "white"))


def test_smooth_colours_and_a_horizon_are_no_stereo_pair() -> None:
    for seed in range(20):  # of so few colours some halves are alike
        assert kind_of(Image.fromarray(photo(seed=seed)), {}, Image.Exif(), "a.jpg") == ""
    sea = noise()
    sea[:150] = sea[:150] // 8 + 200
    assert kind_of(Image.fromarray(sea), {}, Image.Exif(), "a.jpg") == ""
