"""Panoramas: equirectangular photos, what part of the sphere one shows, and pictures that look like one and are not.

An equirectangular photo has a column for each longitude and a row for each latitude, evenly spaced. One says so in its
XMP, in Google's Photo Sphere namespace (https://developers.google.com/streetview/spherical-metadata): the projection,
the size of the whole sphere, and the area of it that the photo shows. One that says nothing is known by how it looks.
All of that is meant of the photo as it is looked at, turned as EXIF says: so do the viewers that run in browsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from splatworker.formats.masks import UPRIGHT, orientation_in, upright_size

ImageInfo = Mapping[Any, Any]
"""What a decoder tells beside the pixels: Pillow's `info`."""

Grey = npt.NDArray[np.float32]

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""

_TAG = re.compile(r"""\bGPano:(\w+)(?:\s*=\s*(?:"([^"]{0,99})"|'([^']{0,99})')|\s*>\s*([^<]{0,99}?)\s*<)""")
"""A property as an attribute or as an element: XMP may be written either way."""
_SPHERICAL = re.compile(r"""\bGSpherical:Spherical\s*(?:=\s*["']|>\s*)true""", re.IGNORECASE)
_MOST_XMP = 256 * 2**10
"""Bytes of XMP that are looked at."""

_JOINED_BY_PHONE = 6
"""Value of EXIF CustomRendered with which phones mark what they have joined of many photos."""

_SIZE = (512, 256)
_SAME_EDGE, _NO_STEP = 0.4, 1.6
"""Both edges are one place where the steps along them correlate by so much, and the step from the one to the other is
at most so many times that of neighbouring columns. 38 photos of six sets, made twice as wide as high, reached 0.13 and
2.1; a panorama has about 0.6 and 1."""
_TEXTURE = 1.5
"""Grey levels: standard deviation of the steps along an edge that shows something."""
_STRETCHED = 0.1
"""A pole is one point, drawn over a whole row: its row changes by less than this share of what the middle rows do.
Those photos reached 0.22, a panorama has 0.01."""

_SAME_VIEW = 0.5
"""What two eyes see correlates by so much, coarsely: by 0.75 to 0.84 in a room of four meters, whose walls are near."""

_OUTSIDE = 0.6
"""Radius, as a share of a square's side, beyond which a fisheye circle in it shows nothing: its corners are at 0.71."""
_EDGE, _MOST_OF_EDGE = (0.36, 0.42), 0.75
"""Radii near the edge of a circle, and the share of what lies between that shows something in one."""
_BLACK, _LIGHT = 24.0, 40.0
"""Grey levels that nothing has outside of a circle, and that there are within."""

_MISFIT = 0.02
"""Sides may differ from what the header says by this share: photos are shrunk after it was written."""
_LEAST_DEG = 15.0
"""Narrower areas of the sphere are not worth cutting."""

VIEWS_AROUND = 4
"""A view of a panorama is a quarter as wide as the whole sphere: so many times larger than a photo is it of use."""

NOT_EQUIRECTANGULAR = (
    "it is a panorama that is not equirectangular, which no ordinary camera took: give the photos that it was made of, "
    "or export it as equirectangular"
)
TWO_CIRCLES = (
    "it shows two fisheye circles side by side, as a 360-degree camera stores them: export it as equirectangular with "
    "the camera's own app"
)


class UnusablePanorama(ValueError):
    """A panorama that no views can be cut out of: the reason, a clause."""


@dataclass(frozen=True)
class Area:
    """What an equirectangular photo shows: longitudes and latitudes of its edges in degrees.

    Longitude 0 is the middle of the whole sphere and grows to the right, up to 180; latitude 90 is straight up.
    """

    west: float = -180.0
    east: float = 180.0
    south: float = -90.0
    north: float = 90.0

    @property
    def goes_around(self) -> bool:
        """It shows every direction of the compass."""
        return self.east - self.west > 359.0


@dataclass(frozen=True)
class Panorama:
    """An equirectangular photo.

    Attributes:
        area: what it shows once it stands upright.
        orientation: EXIF's, by which its pixels are turned to stand so; 1 where they do as they lie.
    """

    area: Area
    orientation: int = 1


def panorama_in(image: Image.Image, info: ImageInfo, exif: Image.Exif) -> Panorama | None:
    """What a picture shows of the sphere around it, where it is a panorama; None for an ordinary photo.

    Where EXIF says that it lies on its side, but it is of a panorama's shape only as it lies, EXIF is wrong.

    Args:
        image: the picture as its pixels lie, decoded as far as it is wanted; they are looked at only where it is twice
            as wide as high and says nothing.
        info: what the decoder says of the file.

    Raises:
        UnusablePanorama: it is one, and no equirectangular one, or it contradicts its header.
    """
    if (tags := _tags(info)) is not None:
        return _told(tags, _standing(image.size, orientation_in(exif)))
    if _joined_by_phone(exif):
        raise UnusablePanorama(NOT_EQUIRECTANGULAR)
    for orientation, size in _standing(image.size, orientation_in(exif)):
        if _is_twice_as_wide(*size):
            return _by_looks(image, orientation)
    return None


def may_be_panorama(info: ImageInfo, size: tuple[int, int]) -> bool:
    """Whether `panorama_in`, or `first_eye`, may come to one, told before anything is decoded."""
    is_wide = _is_twice_as_wide(*size) or _is_twice_as_wide(*size[::-1])
    return is_wide or _tags(info) is not None or _eyes(size) is not None


def first_eye(image: Image.Image, info: ImageInfo) -> Box | None:
    """Where the first of two whole spheres lies, of a picture that shows what two eyes see: the one above the other, or
    to its right. None where it does not.

    Args:
        image, info: as for `panorama_in`.
    """
    boxes, tags = _eyes(image.size), _tags(info)
    if boxes is None or (tags is not None and not _is_equirectangular(tags)):
        return None
    grey = image.convert("L")
    eyes = [np.asarray(grey.crop(box).resize(_SIZE, Image.Resampling.BOX), dtype=np.float32) for box in boxes]
    if tags is None and not (all(map(_has_poles, eyes)) and any(map(_wraps_around, eyes))):
        return None
    rough = [eye.reshape(32, 8, 64, 8).mean(axis=(1, 3)).ravel() for eye in eyes]
    if min(float(eye.std()) for eye in rough) < _TEXTURE:
        return None
    return boxes[0] if float(np.corrcoef(*rough)[0, 1]) > _SAME_VIEW else None


def _eyes(size: tuple[int, int]) -> tuple[Box, Box] | None:
    """Where two whole spheres would lie in a picture of this size, one above the other or beside it."""
    width, height = size
    if _is_twice_as_wide(width, height // 2):
        return (0, 0, width, height // 2), (0, height // 2, width, 2 * (height // 2))
    if _is_twice_as_wide(width // 2, height):
        return (0, 0, width // 2, height), (width // 2, 0, 2 * (width // 2), height)
    return None


def as_xmp(area: Area, width: int, height: int) -> bytes:
    """The XMP packet that says what an equirectangular photo of this size shows."""
    full = round(width * 360 / (area.east - area.west))
    properties = {
        "ProjectionType": "equirectangular",
        "UsePanoramaViewer": "True",
        "FullPanoWidthPixels": full,
        "FullPanoHeightPixels": round(full / 2),
        "CroppedAreaImageWidthPixels": width,
        "CroppedAreaImageHeightPixels": height,
        "CroppedAreaLeftPixels": round((area.west + 180) / 360 * full),
        "CroppedAreaTopPixels": round((90 - area.north) / 360 * full),
    }
    attributes = " ".join(f'GPano:{name}="{value}"' for name, value in properties.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" '
        f"{attributes}/></rdf:RDF></x:xmpmeta>"
    ).encode()


def mark_equirectangular(path: Path, area: Area | None = None) -> None:
    """Write into a JPEG's header that it is an equirectangular photo, of the whole sphere unless said otherwise.

    Its pixels stay as they are: a frame of a video whose container says that it is spherical becomes a panorama.

    Raises:
        ValueError: the file is not a JPEG.
    """
    data = path.read_bytes()
    if not data.startswith(b"\xff\xd8"):
        raise ValueError(f"{path.name}: not a JPEG")
    with Image.open(path, formats=["JPEG"]) as image:
        packet = b"http://ns.adobe.com/xap/1.0/\0" + as_xmp(area or Area(), *image.size)
    segment = b"\xff\xe1" + (len(packet) + 2).to_bytes(2, "big") + packet
    path.write_bytes(data[:2] + segment + data[2:])


def _tags(info: ImageInfo) -> dict[str, str] | None:
    """The properties of a Photo Sphere; None where the picture has none that say that it is one: some programs write
    only where a camera looked.
    """
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    text = xmp if isinstance(xmp, str) else bytes(xmp)[:_MOST_XMP].decode("utf-8", "replace")
    tags = {name: first or second or third for name, first, second, third in _TAG.findall(text[:_MOST_XMP])}
    says_so = tags.get("ProjectionType", "").strip() or "FullPanoWidthPixels" in tags
    return tags if says_so or _SPHERICAL.search(text[:_MOST_XMP]) else None


def _standing(size: tuple[int, int], orientation: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """The orientations by which a picture may stand upright, and its size then: what EXIF says, and as it lies if that
    has another shape.
    """
    standing = upright_size(size, orientation)
    yield orientation, standing
    if standing != size:
        yield 1, size


def _told(tags: Mapping[str, str], standing: Iterator[tuple[int, tuple[int, int]]]) -> Panorama:
    """The panorama of these properties, in the first way of standing that fits them."""
    orientation, size = next(standing)
    try:
        return Panorama(_area_told(tags, *size), orientation)
    except UnusablePanorama:
        for other, lying in standing:
            with suppress(UnusablePanorama):
                return Panorama(_area_told(tags, *lying), other)
        raise


def _by_looks(image: Image.Image, orientation: int) -> Panorama | None:
    """A picture that is twice as wide as high once it is turned so, if it looks like a whole sphere."""
    grey = image.convert("L")
    if (turn := UPRIGHT.get(orientation)) is not None:
        grey = grey.transpose(turn)
    pixels = np.asarray(grey.resize(_SIZE, Image.Resampling.BOX), dtype=np.float32)
    if _shows_two_circles(pixels):
        raise UnusablePanorama(TWO_CIRCLES)
    return Panorama(Area(), orientation) if _wraps_around(pixels) and _has_poles(pixels) else None


def _area_told(tags: Mapping[str, str], width: int, height: int) -> Area:
    """The area that a Photo Sphere's properties tell; sizes scaled to those of the picture as it is now."""
    if not _is_equirectangular(tags):
        raise UnusablePanorama(NOT_EQUIRECTANGULAR)
    full_width, full_height = _number(tags, "FullPanoWidthPixels"), _number(tags, "FullPanoHeightPixels")
    if not full_width or not full_height:
        if not _is_near(width, 2 * height):
            raise UnusablePanorama(
                "its header (XMP GPano) says that it is an equirectangular panorama, but it is "
                f"{width}x{height} pixels, not twice as wide as high, and does not say what part of the sphere it shows"
            )
        return Area()
    shown_width = _number(tags, "CroppedAreaImageWidthPixels") or full_width
    shown_height = _number(tags, "CroppedAreaImageHeightPixels") or full_height
    left = _number(tags, "CroppedAreaLeftPixels", (full_width - shown_width) / 2)
    top = _number(tags, "CroppedAreaTopPixels", (full_height - shown_height) / 2)
    if not (
        _is_near(full_width, 2 * full_height)
        and _is_near(shown_width * height, shown_height * width)
        and left + shown_width <= full_width * (1 + _MISFIT)
        and top + shown_height <= full_height * (1 + _MISFIT)
    ):
        raise UnusablePanorama(
            f"its header (XMP GPano) says that it shows {shown_width:.0f}x{shown_height:.0f} pixels of a sphere of "
            f"{full_width:.0f}x{full_height:.0f}, which do not fit its {width}x{height}: was it cropped later?"
        )
    west, north = left / full_width * 360 - 180, 90 - top / full_height * 180
    area = Area(
        west,
        min(180.0, west + shown_width / full_width * 360),
        max(-90.0, north - shown_height / full_height * 180),
        north,
    )
    if min(area.east - area.west, area.north - area.south) < _LEAST_DEG:
        raise UnusablePanorama(
            f"it shows only {area.east - area.west:.0f} by {area.north - area.south:.0f} degrees of the sphere"
        )
    return area


def _is_equirectangular(tags: Mapping[str, str]) -> bool:
    return tags.get("ProjectionType", "").strip().lower() in ("", "equirectangular")


def _number(tags: Mapping[str, str], name: str, default: float = 0.0) -> float:
    """A count of pixels, `default` where there is none that could be."""
    text = tags.get(name, "").strip()
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d*)?", text) else default


def _is_near(one: float, other: float) -> bool:
    return abs(one - other) <= _MISFIT * other


def _is_twice_as_wide(width: int, height: int) -> bool:
    return abs(width - 2 * height) <= 2


def _joined_by_phone(exif: Image.Exif) -> bool:
    try:
        return exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.CustomRendered) == _JOINED_BY_PHONE
    except Exception:  # whatever strangers' tags do to their reader
        return False


def _wraps_around(pixels: Grey) -> bool:
    """One and the same rough edge on the left and on the right."""
    rows = pixels[16:-16]
    left, right = (np.diff(rows[:, column]) for column in (0, -1))
    if min(float(left.std()), float(right.std())) < _TEXTURE:
        return False
    near = np.abs(np.diff(np.concatenate([rows[:, -9:], rows[:, :9]], axis=1), axis=1)).mean(axis=0)
    across, beside = float(near[8]), float(np.delete(near, 8).mean())
    return float(np.corrcoef(left, right)[0, 1]) > _SAME_EDGE and across < _NO_STEP * beside


def _has_poles(pixels: Grey) -> bool:
    """The first and the last row hardly change from left to right, as each is a single point of the sphere."""
    change = np.abs(np.diff(pixels, axis=1)).mean(axis=1)
    middle = float(np.median(change[len(change) // 4 : -len(change) // 4]))
    return max(float(change[0]), float(change[-1])) < _STRETCHED * middle


def _shows_two_circles(pixels: Grey) -> bool:
    """Two squares, black beyond a circle in each and lighter within, nearly up to its edge all around, as what lies
    between two bars is not.
    """
    side = pixels.shape[0]
    y, x = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    radius = np.hypot(x, y)
    edge = (radius > _EDGE[0]) & (radius < _EDGE[1])
    return all(
        float(np.quantile(square[radius > _OUTSIDE], 0.95)) < _BLACK
        and float(np.median(square[radius < 0.4])) > _LIGHT
        and float((square[edge] > _BLACK).mean()) > _MOST_OF_EDGE
        for square in (pixels[:, :side], pixels[:, side:])
    )
