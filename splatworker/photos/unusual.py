"""Pictures that are hardly photos: screenshots, collages and stereo pairs, and masks among photos.

All but the last are said, and used all the same: a screenshot of a game can be one of a good set. A mask is no photo.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFilter

from splatworker.formats.panorama import ImageInfo
from splatworker.stages.file_names import readable

Pixels = npt.NDArray[np.float32]

_SCREENSHOT_NAME = re.compile(
    r"screen[ _-]?shot|bildschirmfoto|capture d.?[ée]cran|スクリーンショット|屏幕截图", re.IGNORECASE
)

_MASK_SIZE = (512, 512)
_BLACK, _WHITE = 12, 243
"""Grey levels that a codec may leave of black and of white."""
_NOTHING_ELSE, _IN_AREAS = 0.98, 0.95
"""Shares of a mask's pixels that are black or white, and that are as the one beside them is: dithering is not."""

_HALF, _APART = 96, 8
"""Pixels a side of a half of what may be a stereo pair, and how far apart its halves may show a thing."""
_COARSE = 3
"""Pixels to either side: what is coarser is left out of what is compared."""
_DETAIL = 4.0
"""Grey levels that the rest deviates by at least: photos do by 9 to 28, smooth colours by 2."""
_SAME = 0.4
"""How much the halves correlate: those of 238 photos of seven sets by 0.11 at most, of stereo pairs in a room three
meters away by 0.75 at least."""

_COLLAGE_SIZE = 256
_GAP = 0.04
"""A gap between pictures of a collage is at most so wide, as a share of the whole."""
_PLAIN, _SOMETHING = 1.5, 12.0
"""Grey levels: standard deviation along a line within a gap, and along lines of what is beside it."""


def kind_of(image: Image.Image, info: ImageInfo, exif: Image.Exif, name: str) -> str:
    """`screenshot`, `stereo pair` or `collage` where a picture seems to be one, else ""."""
    if _SCREENSHOT_NAME.search(readable(name)) or _says_screenshot(info, exif):
        return "screenshot"
    if image.mode != "RGB":
        return ""
    return "collage" if _is_joined(image) else "stereo pair" if _shows_twice(image) else ""


def is_mask(image: Image.Image) -> bool:
    """Whether a picture is black areas and white ones and nothing else, as no camera sees the world."""
    if image.mode != "RGB" or (image.width, image.height) < (2, 2):
        return False
    light = np.asarray(image.convert("L").resize(_MASK_SIZE, Image.Resampling.NEAREST), dtype=np.int16)
    black, white = light <= _BLACK, light >= _WHITE
    beside = np.abs(np.diff(light, axis=1)) <= _BLACK
    return bool(black.any() and white.any() and (black | white).mean() > _NOTHING_ELSE and beside.mean() > _IN_AREAS)


def _says_screenshot(info: ImageInfo, exif: Image.Exif) -> bool:
    """In EXIF, as telephones do, or in a PNG's texts."""
    try:
        comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    except Exception:
        comment = b""
    said = comment.replace(b"\0", b"").decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    said += "".join(str(info.get(key, ""))[:200] for key in ("Software", "Description", "Comment", "Title"))
    return "screenshot" in said.lower()


def _is_joined(image: Image.Image) -> bool:
    """A thin plain line crosses the whole picture, and both sides of it show something."""
    pixels = _grey(image, (_COLLAGE_SIZE, _COLLAGE_SIZE))
    return _has_gap(pixels) or _has_gap(pixels.T)


def _has_gap(pixels: Pixels) -> bool:
    """Whether plain rows, at most `_GAP` of all, lie within the picture between rows that are not plain."""
    plain = pixels.std(axis=1) < _PLAIN
    something = pixels.std(axis=1) > _SOMETHING
    most, count = max(1, round(_GAP * len(plain))), len(plain)
    row = count // 8
    while row < count - count // 8:
        end = row
        while end < count and plain[end]:
            end += 1
        # A row beside the gap mixes both, by shrinking: it is passed over.
        if 0 < end - row <= most and something[row - 3] and something[min(end + 2, count - 1)]:
            return True
        row = max(end, row) + 1
    return False


def _shows_twice(image: Image.Image) -> bool:
    """One half shows what the other does, a little to the side of it: what two eyes see."""
    side = _HALF
    beside = np.split(_fine(image, (2 * side, side)), 2, axis=1)
    above = np.split(_fine(image, (side, 2 * side)), 2, axis=0)
    return any(
        _likeness(one[:, max(0, shift) : side + min(0, shift)], other[:, max(0, -shift) : side - max(0, shift)]) > _SAME
        for one, other in (beside, above)
        for shift in range(-_APART, _APART + 1)
    )


def _likeness(one: Pixels, other: Pixels) -> float:
    """How much two pictures correlate, less what is the same along a row or a column, as a horizon is; not at all where
    one of them is plain.
    """
    parts = [part - part.mean(axis=1, keepdims=True) - part.mean(axis=0) + part.mean() for part in (one, other)]
    rough = [float(part.std()) for part in parts]
    return float((parts[0] * parts[1]).mean()) / (rough[0] * rough[1]) if min(rough) > _DETAIL else 0.0


def _fine(image: Image.Image, size: tuple[int, int]) -> Pixels:
    """What is finer than a few pixels: light that falls off to one side, and what is out of focus, does not count."""
    small = image.convert("L").resize(size, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) - np.asarray(
        small.filter(ImageFilter.BoxBlur(_COARSE)), dtype=np.float32
    )


def _grey(image: Image.Image, size: tuple[int, int]) -> Pixels:
    return np.asarray(image.convert("L").resize(size, Image.Resampling.BOX), dtype=np.float32)
