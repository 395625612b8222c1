"""What is kept of a photo's EXIF data: camera, lens, orientation and position. The rest is nobody's business."""

from __future__ import annotations

from PIL import ExifTags, Image

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
_PER_PIXEL = (ExifTags.Base.FocalPlaneXResolution, ExifTags.Base.FocalPlaneYResolution)


def kept_exif(exif: Image.Exif, *, shrunk: float) -> bytes:
    """The tags worth keeping; resolutions on the sensor scaled with the photo. Unreadable data counts as none."""
    kept = Image.Exif()
    try:
        for tag in _KEPT:
            if tag in exif:
                kept[tag] = exif[tag]
        camera = exif.get_ifd(ExifTags.IFD.Exif)
        target = kept.get_ifd(ExifTags.IFD.Exif)
        for tag in _KEPT_OF_CAMERA:
            if tag in camera:
                target[tag] = float(camera[tag]) * shrunk if tag in _PER_PIXEL else camera[tag]
        position = exif.get_ifd(ExifTags.IFD.GPSInfo)
        kept.get_ifd(ExifTags.IFD.GPSInfo).update(position)
        return kept.tobytes()
    except Exception:
        return b""
