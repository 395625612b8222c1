"""Photos whose EXIF says what a test wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin


def write_photo(
    path: Path,
    size: tuple[int, int] = (60, 40),
    make: str = "",
    model: str = "",
    focal: tuple[int, int] | None = None,
    focal_35: float | None = None,
    taken: str = "",
    gps: dict[int, Any] | None = None,
    orientation: int | None = None,
) -> Path:
    exif = Image.Exif()
    if make:
        exif[ExifTags.Base.Make] = make
    if model:
        exif[ExifTags.Base.Model] = model
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    if focal is not None:
        detail[ExifTags.Base.FocalLength] = TiffImagePlugin.IFDRational(*focal)
    if focal_35 is not None:
        detail[ExifTags.Base.FocalLengthIn35mmFilm] = focal_35
    if taken:
        detail[ExifTags.Base.DateTimeOriginal] = taken
    if gps is not None:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8)).save(path, exif=exif)
    return path
