"""A mask as pixels: what of a photo counts (255, white), and what does not (0, black)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageChops

from splatworker.formats import deep_grey
from splatworker.formats.mask_names import MaskRules

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "HEIF", "AVIF")
"""Pillow's names of what a mask may be, by its content: what a photo may be."""

MOST_PIXELS = 256_000_000

KEPT_FROM = 128
"""A pixel of this grey or a lighter one is kept: between, a JPEG's noise and a soft edge say nothing."""

_EXACT = ("PNG", "TIFF")
"""Formats in which a number that was written is read: noise around black is no label."""

OPAQUE = 250
"""Alpha from which nothing is seen through: what a codec, or rounding, leaves of an opaque picture."""

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
    stands for white, however dark it is; and so does every one of a picture of several labels (`_labels`), or of
    several colours of which some are dark (`_painted`).

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
        grey, labels = _painted(image) if is_exact else (None, 0)
        grey = _grey(image) if grey is None else grey
    if (turn := UPRIGHT.get(orientation)) is not None:
        grey = grey.transpose(turn)
    levels = [level for level, count in enumerate(grey.histogram()) if count]
    labels = labels or (_labels(grey, levels) if is_exact else 0)
    if labels or (len(levels) == 2 and levels[0] == 0):
        grey = grey.point(lambda value: 255 if value else 0)
    return Mask(ImageChops.invert(grey) if invert else grey, turn is not None, labels, _BACK.get(orientation))


def _labels(grey: Image.Image, levels: list[int]) -> int:
    """How many labels a picture is painted with: a few numbers beside 0, as segmentation networks write them, in areas
    of one each, and none as light as what a mask keeps. 0 of any other picture.
    """
    if not (2 < len(levels) <= _MOST_LABELS and levels[0] == 0 and levels[-1] < KEPT_FROM):
        return 0
    return len(levels) - 1 if _is_flat(np.asarray(grey)) else 0


def _painted(image: Image.Image) -> tuple[Image.Image | None, int]:
    """A picture of labels that are told by colours, some of which are darker than what a mask keeps: white where it is
    not black, and how many colours there are. None of any other; where something is white, white is what counts.
    """
    if image.mode not in ("RGB", "RGBA", "P") or _alpha(image) is not None:
        return None, 0
    picture = image.convert("RGB")
    colours = [colour for _, colour in picture.getcolors(_MOST_LABELS) or []]
    labels = [colour for colour in colours if isinstance(colour, tuple) and any(colour)]
    is_white = any(min(colour) == 255 for colour in labels)
    is_grey = all(min(colour) == max(colour) for colour in labels)
    if not 1 < len(labels) < len(colours) or is_white or is_grey or min(map(max, labels)) >= KEPT_FROM:
        return None, 0
    lightest = _lightest(picture)
    return (
        (lightest.point(lambda value: 255 if value else 0), len(labels))
        if _is_flat(np.asarray(lightest))
        else (None, 0)
    )


def _is_flat(pixels: npt.NDArray[Any]) -> bool:
    """Whether nearly every pixel is as the one beside it."""
    return pixels.shape[1] > 1 and float((pixels[:, 1:] == pixels[:, :-1]).mean()) >= _FLAT


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


def layouts(mask: Mask, photo: tuple[int, int], orientation: int, turned: int = 1) -> list[Image.Image]:
    """The ways in which a mask may lie on the pixels of its photo, of those that fit its shape, the likelier first.

    A mask without a header of its own lies as the photo's pixels do, or stands upright, or lies as pixels did that the
    photo's decoder has turned since. One whose own header turns it stands upright then; or the header was the photo's,
    which has lost it; or it was copied from the photo to a mask that stood upright already.

    Args:
        mask: from `read_mask`.
        photo: width and height of the photo's pixels as it was given.
        orientation: the photo's, from EXIF.
        turned: EXIF's orientation by which its decoder has laid the photo upright, 1 where it has not.

    Returns:
        None of them twice; none at all where the mask has another shape.
    """
    back = _BACK.get(orientation)
    as_written = _turned(mask.grey, mask.back)
    if mask.upright:
        ways = [_turned(mask.grey, back), as_written, _turned(as_written, back)]
    else:
        ways = [mask.grey, _turned(mask.grey, back), _turned(mask.grey, UPRIGHT.get(turned))]
    found: list[Image.Image] = []
    for way in ways:
        if same_shape(way.size, photo) and not any(_are_same(way, other) for other in found):
            found.append(way)
    return found


def fitted(mask: Mask, photo: tuple[int, int], orientation: int, size: tuple[int, int]) -> Image.Image:
    """A mask of the shape of its photo, laid as the photo's pixels lie, at the size that the photo has now: in the
    likeliest of its `layouts`.

    Args:
        mask, photo, orientation: as for `layouts`.
        size: width and height that the photo has now.

    Raises:
        MisfitMask: it has another shape.
    """
    found = layouts(mask, photo, orientation)
    if not found:
        raise misfit(mask, photo)
    return at_size(found[0], size)


def misfit(mask: Mask, photo: tuple[int, int]) -> MisfitMask:
    """That a mask has another shape than its photo, with the sizes of both as their pixels lie."""
    given = "x".join(map(str, _turned(mask.grey, mask.back).size))
    return MisfitMask(f"is {given} pixels and the photo {photo[0]}x{photo[1]}, which is another shape")


def at_size(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A mask at the size that its photo has now."""
    return mask if mask.size == size else mask.resize(size, Image.Resampling.BOX)


def _turned(mask: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return mask if turn is None else mask.transpose(turn)


def _are_same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one, other).getbbox() is None


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


def _alpha(image: Image.Image) -> Image.Image | None:
    """A picture's alpha; None where it says nothing, being the same everywhere, or opaque but for a trace."""
    if not image.has_transparency_data:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    least, most = (float(value) for value in alpha.getextrema())  # type: ignore[arg-type]
    return None if least == most or least >= OPAQUE else alpha


def _grey(image: Image.Image) -> Image.Image:
    if (alpha := _alpha(image)) is not None:
        return alpha
    if image.mode in deep_grey.MODES:
        return _of_eight_bits(np.asarray(image))
    return image.convert("L") if image.mode in ("1", "L", "LA") else _lightest(image)


def _of_eight_bits(deep: npt.NDArray[Any]) -> Image.Image:
    """Grey of 16 bits or more, or of floating point, in eight; a label, however small its number, is not black."""
    values = deep.astype(np.float64)
    most = float(values.max()) if values.size else 0.0
    if not np.isfinite(most):
        raise ValueError("it has pixels that are NaN or infinite")
    top = next((top for top in (1.0, 255.0, 65535.0) if most <= top), most)
    grey = (values.clip(0, top) * (255.0 / top) + 0.5).astype(np.uint8)
    if np.issubdtype(deep.dtype, np.integer) and _is_flat(deep):
        grey = np.maximum(grey, (deep > 0).astype(np.uint8))
    return Image.fromarray(grey)


def _lightest(image: Image.Image) -> Image.Image:
    """Of each pixel the lightest channel."""
    red, green, blue = image.convert("RGB").split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)
