"""What is kept of a header, whatever stands in it."""

from __future__ import annotations

import pytest
from PIL import ExifTags, Image

from splatworker.photos.exif import kept_exif

BASE, IFD = ExifTags.Base, ExifTags.IFD


def read(data: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(data)
    return exif


def test_camera_and_position_stay_and_the_rest_goes() -> None:
    given = Image.Exif()
    given[BASE.Make], given[BASE.Artist], given[BASE.Orientation] = "Acme", "Jane Doe", 6
    given.get_ifd(IFD.Exif).update({BASE.FocalLength: 4.5, BASE.UserComment: b"a secret"})
    given.get_ifd(IFD.GPSInfo).update({1: "N", 2: (47.0, 0.0, 0.0)})
    kept = read(kept_exif(given, shrunk=0.5))
    assert dict(kept)[BASE.Make] == "Acme"
    assert kept[BASE.Orientation] == 6
    assert BASE.Artist not in kept
    assert float(kept.get_ifd(IFD.Exif)[BASE.FocalLength]) == 4.5
    assert BASE.UserComment not in kept.get_ifd(IFD.Exif)
    assert kept.get_ifd(IFD.GPSInfo)[1] == "N"


def test_pixels_of_the_sensor_shrink_with_the_photo() -> None:
    given = Image.Exif()
    given.get_ifd(IFD.Exif).update({BASE.FocalPlaneXResolution: 4000.0, BASE.FocalPlaneYResolution: "nonsense"})
    kept = read(kept_exif(given, shrunk=0.25)).get_ifd(IFD.Exif)
    assert float(kept[BASE.FocalPlaneXResolution]) == pytest.approx(1000.0)
    assert BASE.FocalPlaneYResolution not in kept


def test_a_name_without_end_is_cut() -> None:
    given = Image.Exif()
    given[BASE.Make] = "A" * 100_000
    assert len(kept_exif(given, shrunk=1.0)) < 1000


def test_a_block_that_cannot_be_written_costs_no_more_than_itself() -> None:
    given = Image.Exif()
    given[BASE.Make] = "Acme"
    given.get_ifd(IFD.GPSInfo).update({2: object()})
    assert read(kept_exif(given, shrunk=1.0))[BASE.Make] == "Acme"
