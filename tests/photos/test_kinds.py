"""Photos as people have them: every kind of TIFF, raw files, transparency, folders in folders, names in any bytes."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin
from support import odd_photos
from support.decoded import decoded_pixels, reason, run
from support.heard import Heard
from support.jobs import write_photos

from splatworker.photos import cli, decode, sandbox
from splatworker.photos.picture import Picture
from splatworker.photos.scans import count_scans

PHOTO = odd_photos.photo()


pytestmark = pytest.mark.usefixtures("decoders")


GREY = PHOTO[:, :, 1]


@pytest.mark.parametrize(
    ("pixels", "bits", "photometric", "more", "expected"),
    [
        (PHOTO, [8] * 3, 2, {}, PHOTO),
        (PHOTO.astype("<u2") * 257, [16] * 3, 2, {}, PHOTO),
        (255 - GREY, [8], 0, {}, GREY),
        ((GREY / 255).astype("<f4"), [32], 1, {339: [3]}, GREY),
        (GREY.astype("<f4"), [32], 1, {339: [3]}, GREY),
        (GREY.astype("<u2") * 257, [16], 1, {}, GREY),
        (GREY.astype("<u2") * 16, [16], 1, {}, GREY),
        (odd_photos.packed_12_bits(GREY.astype(np.uint16) * 16), [12], 1, {}, GREY),
        (np.concatenate([PHOTO, PHOTO[:, :, :2]], axis=2), [8] * 5, 2, {338: [0, 0]}, PHOTO),
        (odd_photos.as_cmyk(PHOTO), [8] * 4, 5, {}, PHOTO),
    ],
    ids=["rgb8", "rgb16", "white0", "float1", "float255", "grey16", "12in16", "grey12", "five8", "cmyk"],
)
def test_tiffs_that_are_read_rightly(
    source: Path,
    pixels: np.ndarray,
    bits: list[int],
    photometric: int,
    more: dict[int, list[int]],
    expected: np.ndarray,
) -> None:
    odd_photos.write_tiff(source / "a.tif", pixels, PHOTO.shape[:2], bits, photometric, more)
    found = decoded_pixels(source)
    if expected.ndim == 2:
        expected = expected[:, :, None]
    assert np.abs(found - expected).mean() < 4


@pytest.mark.parametrize(
    ("pixels", "bits", "photometric", "more", "what"),
    [
        ((PHOTO / 255).astype("<f4"), [32] * 3, 2, {339: [3] * 3}, "floating-point colours"),
        ((GREY / 255).astype("<f8"), [64], 1, {339: [3]}, "64-bit floating-point"),
        ((GREY * 1e6).astype("<f4"), [32], 1, {339: [3]}, "no shades of grey"),
        (np.full(GREY.shape, np.nan, "<f4"), [32], 1, {339: [3]}, "NaN or infinite"),
        (GREY.astype("<i2"), [16], 1, {339: [2]}, "signed"),
        (PHOTO.transpose(2, 0, 1).astype("<u2") * 257, [16] * 3, 2, {284: [2]}, "separate planes"),
        (np.concatenate([PHOTO, PHOTO[:, :, :2]], axis=2).astype("<u2"), [16] * 5, 1, {338: [0] * 4}, "5 bands"),
        (PHOTO.astype("<u2") * 16, [16] * 3, 2, {}, "nearly black"),
    ],
)
def test_tiffs_that_are_refused_for_what_they_are(
    source: Path, pixels: np.ndarray, bits: list[int], photometric: int, more: dict[int, list[int]], what: str
) -> None:
    odd_photos.write_tiff(source / "a.tif", pixels, PHOTO.shape[:2], bits, photometric, more)
    assert what in reason(source)


def test_of_a_tiff_with_several_pictures_the_largest_is_taken(source: Path) -> None:
    small = Image.fromarray(PHOTO).resize((80, 64))
    small.save(source / "a.tif", save_all=True, append_images=[Image.fromarray(PHOTO)])
    assert np.abs(decoded_pixels(source) - PHOTO).mean() < 4


@pytest.mark.parametrize("several", ["pages.tif", "moving.webp", "moving.png"])
def test_of_several_pictures_in_a_file_the_first_is_taken_and_that_is_said(source: Path, several: str) -> None:
    first, *others = (Image.fromarray(odd_photos.photo(seed=seed)) for seed in range(3))
    first.save(source / several, save_all=True, append_images=others, quality=95)
    told = Heard()
    decoded = decode.decode_folder(source, source.parent / "out", told)
    (entry,) = decoded.photos
    with Image.open(source.parent / "out" / entry["name"]) as clean:
        assert np.abs(np.asarray(clean).astype(int) - odd_photos.photo(seed=0)).mean() < 3
    assert [warning for warning in told.warnings if warning.startswith(f"{several}: of several pictures in one file")]


@pytest.mark.parametrize("name", ["a.dng", "a.NEF", "a.tif"])
def test_a_raw_files_preview_is_not_taken_for_the_photo(source: Path, name: str) -> None:
    (source / name).write_bytes(odd_photos.raw_file(PHOTO, dng=name != "a.NEF"))
    decoded = run(source)
    (photo,) = decoded.photos
    assert photo["height"] == PHOTO.shape[0]
    assert photo["width"] > 100  # more than the preview's 80; LibRaw cuts off the margin that this maker's sensors have


def test_a_raw_file_that_nobody_can_read_is_named(source: Path) -> None:
    (source / "a.CR3").write_bytes(struct.pack(">I", 24) + b"ftypcrx " + bytes(4000))
    assert "raw file (CR3)" in reason(source)


@pytest.mark.parametrize("raw_first", [True, False])
def test_a_photo_beside_its_raw_file_counts_once(source: Path, raw_first: bool) -> None:
    (source / "day").mkdir()
    Image.fromarray(PHOTO).save(source / ("IMG_1.JPG" if raw_first else "img_1.jpg"))
    (source / "IMG_1.DNG").write_bytes(odd_photos.raw_file(PHOTO, dng=True))
    (source / "day" / "IMG_1.DNG").write_bytes(odd_photos.raw_file(PHOTO[:, ::-1], dng=True))
    decoded = run(source, jobs=2)
    assert sorted(photo["file"].lower() for photo in decoded.photos) == ["day/img_1.dng", "img_1.jpg"]
    (left,) = decoded.rejected
    assert left["name"] == "IMG_1.DNG"
    assert "raw file of" in left["reason"]


def test_a_raw_file_stands_in_for_a_jpeg_that_is_broken(source: Path) -> None:
    (source / "IMG_1.JPG").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    (source / "IMG_1.DNG").write_bytes(odd_photos.raw_file(PHOTO, dng=True))
    assert [photo["file"] for photo in run(source).photos] == ["IMG_1.DNG"]


def test_photos_in_folders_of_folders_keep_their_names_apart(source: Path) -> None:
    for number, name in enumerate(["0001.jpg", "day1/0001.jpg", "day1/late/0001.jpg", "day_1/0001.jpg", "day10/2.jpg"]):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(PHOTO, 9 * number, axis=1)).save(path)
    decoded = run(source, jobs=2)
    names = ["0001.jpg", "day1/0001.jpg", "day1/late/0001.jpg", "day10/2.jpg", "day_1/0001.jpg"]
    assert [photo["file"] for photo in decoded.photos] == names
    assert len({photo["name"] for photo in decoded.photos}) == 5


def test_what_is_no_photo_in_a_folder_is_passed_over_and_said(source: Path) -> None:
    picture = Image.fromarray(PHOTO)
    kept = ["images/a.jpg", "b.jpg"]
    left = ["images_2/a.jpg", "masks/a.png", "OUT/scene/images/c.jpg", ".hidden/d.jpg", "__MACOSX/e.jpg", "Thumbs.db"]
    for number, name in enumerate([*kept, *left, "._b.jpg"]):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.rotate(90 * number).save(path, "PNG")
    (source / "OUT" / "splat.ply").touch()
    (source / "OUT" / "result.json").touch()
    (source / "images" / "round").symlink_to(source)
    report = Heard()
    decoded = run(source, report=report)
    assert sorted(photo["file"] for photo in decoded.photos) == ["b.jpg", "images/a.jpg"]
    assert decoded.rejected == []
    told = " ".join(report.warnings)
    assert all(f"folder {name} was passed over" in told for name in ("OUT", "images_2", "masks"))
    assert "hidden" not in told


def test_names_that_are_no_utf8_are_readable(source: Path) -> None:
    for name in (b"caf\xe9.jpg", b"caf\xe9 2.txt"):
        with open(os.path.join(os.fsencode(source), name), "wb") as file:  # noqa: PTH118, PTH123 - bytes
            Image.fromarray(PHOTO).save(file, "JPEG") if name.endswith(b"jpg") else file.write(b"hello")
    decoded = run(source)
    assert [photo["file"] for photo in decoded.photos] == ["café.jpg"]
    assert [photo["name"] for photo in decoded.rejected] == ["café 2.txt"]


def test_a_progressive_jpeg_of_many_scans_is_refused_before_it_is_decoded(source: Path) -> None:
    data = odd_photos.many_scans(256, 150)
    (source / "a.jpg").write_bytes(data)
    assert count_scans(data, 10_000) == 151
    assert "more than 100 scans" in reason(source)


def test_an_ordinary_progressive_jpeg_has_few_scans(source: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "\xff\xda" * 50
    Image.fromarray(PHOTO).save(source / "a.jpg", progressive=True, exif=exif)
    assert 1 < count_scans((source / "a.jpg").read_bytes(), 10_000) < 20
    assert len(run(source).photos) == 1


def test_all_photos_together_have_an_end(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(source, 6)
    real = sandbox._open

    def slow(path: Path, max_size: int) -> Picture:
        if path.name != "IMG_0001.jpg":
            time.sleep(3600)
        return real(path, max_size)

    end = sandbox.end

    def ended(pipe: int, process: int, *, is_ready: bool) -> dict[str, Any]:
        outcome = end(pipe, process, is_ready=is_ready)
        monkeypatch.setattr(decode, "MOST_SECONDS_IN_ALL", 0.0)  # with the first one it is over
        return outcome

    monkeypatch.setattr(sandbox, "_open", slow)
    monkeypatch.setattr(sandbox, "end", ended)
    decoded = run(source, jobs=2)
    assert [photo["name"] for photo in decoded.photos] == ["IMG_0001.jpg"]
    assert len(decoded.rejected) == 5
    assert "together" in decoded.rejected[-1]["reason"]


def test_decoders_share_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    gib = 2**30
    for free, expected in ((64 * gib, (16, 2 * gib)), (8 * gib, (3, 2 * gib)), (1 * gib, (1, int(0.8 * gib)))):
        monkeypatch.setattr(decode, "available_memory", lambda free=free: free)
        assert decode._that_fit(16) == expected


@pytest.mark.parametrize("what", ["exif", "comment", "text"])
def test_text_that_nobody_keeps_costs_no_photo(source: Path, what: str) -> None:
    exif, told = Image.Exif(), PngImagePlugin.PngInfo()
    if what == "exif":
        exif[ExifTags.Base.Make] = "M" * 70_000
    elif what == "comment":
        told.add_text("comment", "c" * 70_000)
    else:
        told.add_text("Description", "c" * 2_000_000, zip=True)
    Image.fromarray(PHOTO).save(source / "a.png", exif=exif, pnginfo=told)
    assert np.abs(decoded_pixels(source, max_size=2133) - PHOTO).mean() < 4


def test_a_lower_limit_of_memory_is_obeyed_and_no_photos_fault(source: Path) -> None:
    """Where more may not be asked for: the decoder takes what it may have."""
    write_photos(source, 2)

    def decode_there() -> int:
        odd_photos.limit_memory(2**30)
        return len(run(source).photos)

    assert odd_photos.in_child(decode_there) == 2


def test_colours_are_those_of_the_files_profile(source: Path) -> None:
    """A profile whose red and green are swapped."""
    Image.fromarray(PHOTO).save(source / "a.png", icc_profile=odd_photos.swapped_profile())
    found = decoded_pixels(source)
    assert np.abs(found - PHOTO[:, :, [1, 0, 2]]).mean() < 6


def test_a_profile_that_is_none_is_ignored(source: Path) -> None:
    Image.fromarray(PHOTO).save(source / "a.png", icc_profile=b"no profile" * 20)
    assert np.abs(decoded_pixels(source) - PHOTO).mean() < 4


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.jpg", b"\0\0\0\x18ftypqt  " + bytes(40), "a video"),
        ("a.jpg", b"BM" + bytes(60), "a BMP"),
        ("a.jxl", b"\xff\x0a" + bytes(60), "a JPEG XL"),
        ("a.jpg", b"%PDF-1.7", "a PDF"),
        ("a.tif", b"II*\0\x08\0\0\0" + bytes(4), "damaged"),
    ],
)
def test_other_files_are_named_for_what_they_are(source: Path, name: str, data: bytes, what: str) -> None:
    (source / name).write_bytes(data)
    assert what in reason(source)


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_the_command_fails_where_nothing_is_a_photo(
    source: Path, json: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "a.txt").write_text("hello")
    assert cli.main([str(source), "-o", str(source.parent / "out"), *json]) == 1
    told = capsys.readouterr()
    assert "a.txt: it is not a JPEG" in told.out + told.err
