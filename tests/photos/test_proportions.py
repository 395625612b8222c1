"""Photos of unusual proportions: panoramas, screenshots, collages, and what is too long for any file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin
from support import odd_photos, photo_sets
from support.decoded import run
from support.heard import Heard
from support.jobs import write_photos

from splatworker.formats import masks, panorama

PHOTO = odd_photos.photo()


pytestmark = pytest.mark.usefixtures("decoders")


def test_a_panorama_is_shrunk_to_what_its_views_need_and_says_what_it_shows(source: Path) -> None:
    xmp = panorama.as_xmp(panorama.Area(-180, 180, -60, 60), 1200, 400)
    (source / "belt.jpg").write_bytes(odd_photos.jpeg_with_xmp(odd_photos.photo(1200, 400), xmp))
    rgba = np.dstack([odd_photos.photo(400, 200), np.full((200, 400), 255, np.uint8)])
    rgba[:50, :50, 3] = 0
    told = PngImagePlugin.PngInfo()
    told.add_itxt("XML:com.adobe.xmp", panorama.as_xmp(panorama.Area(), 400, 200).decode())
    Image.fromarray(rgba).save(source / "cut.png", pnginfo=told)
    around = photo_sets.photograph(photo_sets.hall(), photo_sets.walk(3)[1], photo_sets.sphere_rays(512))
    Image.fromarray(around).save(source / "silent.jpg", quality=93)
    decoded = run(source, max_size=200)
    assert decoded.rejected == []
    assert all(photo["panorama"] for photo in decoded.photos)
    sizes = {photo["name"]: (photo["width"], photo["height"]) for photo in decoded.photos}
    assert sizes == {"belt.jpg": (800, 267), "cut.png": (400, 200), "silent.jpg": (512, 256)}
    areas = {}
    for name in sizes:
        with Image.open(source.parent / "out" / name) as clean:
            found = panorama.panorama_in(clean, clean.info, clean.getexif())
            areas[name] = found.area if found else None
    assert areas["cut.png"] == areas["silent.jpg"] == panorama.Area()
    assert areas["belt.jpg"] is not None
    assert (areas["belt.jpg"].south, areas["belt.jpg"].north) == pytest.approx((-60, 60), abs=0.3)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_panorama_that_lies_turned_stands_upright_and_its_mask_with_it(source: Path, orientation: int) -> None:
    part = panorama.Area(-170, 100, -60, 30)  # three times as wide as high
    upright = Image.fromarray(odd_photos.photo(600, 200))
    hidden = Image.new("L", upright.size, 255)
    hidden.paste(0, (0, 0, 150, 200))
    lies = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, masks.UPRIGHT[orientation])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    xmp = panorama.as_xmp(part, *upright.size)
    upright.transpose(lies).save(source / "a.jpg", quality=95, subsampling=0, exif=exif, xmp=xmp)
    (source / "masks").mkdir()
    hidden.transpose(lies).save(source / "masks" / "a.png")
    # A view of 90 degrees then has 64 pixels; the mask lies as the photo does.
    decoded = run(source, max_size=64, masks=source / "masks")
    [entry] = decoded.photos
    assert (entry["width"], entry["height"], entry["masked"]) == (192, 64, ["ignore"])
    with Image.open(source.parent / "out" / "a.jpg") as clean:
        again = panorama.panorama_in(clean, clean.info, clean.getexif())
        assert again is not None
        assert again.orientation == clean.getexif().get(ExifTags.Base.Orientation) == 1
        assert (again.area.west, again.area.east, again.area.south, again.area.north) == pytest.approx(
            (-170, 100, -60, 30), abs=1
        )
        shown = np.asarray(clean).astype(int)
    assert np.abs(shown - np.asarray(upright.resize((192, 64), Image.Resampling.LANCZOS))).mean() < 4
    with Image.open(source.parent / "out" / "masks" / "a.jpg.png") as mask:
        assert np.array_equal(np.asarray(mask) > 0, np.asarray(hidden.resize((192, 64), Image.Resampling.BOX)) > 0)


def test_what_is_no_equirectangular_panorama_is_refused_by_name(source: Path) -> None:
    says = b"<x GPano:ProjectionType='cylindrical'/>"
    (source / "says.jpg").write_bytes(odd_photos.jpeg_with_xmp(PHOTO, says))
    y, x = (np.mgrid[:256, :256] + 0.5) / 256 - 0.5
    circle = np.where((np.hypot(x, y) < 0.49)[..., None], odd_photos.photo(256, 256), 4).astype(np.uint8)
    Image.fromarray(np.concatenate([circle, circle[::-1]], axis=1)).save(source / "two.jpg")
    assert {photo["name"]: photo["reason"] for photo in run(source).rejected} == {
        "says.jpg": panorama.NOT_EQUIRECTANGULAR,
        "two.jpg": panorama.TWO_CIRCLES,
    }


def test_an_ordinary_photo_twice_as_wide_as_high_is_no_panorama(source: Path) -> None:
    wide = np.concatenate([PHOTO, PHOTO[::-1]], axis=1)[: PHOTO.shape[1], :]
    Image.fromarray(wide).resize((512, 256)).save(source / "a.png")
    plain = np.full((256, 512, 3), 240, np.uint8)
    plain[60:200, 200:300] = 30
    plain[:, :, 2] = np.linspace(100, 200, 256, dtype=np.uint8)[
        :, None
    ]  # a studio's background: the same on both sides
    Image.fromarray(plain).save(source / "b.png")
    assert len(run(source).photos) == 2


def test_screenshots_and_collages_are_said(source: Path) -> None:
    one = Image.fromarray(PHOTO)
    one.save(source / "Screenshot 2026-01-02.png")
    told = PngImagePlugin.PngInfo()
    told.add_text("Software", "gnome-screenshot")
    one.rotate(90, expand=True).save(source / "b.png", pnginfo=told)
    both = np.concatenate([PHOTO, np.full((PHOTO.shape[0], 4, 3), 255, np.uint8), PHOTO[::-1]], axis=1)
    Image.fromarray(both).save(source / "c.png")
    one.rotate(180).save(source / "d.png")
    report = Heard()
    assert len(run(source, report=report).photos) == 4
    assert len(report.warnings) == 2
    assert any("b.png, Screenshot 2026-01-02.png seem to be screenshots" in warning for warning in report.warnings)
    assert any("c.png seems to be a collage" in warning for warning in report.warnings)


def test_a_photo_too_long_for_a_jpeg_costs_nothing_but_itself(source: Path) -> None:
    write_photos(source, 2)
    Image.new("RGB", (70_000, 64)).save(source / "wide.png")
    Image.new("RGB", (30_000, 64)).save(source / "narrow.png")
    decoded = run(source, max_size=2133)
    assert len(decoded.photos) == 2
    reasons = {photo["name"]: photo["reason"] for photo in decoded.rejected}
    assert "65500 a side" in reasons["wide.png"]
    assert "too narrow" in reasons["narrow.png"]
