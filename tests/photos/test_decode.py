"""Decoding: every format, what is kept of the EXIF data, and files made to do harm."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image
from support.jobs import write_photos
from support.odd_photos import chunk, png

from splatworker.errors import DiskFull
from splatworker.photos import decode, sandbox
from splatworker.photos.decode import Decoded
from splatworker.photos.exif import kept_exif
from splatworker.stages.progress import Silent

SMOOTH = np.linspace(0, 255, 120 * 160 * 3).reshape(120, 160, 3).astype(np.uint8)


pytestmark = pytest.mark.usefixtures("decoders")


def run(source: Path, **options: Any) -> Decoded:
    return decode.decode_folder(source, source.parent / "out", Silent(), **options)


def only_reason(source: Path) -> str:
    decoded = run(source)
    assert decoded.photos == []
    assert not list((source.parent / "out").iterdir())
    (rejected,) = decoded.rejected
    assert rejected["index"] == 0
    return str(rejected["reason"])


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("a.jpg", lambda image, path: image.save(path, quality=95)),
        ("a.png", lambda image, path: image.save(path)),
        ("a.webp", lambda image, path: image.save(path, lossless=True)),
        ("a.tif", lambda image, path: image.save(path)),
        ("a.heic", lambda image, path: pillow_heif.from_pillow(image).save(path, quality=90)),
        ("cmyk.jpg", lambda image, path: image.convert("CMYK").save(path, quality=95)),
        ("palette.png", lambda image, path: image.quantize(256).save(path)),
        ("alpha.png", lambda image, path: image.convert("RGBA").save(path)),
        ("stereo.mpo", lambda image, path: image.save(path, format="MPO", save_all=True, append_images=[image])),
        ("lying.txt", lambda image, path: image.save(path, format="PNG")),
    ],
)
def test_every_format_becomes_the_same_picture(source: Path, name: str, save: Callable[..., Any]) -> None:
    save(Image.fromarray(SMOOTH), source / name)
    decoded = run(source)
    assert decoded.rejected == []
    with Image.open(source.parent / "out" / decoded.photos[0]["name"]) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (160, 120))
        assert np.abs(np.asarray(image).astype(int) - SMOOTH).mean() < 6


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_not_clipped(source: Path, suffix: str) -> None:
    wide = np.linspace(0, 65535, 120 * 160).reshape(120, 160).astype(np.uint16)
    Image.fromarray(wide).save(source / f"a.{suffix}")
    decoded = run(source)
    with Image.open(source.parent / "out" / decoded.photos[0]["name"]) as image:
        assert np.abs(np.asarray(image)[..., 0].astype(int) - (wide >> 8)).max() <= 3


def photo_with_exif(path: Path, size: tuple[int, int] = (640, 480)) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Somebody Private"
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    camera[ExifTags.Base.FocalLength] = 28.0
    camera[ExifTags.Base.FocalPlaneXResolution] = 4000.0
    camera[ExifTags.Base.UserComment] = b"private"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (50.0, 6.0, 0.0)
    Image.fromarray(SMOOTH).resize(size).save(path, exif=exif)


def test_exif_of_camera_and_place_is_kept_and_the_photo_not_turned(source: Path) -> None:
    photo_with_exif(source / "a.jpg")
    run(source)
    with Image.open(source.parent / "out" / "a.jpg") as image:
        exif = image.getexif()
        assert image.size == (640, 480)
    assert exif[ExifTags.Base.Make] == "Maker"
    assert exif[ExifTags.Base.Orientation] == 6
    assert ExifTags.Base.Artist not in exif
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    assert camera[ExifTags.Base.FocalLength] == 28
    assert ExifTags.Base.UserComment not in camera
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] == (50, 6, 0)


def test_a_shrunk_photo_keeps_its_field_of_view_in_the_exif(source: Path) -> None:
    photo_with_exif(source / "a.jpg")
    decoded = run(source, max_size=320)
    assert (decoded.photos[0]["width"], decoded.photos[0]["height"]) == (320, 240)
    with Image.open(source.parent / "out" / "a.jpg") as image:
        camera = image.getexif().get_ifd(ExifTags.IFD.Exif)
    assert camera[ExifTags.Base.FocalPlaneXResolution] == 2000
    assert camera[ExifTags.Base.FocalLength] == 28


def test_photos_are_never_enlarged(source: Path) -> None:
    write_photos(source, 1)
    assert run(source, max_size=4000).photos[0]["width"] == 160


def test_numbers_in_names_sort_as_numbers_and_names_stay_recognisable(source: Path) -> None:
    for number, name in enumerate(["IMG_10.jpg", "IMG_2.jpg", "x..;.jpg", "ä b;rm -rf.JPEG"]):
        Image.fromarray(np.roll(SMOOTH, number, axis=1)).save(source / name, "JPEG")
    decoded = run(source)
    names = [photo["name"] for photo in decoded.photos]
    assert names.index("IMG_2.jpg") < names.index("IMG_10.jpg")
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") for name in names)
    assert not any(name.startswith(".") for name in names)
    assert len(set(names)) == 4


def test_names_that_differ_in_letter_case_or_type_only(source: Path) -> None:
    for number, name in enumerate(["a.jpg", "A.jpg", "a.png"]):
        Image.fromarray(np.roll(SMOOTH, number, axis=1)).save(source / name)
    assert len({photo["name"].lower() for photo in run(source).photos}) == 3


def test_the_same_picture_twice_counts_once(source: Path) -> None:
    (photo,) = write_photos(source, 1)
    (source / "copy.jpg").write_bytes(photo.read_bytes())
    decoded = run(source)
    assert len(decoded.photos) == 1
    assert "same picture as" in decoded.rejected[0]["reason"]


def test_a_truncated_jpeg(source: Path) -> None:
    (photo,) = write_photos(source, 1)
    photo.write_bytes(photo.read_bytes()[:-400])
    assert "truncated" in only_reason(source)


def test_an_empty_file(source: Path) -> None:
    (source / "a.jpg").touch()
    assert only_reason(source) == "the file is empty"


@pytest.mark.parametrize("text", ["<html><body>404</body></html>", "  <svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_a_web_page_called_jpg(source: Path, text: str) -> None:
    (source / "a.jpg").write_text(text)
    assert "web page" in only_reason(source)


def test_a_format_that_is_not_wanted(source: Path) -> None:
    Image.fromarray(SMOOTH).save(source / "a.jpg", "GIF")
    assert "not a JPEG" in only_reason(source)


def test_a_bomb_of_pixels(source: Path) -> None:
    (source / "a.png").write_bytes(png(60_000, 60_000))
    assert "megapixels" in only_reason(source)


def test_a_little_more_than_the_limit(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MOST_PIXELS", 160 * 120 - 1)
    write_photos(source, 1)
    assert "megapixels" in only_reason(source)


def test_a_bomb_in_a_text_chunk(source: Path) -> None:
    text = b"Comment\0\0" + zlib.compress(bytes(300 << 20), 9)
    (source / "a.png").write_bytes(png(100, 100, chunk(b"zTXt", text), rows=bytes(101 * 100)))
    decoded = run(source)
    assert len(decoded.photos) + len(decoded.rejected) == 1
    assert not any("too long" in photo["reason"] for photo in decoded.rejected)


def test_a_corrupt_heic(source: Path) -> None:
    pillow_heif.from_pillow(Image.fromarray(SMOOTH)).save(source / "a.heic")
    data = bytearray((source / "a.heic").read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    (source / "a.heic").write_bytes(data)
    decoded = run(source)
    assert len(decoded.photos) + len(decoded.rejected) == 1


def test_a_full_disk_is_no_fault_of_the_photo(source: Path, small_disk: Path) -> None:
    write_photos(source, 3, size=(2000, 1500))
    with pytest.raises(DiskFull):
        for number in range(5):
            decode.decode_folder(source, small_disk / str(number), Silent())


def test_many_at_once_give_the_same(source: Path) -> None:
    write_photos(source, 9)
    one = run(source)
    four = decode.decode_folder(source, source.parent / "four", Silent(), jobs=4)
    assert one == four
    for photo in one.photos:
        name = photo["name"]
        assert (source.parent / "out" / name).read_bytes() == (source.parent / "four" / name).read_bytes()


def test_photos_are_decoded_while_others_arrive(source: Path) -> None:
    """Each photo is brought when the one before has come out whole at the other end."""
    out = source.parent / "out"
    pictures = [Image.fromarray(np.roll(SMOOTH, 7 * number, axis=1)) for number in range(4)]
    sent = 0

    def all_arrived() -> bool:
        nonlocal sent
        whole = [path for path in out.iterdir() if not path.name.startswith(".")]
        if len(whole) == sent < len(pictures):
            pictures[sent].save(source / ".part", "JPEG")
            (source / ".part").rename(source / f"{9 - sent}.jpg")
            sent += 1
        return len(whole) == len(pictures)

    decoded = run(source, all_arrived=all_arrived, jobs=2)
    assert [photo["file"] for photo in decoded.photos] == ["9.jpg", "8.jpg", "7.jpg", "6.jpg"]
    assert [photo["index"] for photo in decoded.photos] == [0, 1, 2, 3]
    assert sorted(path.name for path in out.iterdir()) == ["6.jpg", "7.jpg", "8.jpg", "9.jpg"]


def test_of_two_equal_photos_the_first_is_kept(source: Path) -> None:
    """However long each of them takes."""
    picture = Image.fromarray(SMOOTH)
    picture.resize((2400, 1800)).resize((160, 120)).save(source / "10.png", compress_level=9)
    picture.resize((2400, 1800)).resize((160, 120)).save(source / "2.tif")
    for _ in range(3):
        decoded = run(source, jobs=2)
        assert [photo["file"] for photo in decoded.photos] == ["2.tif"]
        assert decoded.rejected[0]["reason"] == "it is the same picture as 2.tif"  # by the name that its sender knows
        assert [path.name for path in (source.parent / "out").iterdir()] == ["2.jpg"]


def test_exif_data_that_cannot_be_read_costs_as_little_as_can_be() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLength] = 4.2
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalPlaneXResolution] = "wide"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = "far north", object()
    kept = Image.Exif()
    kept.load(kept_exif(exif, shrunk=0.5))
    assert kept[ExifTags.Base.Orientation] == 6
    assert kept[ExifTags.Base.Make] == "Maker"
    camera = kept.get_ifd(ExifTags.IFD.Exif)
    assert camera[ExifTags.Base.FocalLength] == pytest.approx(4.2)
    assert ExifTags.Base.FocalPlaneXResolution not in camera
    assert not kept.get_ifd(ExifTags.IFD.GPSInfo)
