"""Pictures that no ordinary camera took."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ExifTags, Image

from splatworker.formats.panorama import is_panorama


def rough(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width), dtype=np.uint8)


@pytest.mark.parametrize("xmp", [b'<x GPano:ProjectionType="equirectangular"/>', '<x GSpherical:Spherical="true"/>'])
def test_one_that_says_so(xmp: bytes | str) -> None:
    picture = Image.new("RGB", (40, 30))
    assert is_panorama(picture, {"xmp": xmp}, Image.Exif())
    assert not is_panorama(picture, {"xmp": b"<x/>"}, Image.Exif())


def test_one_that_a_phone_has_stitched() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.CustomRendered] = 6
    assert is_panorama(Image.new("RGB", (40, 30)), {}, exif)


def test_one_whose_edges_are_one_place() -> None:
    pixels = np.repeat(rough(1, 256), 512, axis=1)
    assert is_panorama(Image.fromarray(pixels), {}, Image.Exif())
    pixels[:, -8:] = rough(1, 256, seed=1)
    assert not is_panorama(Image.fromarray(pixels), {}, Image.Exif())
    assert not is_panorama(Image.fromarray(np.full((256, 512), 90, np.uint8)), {}, Image.Exif())  # nothing to compare
