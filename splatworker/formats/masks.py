"""A mask as pixels: what of a photo counts (255, white), and what does not (0, black)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageChops

from splatworker.formats.mask_names import MaskRules

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "HEIF", "AVIF")
"""Pillow's names of what a mask may be, by its content: what a photo may be."""

MOST_PIXELS = 256_000_000

KEPT_FROM = 128
"""A pixel of this grey or a lighter one is kept: between, a JPEG's noise and a soft edge say nothing."""

_EXACT = ("PNG", "TIFF")
"""Formats in which a number that was written is read: noise around black is no label."""

_MOST_LABELS, _FLAT = 64, 0.9
"""Levels of a picture of labels, and the share of its pixels that are as their neighbours are, at most and at least."""

_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What lays an upright picture as the pixels of a photo with this EXIF orientation lie."""

TURNED = 5
"""From this orientation on the photo's width is its height once it stands upright."""

UPRIGHT = _BACK | {6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
"""What lays the pixels of a picture with this EXIF orientation upright."""

UNMIRRORED = {2: 1, 4: 3, 5: 8, 7: 6}
"""EXIF orientations whose pixels lie mirrored, and what is left of each once their columns are reversed."""


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height, once it stands upright, of a picture whose pixels lie so."""
    return size if orientation < TURNED else size[::-1]


class MisfitMask(ValueError):
    """A mask that is not of its photo's shape: the clause that says so."""


class Mask(NamedTuple):
    """A mask as it was given.

    Attributes:
        grey: eight bits.
        upright: it surely stands so, as its own header turned it.
        labels: how many it was a picture of, 0 where it was an ordinary mask.
        back: what lays it again as its pixels lie, where its header turned it.
    """

    grey: Image.Image
    upright: bool
    labels: int = 0
    back: Image.Transpose | None = None


def read_mask(path: Path, *, invert: bool = False) -> Mask:
    """A mask's alpha where it has any, or else its grey; 255 is kept.

    A colour is as light as its lightest channel. Where there is one grey beside black, as in a picture of labels, it
    stands for white, however dark it is; and so does every one of a picture of several labels (`_labels`).

    Args:
        path: the file, of any of `FORMATS`.
        invert: black is kept.

    Raises:
        OSError, ValueError, Image.DecompressionBombError: it is no picture that could be read.
    """
    if not path.is_file():  # a pipe would be waited for
        raise FileNotFoundError(path)
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError(f"{path.name} has more than {MOST_PIXELS // 1_000_000} megapixels")
        orientation, is_exact = _orientation_of(image), image.format in _EXACT
        grey = _grey(image)
    if (turn := UPRIGHT.get(orientation)) is not None:
        grey = grey.transpose(turn)
    levels = [level for level, count in enumerate(grey.histogram()) if count]
    labels = _labels(grey, levels) if is_exact else 0
    if labels or (len(levels) == 2 and levels[0] == 0):
        grey = grey.point(lambda value: 255 if value else 0)
    return Mask(ImageChops.invert(grey) if invert else grey, turn is not None, labels, _BACK.get(orientation))


def _labels(grey: Image.Image, levels: list[int]) -> int:
    """How many labels a picture is painted with: a few numbers beside 0, as segmentation networks write them, in areas
    of one each, and none as light as what a mask keeps. 0 of any other picture.
    """
    if not (2 < len(levels) <= _MOST_LABELS and levels[0] == 0 and levels[-1] < KEPT_FROM):
        return 0
    pixels = np.asarray(grey)
    is_flat = (pixels[:, 1:] == pixels[:, :-1]).mean() >= _FLAT if pixels.shape[1] > 1 else False
    return len(levels) - 1 if is_flat else 0


def orientation_in(exif: Image.Exif) -> int:
    """EXIF's orientation, 1 to 8; 1 where the header does not say or cannot be read."""
    try:
        value = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # whatever a corrupt header does to its reader
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _orientation_of(image: Image.Image) -> int:
    try:
        return orientation_in(image.getexif())
    except Exception:  # likewise
        return 1


def fitted(mask: Mask, photo: tuple[int, int], orientation: int, size: tuple[int, int]) -> Image.Image:
    """A mask of the shape of its photo, laid as the photo's pixels lie, at the size that the photo has now.

    A mask of the shape of the photo's pixels lies as they do; one whose own header turns it, or that is of their shape
    only once they are turned, stands upright. Where the mask is of the photo's shape only without the turn that its own
    header asks for, that is not made: the header was the photo's, which has lost it.

    Args:
        mask: from `read_mask`.
        photo: width and height of the photo's pixels as it was given.
        orientation: the photo's, from EXIF.
        size: width and height that the photo has now.

    Raises:
        MisfitMask: it has another shape.
    """
    grey, upright = mask.grey, mask.upright
    if orientation >= TURNED and not same_shape(grey.size, photo):
        upright = upright or same_shape(grey.size, photo[::-1])
    turn = _BACK.get(orientation) if upright else None
    if turn is not None:
        grey = grey.transpose(turn)
    if mask.back is not None and not same_shape(grey.size, photo) and same_shape(grey.size[::-1], photo):
        grey = mask.grey.transpose(mask.back)
    if not same_shape(grey.size, photo):
        given = "x".join(map(str, mask.grey.size))
        raise MisfitMask(f"is {given} pixels and the photo {photo[0]}x{photo[1]}, which is another shape")
    return grey if grey.size == size else grey.resize(size, Image.Resampling.BOX)


def kept(mask: Image.Image) -> Image.Image:
    """The mask in black and white alone."""
    return mask.point(lambda value: 255 if value >= KEPT_FROM else 0)


class Hidden(NamedTuple):
    """What is hidden of a photo, each of its size or None where nothing is.

    Attributes:
        alpha: its opacity: nothing is where it is 0.
        counts: 255 where the photo counts, 0 where it is ignored.
    """

    alpha: Image.Image | None
    counts: Image.Image | None


NOTHING_HIDDEN = Hidden(None, None)


def hidden(own: Image.Image | None, given: Image.Image | None, rules: MaskRules) -> Hidden:
    """What a photo's own alpha and a mask file, both of the photo's size, hide of it."""
    both = [(mask, rules.cuts(is_file=is_file)) for mask, is_file in ((own, False), (given, True)) if mask is not None]
    alpha = _all_of([mask for mask, cuts in both if cuts])
    counts = _all_of([kept(mask) for mask, cuts in both if not cuts])
    return Hidden(
        None if alpha is None or (hides_nothing(alpha) and len(set(alpha.getextrema())) == 1) else alpha,
        None if counts is None or hides_nothing(counts) else counts,
    )


def _all_of(masks: list[Image.Image]) -> Image.Image | None:
    """What all of them keep."""
    result = masks[0] if masks else None
    for mask in masks[1:]:
        result = mask if result is None else ImageChops.multiply(result, mask)
    return result


def hides_all(mask: Image.Image) -> bool:
    """Whether nothing is kept."""
    return float(mask.getextrema()[1]) < KEPT_FROM  # type: ignore[arg-type]


def hides_nothing(mask: Image.Image) -> bool:
    """Whether all is kept."""
    return float(mask.getextrema()[0]) >= KEPT_FROM  # type: ignore[arg-type]


def same_shape(mask: tuple[int, int], photo: tuple[int, int]) -> bool:
    """Whether one is the other at another size; both sides may have been rounded, of either."""
    rounded = 1 + mask[1] / mask[0] + max(mask[0] / photo[0], mask[1] / photo[1])
    return abs(mask[1] - photo[1] * mask[0] / photo[0]) <= rounded


def _grey(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        if float(alpha.getextrema()[0]) < 255:  # type: ignore[arg-type]
            return alpha
    if image.mode in ("I;16", "I;16L", "I;16B", "I", "F"):
        values = np.asarray(image, dtype=np.float64)
        most = float(values.max()) if values.size else 0.0
        if not np.isfinite(most):
            raise ValueError("it has pixels that are NaN or infinite")
        top = next((top for top in (1.0, 255.0, 65535.0) if most <= top), most)
        return Image.fromarray((values.clip(0, top) * (255.0 / top) + 0.5).astype(np.uint8))
    if image.mode in ("1", "L", "LA"):
        return image.convert("L")
    red, green, blue = image.convert("RGB").split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)
