"""Raw files of cameras: the picture that the camera made of the sensor's values, or one made of them here.

Such a file begins with a thumbnail, which a reader of pictures takes for the whole. LibRaw (through rawpy) finds the
largest picture in it; where that is (nearly) as large as the sensor it is the photo, as the camera's maker wants it to
look. Where there is none, the sensor's values are developed.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
from pathlib import Path

from PIL import ExifTags, Image

from splatworker.photos import tiff
from splatworker.photos.unusable import Unusable

SUFFIXES = {
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw",
    ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
}  # fmt: skip
"""How such files are named."""

FULL_SHARE = 0.9
"""The camera's picture is taken when its longer side has at least this share of the sensor's."""

_HEADS = (b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FUJIFILM", b"FOVb", b"\0MRM")
"""First bytes of raw files that are no TIFF: RW2, ORF, RAF, X3F, MRW."""
_SENSORS = (32803, 34892)
"""Photometric interpretations of a sensor's values: a mosaic of colours, linear colours (DNG 1.7)."""
_MOST_SUB_FILES = 16


def is_raw(path: Path) -> bool:
    """Whether a file is a raw one, by its content; its name decides only where that leaves it open."""
    with path.open("rb") as file:
        head = file.read(16)
        if head[4:12] == b"ftypcrx " or head[6:14] == b"HEAPCCDR" or any(head.startswith(begin) for begin in _HEADS):
            return True
        if not tiff.is_tiff(head):
            return False
        try:
            first = tiff.read_tags(file)
            if tiff.DNG_VERSION in first or first.get(tiff.PHOTOMETRIC) in _SENSORS:
                return True
            offsets = first.get(tiff.SUB_FILES) or ()
            inside = [tiff.read_tags(file, int(offset)) for offset in tuple(offsets)[:_MOST_SUB_FILES]]
        except Exception:  # whatever strangers' tags do to their reader: the name is left
            return path.suffix.lower() in SUFFIXES
    named = path.suffix.lower() in SUFFIXES - {".raw"}
    return named or any(tags.get(tiff.PHOTOMETRIC) in _SENSORS for tags in inside)


def kind_of(path: Path) -> str:
    """What to call a raw file: DNG, NEF, or just raw."""
    return path.suffix[1:].upper() if path.suffix.lower() in SUFFIXES else "raw"


def open_raw(path: Path, most_pixels: int) -> tuple[Image.Image, Image.Exif]:
    """The photo in a raw file, as its sensor lies, and what its header tells.

    Raises:
        Unusable: it is too large, or LibRaw does not know it.
    """
    import rawpy  # noqa: PLC0415 - most photos do without it

    _work_alone()
    export = f"it is a raw file ({kind_of(path)}) that cannot be read: export it as JPEG or TIFF"
    try:
        with path.open("rb") as file, rawpy.imread(file) as raw:
            width, height = raw.sizes.width, raw.sizes.height
            if width * height > most_pixels:
                raise Unusable(f"it has more than {most_pixels // 1_000_000} megapixels")
            picture = _embedded(raw, FULL_SHARE * max(width, height))
            if picture is not None:
                return picture, _exif(path) or picture.getexif()
            pixels = raw.postprocess(use_camera_wb=True, user_flip=0, output_bps=8)
    except rawpy.LibRawError:
        raise Unusable(export) from None
    return Image.fromarray(pixels), _exif(path)


def _work_alone() -> None:
    """Let OpenMP, by which LibRaw works on several threads, do without: a forked process has none of its parent's, and
    would wait for them for ever; and other photos have the other processors.
    """
    try:
        mapped = Path("/proc/self/maps").read_text()
    except OSError:
        return
    for library in set(re.findall(r"(/\S*lib[gi]?omp\S*\.so\S*)", mapped)):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(library).omp_set_num_threads(1)


def _embedded(raw: object, least: float) -> Image.Image | None:
    """The picture that the camera has made, if it is at least so many pixels long."""
    import rawpy  # noqa: PLC0415

    try:
        thumbnail = raw.extract_thumb()  # type: ignore[attr-defined]
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if thumbnail.format != rawpy.ThumbFormat.JPEG:
        return None  # small ones only are not compressed
    try:
        picture = Image.open(io.BytesIO(thumbnail.data), formats=["JPEG"])
        if max(picture.size) < least:
            return None
        picture.load()
    except (OSError, ValueError):
        return None
    return picture


def _exif(path: Path) -> Image.Exif:
    """The header of a raw file that is a TIFF, as far as it can be read: its orientation is that of all in it."""
    try:
        with Image.open(path, formats=["TIFF"]) as first:
            exif = first.getexif()
            for block in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
                exif.get_ifd(block)  # read now: the file is closed when they are asked for
            return exif
    except Exception:
        return Image.Exif()
