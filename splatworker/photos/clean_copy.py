"""The clean copy of a photo that every later stage reads: written whole or not at all, its mask before it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, PngImagePlugin

from splatworker.formats import mask_names
from splatworker.formats.panorama import Area, as_xmp

JPEG_QUALITY = 95


class NotWritten(Exception):
    """The clean photo could not be written: by a fault of the disk, with its number, or of the encoder."""

    def __init__(self, number: int | None) -> None:
        super().__init__()
        self.number = number


def write(image: Image.Image, exif: bytes, area: Area | None, target: Path) -> None:
    """Write the clean photo, whole or not at all.

    Raises:
        NotWritten: it could not be.
    """
    part = part_of(target)
    try:
        xmp = as_xmp(area, *image.size) if area else b""
        if image.mode == "RGBA":
            told = PngImagePlugin.PngInfo()
            if xmp:
                told.add_itxt("XML:com.adobe.xmp", xmp.decode())
            image.save(part, "PNG", compress_level=1, exif=exif, pnginfo=told)
        else:
            image.save(part, "JPEG", quality=JPEG_QUALITY, subsampling=0, exif=exif, xmp=xmp)
        part.replace(target)
    except (OSError, ValueError) as error:
        part.unlink(missing_ok=True)
        raise NotWritten(getattr(error, "errno", None)) from error


def write_mask(ignored: Image.Image, target: Path) -> None:
    """Write what is ignored of a photo, whole or not at all; errors as `write`."""
    part = part_of(target)
    try:
        target.parent.mkdir(exist_ok=True)
        ignored.save(part, "PNG")
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise NotWritten(error.errno) from error


def remove(target: Path) -> None:
    """Remove a clean photo that is not used after all, or what there is of one, and its mask."""
    for left in (target, part_of(target), mask_of(target)):
        left.unlink(missing_ok=True)


def mask_of(target: Path) -> Path:
    """Where the mask of a clean photo lies."""
    return target.parent / mask_names.FOLDER / mask_names.mask_name(target.name)


def part_of(target: Path) -> Path:
    """Where a photo is written until it is whole."""
    return target.with_name(f".{target.name}")
