"""What is kept of a photo's EXIF data: camera, lens, orientation, position, and of which video it is a frame.

The rest is nobody's business.
"""

from __future__ import annotations

from typing import Any

from PIL import ExifTags, Image

from splatworker.formats.video_frame import described

_KEPT = (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Orientation, ExifTags.Base.DateTime)
_KEPT_OF_CAMERA = (
    ExifTags.Base.FocalLength,
    ExifTags.Base.FocalLengthIn35mmFilm,
    ExifTags.Base.FocalPlaneXResolution,
    ExifTags.Base.FocalPlaneYResolution,
    ExifTags.Base.FocalPlaneResolutionUnit,
    ExifTags.Base.DigitalZoomRatio,
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.LensModel,
    ExifTags.Base.BodySerialNumber,
)
_POSITION = range(32)
"""Tags of the position that EXIF knows."""

_MOST_LETTERS = 128
_MOST_NUMBERS = 16
"""A value with more is no maker's name and no position; and all of a JPEG's header must stay under 64 kB."""

_PER_PIXEL = (ExifTags.Base.FocalPlaneXResolution, ExifTags.Base.FocalPlaneYResolution)


def kept_exif(exif: Image.Exif, *, shrunk: float, orientation: int | None = None) -> bytes:
    """The tags worth keeping; resolutions on the sensor scaled with the photo, the orientation the one given, if any.

    Data that cannot be read costs as little as can be: the tag, its block, and only then all of it.
    """
    base = _short({tag: exif[tag] for tag in _KEPT if tag in exif})
    if orientation is not None:
        base[ExifTags.Base.Orientation] = orientation
    if described(exif.get(ExifTags.Base.ImageDescription)):
        base[ExifTags.Base.ImageDescription] = exif[ExifTags.Base.ImageDescription]
    camera = _readable(exif, ExifTags.IFD.Exif)
    camera = _short({tag: camera[tag] for tag in _KEPT_OF_CAMERA if tag in camera})
    for tag in _PER_PIXEL:
        if tag in camera:
            try:
                camera[tag] = float(camera[tag]) * shrunk
            except (TypeError, ValueError, ArithmeticError):
                del camera[tag]
    position = _short({tag: value for tag, value in _readable(exif, ExifTags.IFD.GPSInfo).items() if tag in _POSITION})
    upright = {tag: value for tag, value in base.items() if tag == ExifTags.Base.Orientation}
    nothing: dict[int, Any] = {}
    for kept in (
        (base, camera, position),
        (base, camera, nothing),
        (base, nothing, nothing),
        (upright, nothing, nothing),
    ):
        try:
            return _written(*kept)
        except Exception:  # noqa: S112 - whatever strangers' data does to the writer
            continue
    return b""


def _short(tags: dict[int, Any]) -> dict[int, Any]:
    """Texts cut to what a name needs, and no value of more numbers than a position has."""
    kept = {}
    for tag, value in tags.items():
        if isinstance(value, str | bytes):
            kept[tag] = value[:_MOST_LETTERS]
        elif not isinstance(value, tuple | list) or len(value) <= _MOST_NUMBERS:
            kept[tag] = value
    return kept


def _readable(exif: Image.Exif, block: int) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(block))
    except Exception:
        return {}


def _written(base: dict[int, Any], camera: dict[int, Any], position: dict[int, Any]) -> bytes:
    kept = Image.Exif()
    for tag, value in base.items():
        kept[tag] = value
    kept.get_ifd(ExifTags.IFD.Exif).update(camera)
    kept.get_ifd(ExifTags.IFD.GPSInfo).update(position)
    return kept.tobytes()
