"""What is read from headers, the order of capture, and the groups of one camera."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from support.photo_headers import write_photo

from splatworker.sfm.photo import PhotoHeader, in_capture_order, read_photo, read_photos


def test_a_header_is_read(tmp_path: Path) -> None:
    photo = read_photo(
        write_photo(
            tmp_path / "a.jpg",
            make="Acme\0\0",
            model="Lens One",
            focal=(425, 100),
            focal_35=26,
            taken="2024:05:01 10:00:00",
            orientation=6,
            gps={1: "S", 2: (33.0, 30.0, 36.0), 3: "W", 4: (70.0, 0.0, 0.0), 5: b"\x01", 6: 12.5},
        )
    )
    assert (photo.width, photo.height) == (60, 40)
    assert (photo.make, photo.model) == ("Acme", "Lens One")
    assert (photo.focal_mm, photo.focal_35mm) == (4.25, 26.0)
    assert photo.orientation == 6
    assert photo.gps == pytest.approx((-33.51, -70.0, -12.5))
    assert photo.taken == "2024:05:01 10:00:00"


@pytest.mark.parametrize("focal", [(0, 1), (0, 0), (5, 0)])
def test_nonsense_in_a_header_is_no_information(tmp_path: Path, focal: tuple[int, int]) -> None:
    photo = read_photo(write_photo(tmp_path / "a.jpg", focal=focal, focal_35=0, orientation=77))
    assert photo.focal_mm is None
    assert photo.focal_35mm is None
    assert photo.orientation == 1
    assert photo.gps is None


def test_a_position_without_height_is_no_position(tmp_path: Path) -> None:
    gps = {1: "N", 2: (33.0, 30.0, 36.0), 3: "E", 4: (70.0, 0.0, 0.0)}
    assert read_photo(write_photo(tmp_path / "a.jpg", gps=gps)).gps is None


def test_files_that_are_no_photos_are_named(tmp_path: Path) -> None:
    write_photo(tmp_path / "b.png")
    (tmp_path / "a.jpg").write_bytes(b"not a photo")
    (tmp_path / "c.txt").write_text("text")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "folder").mkdir()
    photos, others = read_photos(tmp_path)
    assert [photo.name for photo in photos] == ["b.png"]
    assert others == ["a.jpg", "c.txt"]


def test_capture_order_is_by_number_unless_every_photo_tells_the_time() -> None:
    names = ["img10.jpg", "img2.jpg", "IMG1.jpg"]
    assert [photo.name for photo in in_capture_order([PhotoHeader(name, 1, 1) for name in names])] == [
        "IMG1.jpg",
        "img2.jpg",
        "img10.jpg",
    ]
    timed = [PhotoHeader("a.jpg", 1, 1, taken="2024:01:02"), PhotoHeader("b.jpg", 1, 1, taken="2024:01:01")]
    assert [photo.name for photo in in_capture_order(timed)] == ["b.jpg", "a.jpg"]
    assert [photo.name for photo in in_capture_order([*timed, PhotoHeader("0.jpg", 1, 1)])] == [
        "0.jpg",
        "a.jpg",
        "b.jpg",
    ]


def test_a_panorama_is_known_by_what_it_says(tmp_path: Path) -> None:
    from support import odd_photos

    picture = odd_photos.photo(400, 300)
    says = b"<x GPano:ProjectionType='equirectangular'/>"
    (tmp_path / "says.jpg").write_bytes(odd_photos.jpeg_with_xmp(picture[:200], says))
    (tmp_path / "lies.jpg").write_bytes(odd_photos.jpeg_with_xmp(picture, says))
    Image.fromarray(picture).resize((512, 256)).save(tmp_path / "wide.jpg")
    Image.fromarray(picture).save(tmp_path / "photo.jpg")
    photos, others = read_photos(tmp_path)
    assert {photo.name for photo in photos if photo.area} == {"says.jpg"}
    assert {photo.name for photo in photos if photo.unusable} == {"lies.jpg"}
    assert len(photos) == 4
    assert others == []


def test_photos_are_found_in_folders_of_folders_by_names_that_can_be_written(tmp_path: Path) -> None:
    for name in (b"a/1.jpg", b"b/caf\xe9.jpg", "b/café.jpg".encode()):
        path = tmp_path / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 64)).save(path)
    photos, _ = read_photos(tmp_path)
    assert sorted(photo.name for photo in photos) == ["a/1.jpg", "b/café.jpg", "b/café_2.jpg"]
    assert all(photo.within(tmp_path).is_file() for photo in photos)
    assert len({photo.within(tmp_path) for photo in photos}) == 3


def test_whatever_is_in_a_header_the_photo_is_read(tmp_path: Path) -> None:
    """Headers with bytes changed at random: what is corrupt is as good as not told."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "Maker", 6
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.FocalLength: 4.2, ExifTags.Base.FocalLengthIn35mmFilm: 28})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {ExifTags.GPS.GPSLatitude: (1.0, 2.0, 3.0), ExifTags.GPS.GPSAltitude: 4.0}
    )
    sound = exif.tobytes()
    rng = np.random.default_rng(1)
    read = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(400):
            garbled = bytearray(sound)
            for at in rng.integers(6, len(sound), rng.integers(1, 9)):
                garbled[at] = rng.integers(256)
            Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg", exif=bytes(garbled))
            photo = read_photo(tmp_path / "a.jpg")
            assert (photo.width, photo.height) == (64, 48)
            assert photo.orientation in range(1, 9)
            read += photo.focal_mm is not None
    assert read > 40


def test_grey_of_16_bits_is_left_to_the_decoder_of_photos(tmp_path: Path) -> None:
    """Read as it is, nearly all of it would be white."""
    Image.fromarray(np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)).save(tmp_path / "a.png")
    assert read_photos(tmp_path) == ([], ["a.png"])
