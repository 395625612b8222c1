"""Photos are shrunk once, keep what their headers say, and are linked where nothing is to be gained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin
from support import photo_sets

from splatworker.errors import Cancelled
from splatworker.formats.mask_names import AS_GIVEN
from splatworker.formats.masks import UPRIGHT
from splatworker.formats.panorama import Area, as_xmp
from splatworker.sfm.cut import with_views
from splatworker.sfm.layout import lay_out
from splatworker.sfm.masks import with_masks
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import read_photos
from splatworker.sfm.watch import Cancellation, Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A photo of 1200x900 with a tag, one of 900x1200 as PNG, one of 300x200."""
    folder = tmp_path / "images"
    folder.mkdir()
    picture = (photo_sets.texture(0, 1200) * 255).astype(np.uint8)
    photo_sets.save(picture[:900], folder / "a b.jpg", orientation=6)
    Image.fromarray(picture[:, :900]).save(folder / "c.png")
    photo_sets.save(picture[:200, :300], folder / "d.jpg")
    return folder


def laid_out(images: Path, folder: Path, options: SfmOptions, cancellation: Any = None) -> Any:
    photos, _ = read_photos(images)
    span = Span(Silent(), "", 0, 1)
    bench = Workbench(folder.parent, folder, options, 2, cancellation or Cancellation())
    return lay_out(photos, images, bench, span)


def test_large_photos_are_shrunk_to_what_is_needed(large: Path, tmp_path: Path) -> None:
    options = SfmOptions(max_image_size=600, undistort_max_size=400)
    photos = laid_out(large, tmp_path / "laid", options)
    assert [photo.name for photo in photos] == ["a b.jpg", "c.png", "d.jpg"]
    assert [(photo.width, photo.height) for photo in photos] == [(600, 450), (450, 600), (300, 200)]
    paths = sorted((tmp_path / "laid").iterdir())
    assert [path.name for path in paths] == ["000001.jpg", "000002.png", "000003.jpg"]
    assert [path.is_symlink() for path in paths] == [False, False, True]
    for photo, path in zip(photos, paths, strict=True):
        with Image.open(path) as image, Image.open(large / photo.name) as original:
            assert image.size == (photo.width, photo.height)
            assert dict(image.getexif()) == dict(original.getexif())
            reference = np.asarray(original.convert("RGB").resize(image.size, Image.Resampling.LANCZOS), float)
            assert np.abs(np.asarray(image.convert("RGB"), float) - reference).mean() < 6


@pytest.mark.parametrize(
    "options",
    [
        SfmOptions(max_image_size=600, undistort_max_size=0),
        SfmOptions(max_image_size=600, undistort_max_size=1000),
        SfmOptions(max_image_size=1000, undistort_max_size=400),
    ],
)
def test_photos_are_linked_where_their_size_is_needed(large: Path, tmp_path: Path, options: SfmOptions) -> None:
    photos = laid_out(large, tmp_path / "laid", options)
    assert [(photo.width, photo.height) for photo in photos] == [(1200, 900), (900, 1200), (300, 200)]
    assert all(path.is_symlink() for path in (tmp_path / "laid").iterdir())


def test_it_can_be_cancelled(large: Path, tmp_path: Path) -> None:
    cancellation = Cancellation()
    cancellation.request()
    with pytest.raises(Cancelled):
        laid_out(large, tmp_path / "laid", SfmOptions(), cancellation)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_panorama_that_lies_turned_is_cut_as_it_stands_and_its_mask_with_it(tmp_path: Path, orientation: int) -> None:
    """Of a part that reaches farther to one side and up: the very pixels of one that lies upright."""
    area, upright = Area(-170.0, 100.0, -60.0, 30.0), Image.fromarray((photo_sets.texture(3, 600) * 255).astype("u1"))
    upright = upright.crop((0, 0, 600, 200))
    hidden = Image.new("L", upright.size, 255)
    hidden.paste(0, (100, 0, 250, 90))
    lies = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, UPRIGHT[orientation])
    folders = []
    for name, turn, tag in (("upright", None, 1), ("turned", lies, orientation)):
        images = tmp_path / name / "images"
        (images / "masks").mkdir(parents=True)
        exif, told = Image.Exif(), PngImagePlugin.PngInfo()
        exif[ExifTags.Base.Orientation] = tag
        told.add_itxt("XML:com.adobe.xmp", as_xmp(area, *upright.size).decode())
        picture, mask = (image if turn is None else image.transpose(turn) for image in (upright, hidden))
        picture.save(images / "a.png", exif=exif, pnginfo=told)
        mask.save(images / "masks" / "a.png")
        photos, _ = read_photos(images, images / "masks")
        views, useless = with_views(with_masks(photos, images / "masks", AS_GIVEN), 0)
        assert useless == []
        folders.append(tmp_path / name / "work")
        folders[-1].mkdir()
        bench = Workbench(folders[-1], folders[-1] / "photos", SfmOptions(), 2, Cancellation())
        lay_out(views, images, bench, Span(Silent(), "", 0, 1))
    files = [path.relative_to(folders[0]) for path in sorted(folders[0].rglob("*.*"))]
    assert len(files) == 3 + 2 + 2  # views, of two of which a part is ignored, and where features may be
    for file in files:
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes(), file
