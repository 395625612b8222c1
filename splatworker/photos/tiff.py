"""What a TIFF says of its pixels: Pillow opens kinds of them that it reads wrongly, and some that it cannot open.

Only kinds known to be read rightly are let pass. The others are named, so that whoever exported them knows what to
choose instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, TiffImagePlugin

from splatworker.photos.unusable import Unusable

BITS, PHOTOMETRIC, SAMPLES, PLANAR, FORMAT, SUB_FILES = 258, 262, 277, 284, 339, 330
NEW_SUBFILE_TYPE, DNG_VERSION = 254, 50706
GREY = (0, 1)
"""Values of PHOTOMETRIC: black or white is zero."""
_COLOURS = {2: 3, 3: 1, 5: 4, 6: 3, 8: 3}
"""PHOTOMETRIC -> samples of a pixel, of which Pillow reads 8 bits each: RGB, palette, CMYK, YCbCr, CIE Lab."""
_RGB, _CMYK = 2, 5
_UNSIGNED, _FLOAT = 1, 3
MOST_FRAMES = 16
"""Pictures of a file that are looked at."""

_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
EXPORT = "export it as JPEG, or as TIFF with 8 bits a channel"

Tags = Mapping[int, Any]


def is_tiff(head: bytes) -> bool:
    """Whether a file with these first bytes is a TIFF, of 64 bits or less."""
    return head[:4] in _HEADS


def read_tags(file: BinaryIO, offset: int | None = None) -> TiffImagePlugin.ImageFileDirectory_v2:
    """The tags of the directory at an offset, or of the first.

    Raises:
        whatever Pillow raises where the file is corrupt.
    """
    file.seek(0)
    header = file.read(8)
    if header[2] == 43 or header[3] == 43:
        header += file.read(8)
    tags = TiffImagePlugin.ImageFileDirectory_v2(header)
    file.seek(tags.next if offset is None else offset)
    tags.load(file)
    return tags


def refuse_misread(tags: Tags) -> None:
    """Refuse kinds of pixels that would be read wrongly.

    Raises:
        Unusable: what kind they are.
    """
    if reason := why_misread(tags):
        raise Unusable(reason)


def why_misread(tags: Tags) -> str:
    """What kind of TIFF this is that cannot be read rightly, a clause, or ""."""
    bits = _numbers(tags.get(BITS), (1,))
    kinds = set(_numbers(tags.get(FORMAT), (_UNSIGNED,)))
    samples = int(tags.get(SAMPLES) or 1)
    photometric = tags.get(PHOTOMETRIC)
    deep = max(bits)
    if photometric in GREY:
        if samples > 2:
            return f"it is a TIFF with {samples} bands, not with colours: {EXPORT} of three of them"
        if kinds == {_FLOAT}:
            return (
                "" if deep == 32 and samples == 1 else f"it is a TIFF with {deep}-bit floating-point values: {EXPORT}"
            )
        if kinds != {_UNSIGNED}:
            return f"it is a TIFF with signed or complex values: {EXPORT}"
        return "" if deep in (1, 2, 4, 8, 12, 16) else f"it is a TIFF with {deep} bits of grey: {EXPORT}"
    if photometric not in _COLOURS:
        return f"it is a TIFF with colours of an unusual kind (photometric interpretation {photometric}): {EXPORT}"
    if kinds != {_UNSIGNED}:
        kind = "floating-point" if kinds == {_FLOAT} else "signed"
        return f"it is a TIFF with {deep}-bit {kind} colours: {EXPORT}"
    if samples > _COLOURS[photometric] + 1 and deep > 8:
        return f"it is a TIFF with {samples} bands of {deep} bits: {EXPORT}"
    if deep > 8 and (photometric not in (_RGB, _CMYK) or deep != 16 or len(set(bits)) > 1):
        return f"it is a TIFF with {deep} bits a channel of a kind that is not read: {EXPORT}"
    if deep > 8 and tags.get(PLANAR) == 2:
        return f"it is a TIFF with {deep}-bit colours in separate planes: {EXPORT}"
    return ""


def why_unidentified(path: Path) -> str:
    """The reason why Pillow does not know a TIFF: what it says of its pixels, or that it is damaged."""
    try:
        with path.open("rb") as file:
            reason = why_misread(read_tags(file))
    except Exception:
        return "it is a damaged TIFF"
    return reason or f"it is a TIFF of a kind that is not read: {EXPORT}"


def go_to_largest(image: Image.Image) -> int:
    """Go to the picture with most pixels of a file that may have several: a first page may be a preview of the next.

    Returns:
        How many are as large.
    """
    frames = min(int(getattr(image, "n_frames", 1)), MOST_FRAMES)
    if frames < 2:
        return 1
    sizes = []
    for number in range(frames):
        image.seek(number)
        sizes.append(image.width * image.height)
    image.seek(sizes.index(max(sizes)))
    return sizes.count(max(sizes))


def _numbers(value: object, default: tuple[int, ...]) -> tuple[int, ...]:
    if value is None:
        return default
    numbers = value if isinstance(value, tuple) else (value,)
    return tuple(int(number) for number in numbers) or default
