"""What a photo's header says is evidence among other: it gives way where it is absurd, or the photos contradict it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from support import photo_sets
from support.sfm_runs import Run

from splatworker.formats.colmap import read_cameras
from splatworker.formats.scene import read_scene
from splatworker.sfm.cameras import CameraGroup, group_photos
from splatworker.sfm.photo import PhotoHeader, read_photo

RIGHT = 31
"""The focal length of the room's camera on 35 mm film."""


def write_header(
    path: Path, f35: object = None, *, gps: tuple[float, float, float] | None = None, focal: object = None
) -> None:
    """Give a JPEG a camera, and the focal length or position that are to be told."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Nobody", "One"
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    if f35 is not None:
        detail[ExifTags.Base.FocalLengthIn35mmFilm] = f35
    if focal is not None:
        detail[ExifTags.Base.FocalLength] = focal
    if gps is not None:
        latitude, longitude, altitude = gps
        exif.get_ifd(ExifTags.IFD.GPSInfo).update({
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (float(int(latitude)), 0.0, (latitude - int(latitude)) * 3600),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: (float(int(longitude)), 0.0, (longitude - int(longitude)) * 3600),
            ExifTags.GPS.GPSAltitudeRef: b"\0",
            ExifTags.GPS.GPSAltitude: altitude,
        })  # fmt: skip
    with Image.open(path) as image:
        image.load()
    image.save(path, quality=93, exif=exif)


def groups_of(folder: Path, told: list[object]) -> list[CameraGroup]:
    """The camera groups of photos of 480x360 pixels that tell these focal lengths on film."""
    photos = []
    for number, f35 in enumerate(told):
        path = folder / f"{number}.jpg"
        Image.new("RGB", (480, 360)).save(path)
        write_header(path, f35, focal=4.0)
        photos.append(read_photo(path))
    return group_photos(photos, [folder / photo.name for photo in photos])


@pytest.mark.parametrize("absurd", [1, 3, 500, 65_535])
def test_an_absurd_focal_length_in_all_photos_is_as_good_as_none(tmp_path: Path, absurd: int) -> None:
    (group,) = groups_of(tmp_path, [absurd] * 6)
    assert not group.has_prior
    assert group.focal == pytest.approx(1.2 * 480)
    assert len(group.absurd) == 6


@pytest.mark.parametrize("odd", [0, None, 500])
def test_odd_photos_do_not_spoil_the_others(tmp_path: Path, odd: int | None) -> None:
    found = groups_of(tmp_path, [RIGHT, odd, RIGHT, RIGHT, odd])
    if odd == 500:
        (group,) = found
        assert [photo.name for photo in group.absurd] == ["1.jpg", "4.jpg"]
    assert found[0].has_prior
    assert found[0].focal == pytest.approx(RIGHT / 43.27 * np.hypot(480, 360), rel=0.15)


@pytest.mark.parametrize("written", [(0, 0), (1, 0), "far"])
def test_numbers_that_are_none(tmp_path: Path, written: str | tuple[int, int]) -> None:
    Image.new("RGB", (480, 360)).save(tmp_path / "a.jpg")
    write_header(tmp_path / "a.jpg")
    detail: dict[int, object] = {ExifTags.Base.FocalLength: written}
    assert PhotoHeader("a", 1, 1).focal_mm is None
    exif = Image.Exif()
    try:
        exif.get_ifd(ExifTags.IFD.Exif).update(detail)
        with Image.open(tmp_path / "a.jpg") as image:
            image.load()
        image.save(tmp_path / "a.jpg", exif=exif)
    except (TypeError, ValueError, struct_error()):
        pytest.skip("Pillow does not write it")
    assert read_photo(tmp_path / "a.jpg").focal_mm is None


def struct_error() -> type[Exception]:
    import struct

    return struct.error


@pytest.fixture(scope="module")
def odd_room(sfm: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """Ten photos of the room in folders of folders, names in Latin-1, four of them with a header that is not true, and
    one with the position of another place."""
    folder = tmp_path_factory.mktemp("odd") / "photos"
    taken = photo_sets.take(folder, photo_sets.room(), photo_sets.arc(10), prefix="")
    for number, (name, pose) in enumerate(taken.items()):
        x, y, z = 30 * -pose[:, :3].T @ pose[:, 3]
        place = (47 - z / 111_195, 8 + x / 75_834, 400 + y) if number != 4 else (12.0, 8.0, 0.0)
        write_header(folder / name, 95 if number % 3 == 1 else RIGHT, gps=place)
        below = folder / ("left" if number < 5 else "right/far")
        below.mkdir(parents=True, exist_ok=True)
        os.rename(folder / name, os.fsencode(below) + b"/caf\xe9 %d.jpg" % (number % 5))  # noqa: PTH104 - bytes
    scene = folder.parent / "scene"
    return sfm(folder, scene), scene


def test_an_odd_room_is_found_whole(odd_room: tuple[Run, Path]) -> None:
    run, scene = odd_room
    assert run.result["registered"] == 10
    expected = [f"{folder}/café {number}.jpg" for folder in ("left", "right/far") for number in range(5)]
    assert sorted(photo.name for photo in read_scene(scene).photos) == expected
    for camera in read_cameras(scene / "sparse" / "0" / "cameras.bin").values():
        assert camera.fx == pytest.approx(photo_sets.FOCAL, rel=0.06)


def test_an_odd_room_is_told_of(odd_room: tuple[Run, Path]) -> None:
    run, scene = odd_room
    told = [warning for warning in run.warnings if "(EXIF)" in warning]
    assert len(told) == 1
    assert "3 photos (left/café 1.jpg, left/café 4.jpg, right/far/café 2.jpg)" in told[0]
    assert "was not believed" in told[0]
    (gps,) = [warning for warning in run.warnings if "(GPS)" in warning]
    assert "left/café 4.jpg" in gps
    assert json.loads((scene / "frame.json").read_text())["unit"] == "metre"
