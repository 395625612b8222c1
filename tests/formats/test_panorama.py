"""Equirectangular photos: known by what they say or by how they look, and told from what merely looks like one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from support import photo_sets
from support.odd_photos import jpeg_with_xmp, photo

from splatworker.formats.masks import UPRIGHT
from splatworker.formats.panorama import (
    NOT_EQUIRECTANGULAR,
    TWO_CIRCLES,
    Area,
    Panorama,
    UnusablePanorama,
    as_xmp,
    first_eye,
    mark_equirectangular,
    may_be_panorama,
    panorama_in,
)

WHOLE = Area()


def found(picture: np.ndarray | Image.Image, xmp: bytes | str = b"", orientation: int = 1) -> Panorama | None:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return panorama_in(image, {"xmp": xmp}, exif)


def area(picture: np.ndarray | Image.Image, xmp: bytes | str = b"") -> Area | None:
    panorama = found(picture, xmp)
    assert panorama is None or panorama.orientation == 1
    return panorama.area if panorama else None


def lying(picture: np.ndarray, orientation: int) -> Image.Image:
    """How the pixels of an upright picture lie in a file with this orientation."""
    turn = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, UPRIGHT.get(orientation))
    return Image.fromarray(picture) if turn is None else Image.fromarray(picture).transpose(turn)


def told(**sizes: int) -> str:
    properties = {"ProjectionType": "equirectangular"} | sizes
    return "<rdf:Description " + " ".join(f'GPano:{name}="{value}"' for name, value in properties.items()) + "/>"


@pytest.fixture(scope="module")
def around() -> np.ndarray:
    """The hall, all around, 512 pixels wide."""
    return photo_sets.photograph(photo_sets.hall(), photo_sets.walk(3)[1], photo_sets.sphere_rays(512))


@pytest.mark.parametrize(
    "xmp",
    [
        b'<x GPano:ProjectionType="equirectangular"/>',
        b"<x GPano:ProjectionType='equirectangular'/>",
        "<GPano:ProjectionType>equirectangular</GPano:ProjectionType>",
        '<x GSpherical:Spherical="true"/>',
        told(FullPanoWidthPixels=8192, FullPanoHeightPixels=4096),
    ],
)
def test_one_that_says_so_is_a_whole_sphere_whatever_it_shows(xmp: bytes | str) -> None:
    picture = np.full((100, 200, 3), 90, np.uint8)
    assert area(picture, xmp) == WHOLE
    assert area(picture) is None


def test_one_that_shows_a_part_says_which() -> None:
    sizes = {"FullPanoWidthPixels": 4000, "FullPanoHeightPixels": 2000, "CroppedAreaImageWidthPixels": 2000}
    sizes |= {"CroppedAreaImageHeightPixels": 1000, "CroppedAreaLeftPixels": 500, "CroppedAreaTopPixels": 250}
    for shrunk in (1, 5):  # sizes are those of when it was written
        assert area(Image.new("RGB", (2000 // shrunk, 1000 // shrunk)), told(**sizes)) == Area(-135, 45, -22.5, 67.5)
    with pytest.raises(UnusablePanorama, match=r"2000x1000 pixels of a sphere of 4000x2000, .* fit its 400x300"):
        area(Image.new("RGB", (400, 300)), told(**sizes))
    with pytest.raises(UnusablePanorama, match="of a sphere"):
        area(Image.new("RGB", (2000, 1000)), told(**sizes | {"CroppedAreaLeftPixels": 2500}))
    with pytest.raises(UnusablePanorama, match="90 by 9 degrees"):
        area(Image.new("RGB", (1000, 100)), told(**sizes | dict(zip(list(sizes)[2:4], (1000, 100), strict=True))))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_one_that_lies_turned_is_what_it_is_once_it_stands(around: np.ndarray, orientation: int) -> None:
    stored = lying(around, orientation)
    assert may_be_panorama({}, stored.size)
    assert found(stored, orientation=orientation) == Panorama(WHOLE, orientation)
    assert found(stored, told(), orientation) == Panorama(WHOLE, orientation)
    part = Area(-100.0, 80.0, -30.0, 60.0)
    stored = lying(photo(360, 180), orientation)
    assert found(stored, as_xmp(part, 360, 180), orientation) == Panorama(part, orientation)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_quarter_turn_that_leaves_no_panorama_is_not_made(around: np.ndarray, orientation: int) -> None:
    assert found(around, orientation=orientation) == Panorama(WHOLE)
    assert found(around, told(), orientation) == Panorama(WHOLE)
    part = Area(-100.0, 80.0, -30.0, 15.0)
    assert found(photo(360, 90), as_xmp(part, 360, 90), orientation) == Panorama(part)
    with pytest.raises(UnusablePanorama, match="it is 300x400 pixels, not twice as wide as high"):
        found(photo(400, 300), told(), orientation)


def test_a_sphere_of_a_shape_that_none_has_is_refused_by_its_sizes() -> None:
    with pytest.raises(UnusablePanorama, match="it is 400x300 pixels, not twice as wide as high"):
        area(Image.new("RGB", (400, 300)), told())
    with pytest.raises(UnusablePanorama, match="of a sphere of 4000x1000"):
        area(Image.new("RGB", (400, 100)), told(FullPanoWidthPixels=4000, FullPanoHeightPixels=1000))


def test_a_header_that_rounds_is_believed() -> None:
    assert area(Image.new("RGB", (1206, 600)), told()) == WHOLE
    with pytest.raises(UnusablePanorama, match="not twice as wide as high"):
        area(Image.new("RGB", (1230, 600)), told())


@pytest.mark.parametrize(
    "xmp",
    ['<x GPano:PoseHeadingDegrees="12.5"/>', '<x GPano:UsePanoramaViewer="False"/>', '<x GPano:ProjectionType=""/>'],
)
def test_a_header_that_does_not_say_that_it_is_one(around: np.ndarray, xmp: str) -> None:
    """An ordinary photo stays one, and a sphere is known by how it looks."""
    assert area(photo(400, 300), xmp) is None
    assert area(around, xmp) == WHOLE


def test_another_projection_is_refused() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.CustomRendered] = 6  # a phone has joined it
    with pytest.raises(UnusablePanorama) as refused:
        panorama_in(Image.new("RGB", (400, 100)), {}, exif)
    assert str(refused.value) == NOT_EQUIRECTANGULAR
    with pytest.raises(UnusablePanorama, match="not equirectangular"):
        area(Image.new("RGB", (400, 100)), '<x GPano:ProjectionType="cylindrical"/>')


def test_one_that_says_nothing_is_known_by_its_edges_and_its_poles(around: np.ndarray) -> None:
    assert area(around) == WHOLE
    assert area(np.roll(around, 100, axis=1)) == WHOLE  # wherever it was opened
    turned = around.copy()
    turned[:, -40:] = around[::-1, -40:]
    assert area(turned) is None, "edges that are two places"
    assert area(np.ascontiguousarray(around[64:192]).repeat(2, axis=0)) is None, "no poles"
    assert area(around[:, :500]) is None, "not twice as wide as high"
    assert area(np.full((256, 512, 3), 90, np.uint8)) is None, "nothing to compare"


def test_an_ordinary_photo_twice_as_wide_as_high_is_none() -> None:
    sides = photo(512, 256)
    assert area(sides) is None
    mirrored = np.concatenate([sides[:, :256], sides[:, 255::-1]], axis=1)  # edges alike, as in a ring of shelves
    assert area(mirrored) is None


def test_two_circles_side_by_side_are_refused_with_what_to_do() -> None:
    y, x = (np.mgrid[:256, :256] + 0.5) / 256 - 0.5
    circle = np.where((np.hypot(x, y) < 0.49)[..., None], photo(256, 256), 4).astype(np.uint8)
    both = np.concatenate([circle, circle[::-1]], axis=1)
    with pytest.raises(UnusablePanorama, match="export it as equirectangular") as refused:
        area(both)
    assert str(refused.value) == TWO_CIRCLES
    assert area(np.concatenate([circle, photo(256, 256)], axis=1)) is None


def test_what_lies_between_black_bars_is_no_two_circles(around: np.ndarray) -> None:
    """A part of a sphere that was filled up with black, and an ordinary photo between bars."""
    between = (np.abs(np.arange(256) - 127.5) < 84)[:, None, None]
    assert area(np.where(between, around, 0).astype(np.uint8)) == WHOLE
    assert area(np.where(between, photo(512, 256), 0).astype(np.uint8)) is None


def test_a_jpeg_is_marked_without_a_change_to_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "frame.jpg"
    Image.fromarray(photo(200, 100)).save(path)
    before = np.asarray(Image.open(path))
    mark_equirectangular(path)
    with Image.open(path) as marked:
        assert panorama_in(marked, marked.info, marked.getexif()) == Panorama(WHOLE)
        assert may_be_panorama(marked.info, (30, 40))
        assert np.array_equal(np.asarray(marked), before)
    Image.fromarray(photo(200, 100)).save(tmp_path / "frame.png")
    with pytest.raises(ValueError, match="not a JPEG"):
        mark_equirectangular(tmp_path / "frame.png")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    part = Area(-100.0, 80.0, -30.0, 60.0)
    (tmp_path / "a.jpg").write_bytes(jpeg_with_xmp(photo(360, 180), as_xmp(part, 360, 180)))
    with Image.open(tmp_path / "a.jpg") as image:
        assert panorama_in(image, image.info, image.getexif()) == Panorama(part)


def test_garbage_is_no_panorama_and_no_crash() -> None:
    assert area(Image.new("RGB", (40, 30)), b"\xff\xfe GPano \x00" * 1000) is None
    assert area(Image.new("RGB", (40, 20)), told(FullPanoWidthPixels=-3, FullPanoHeightPixels=0)) == WHOLE


def seen_by_two(pose: np.ndarray) -> list[np.ndarray]:
    """What two eyes see, 6.5 cm apart."""
    other = np.hstack([pose[:, :3], pose[:, 3:] - [[0.065], [0], [0]]])
    return [photo_sets.photograph(photo_sets.hall(), each, photo_sets.sphere_rays(512)) for each in (pose, other)]


@pytest.fixture(scope="module")
def eyes() -> list[np.ndarray]:
    return seen_by_two(photo_sets.walk(3)[1])


@pytest.mark.parametrize("joined", [np.vstack, np.hstack])
@pytest.mark.parametrize("xmp", ["", told(), told(FullPanoWidthPixels=512, FullPanoHeightPixels=512)])
def test_of_two_eyes_the_first_is_found(
    eyes: list[np.ndarray], joined: Callable[[list[np.ndarray]], np.ndarray], xmp: str
) -> None:
    info = {"xmp": xmp} if xmp else {}
    picture = Image.fromarray(joined(eyes))
    assert first_eye(picture, info) == (0, 0, 512, 256)
    assert may_be_panorama(info, picture.size)


@pytest.mark.parametrize("number", range(6))
def test_the_eyes_are_found_wherever_they_are(number: int) -> None:
    picture = Image.fromarray(np.vstack(seen_by_two(photo_sets.walk(6)[number])))
    assert first_eye(picture, {}) == (0, 0, 512, 256)


def test_what_shows_no_two_spheres_has_no_eyes(eyes: list[np.ndarray], around: np.ndarray) -> None:
    def box(picture: np.ndarray, xmp: str = "") -> object:
        return first_eye(Image.fromarray(picture), {"xmp": xmp} if xmp else {})

    assert box(around) is None
    assert box(photo(512, 512)) is None
    assert box(photo(1024, 256)) is None
    assert box(np.full((512, 512, 3), 90, np.uint8), told()) is None
    other = photo_sets.photograph(photo_sets.hall(7), photo_sets.walk(3)[2], photo_sets.sphere_rays(512))
    assert box(np.vstack([eyes[0], other])) is None
    assert box(np.vstack(eyes), told().replace("equirectangular", "cylindrical")) is None
