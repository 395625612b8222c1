"""A photo and its mask: put together as later stages take them, in the sandbox where both were decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from splatworker.formats import masks
from splatworker.formats.mask_names import MaskRules
from splatworker.formats.panorama import Area
from splatworker.photos import mask_outline
from splatworker.photos.kinds import UNKNOWN, why_no_photo
from splatworker.photos.picture import Picture
from splatworker.photos.unusable import UnusableMask

_SHADES, _MOST_SHADES = slice(32, 224), 0.5
"""Levels that are neither black nor white, and the share of a mask's pixels that may have them."""


@dataclass(frozen=True)
class Masked:
    """A photo with what is said of its pixels.

    Attributes:
        image: RGB, or RGBA where nothing is shown in a part of it.
        ignored: of its size, 255 where it counts and 0 where nobody knows; None where all counts.
        scaled: the mask's width and height where they were not the photo's, as in "640x480", else "".
        labels: how many the mask was a picture of; 0 for an ordinary mask.
        kept: the share of the photo that its mask file keeps; None without one.
        shades: the mask file is in shades of grey, as a photo is.
        unsure: nothing told whether the mask lies as the photo's pixels do, or stands upright.
        veiled: the photo's own alpha is half transparent nearly everywhere, as no cutout is.
        area: what the image shows of the sphere around it, where it is a panorama.
    """

    image: Image.Image
    ignored: Image.Image | None = None
    scaled: str = ""
    labels: int = 0
    kept: float | None = None
    shades: bool = False
    unsure: bool = False
    veiled: bool = False
    area: Area | None = None


def put_together(picture: Picture, file: Path | None, rules: MaskRules) -> Masked:
    """What a picture and the mask file beside it come to, neither of them mirrored, and a panorama's upright.

    Cameras are found by pixels as they lie, whichever way up, but what lies mirrored, as some cameras on the side of a
    display write it, matches no other photo, and alone would make a mirrored splat. Rows of a panorama are latitudes
    only once it stands upright.

    Raises:
        UnusableMask: the mask is none, has another shape, or hides everything.
    """
    image = picture.image
    own = image.getchannel("A") if image.mode == "RGBA" else None
    told = None if file is None else _read(picture, file, invert=rules.invert)
    given = told and told.mask
    kept, shades = (None, False) if given is None else _described(given)
    veiled = own is not None and _described(own)[1]
    alpha, counts = masks.hidden(own, given, rules)
    if file is not None and any(mask is not None and masks.hides_all(mask) for mask in (alpha, counts)):
        raise UnusableMask("its alpha and its mask hide all of it together")
    image = image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    if picture.turn is not None:
        image = image.transpose(picture.turn)
        counts = counts and counts.transpose(picture.turn)
    scaled, labels, unsure = ("", 0, False) if told is None else told[1:]
    return Masked(image, counts, scaled, labels, kept, shades, unsure, veiled, picture.area)


class _Told(NamedTuple):
    """A mask laid on its photo, and what `Masked` has of it."""

    mask: Image.Image
    scaled: str
    labels: int
    unsure: bool


def _read(picture: Picture, file: Path, *, invert: bool) -> _Told:
    try:
        mask = masks.read_mask(file, invert=invert)
    except Exception as error:  # whatever strangers' files do to a decoder
        raise UnusableMask(f"its mask {file.name} cannot be read as a picture{_why_not_read(file, error)}") from None
    ways = masks.layouts(mask, picture.given, picture.orientation, picture.turned)
    if not ways:
        raise UnusableMask(f"its mask {file.name} {masks.misfit(mask, picture.given)}")
    way = mask_outline.likeliest(picture.image, ways)
    fits = masks.at_size(ways[way or 0], picture.image.size)
    if masks.hides_all(fits):
        raise UnusableMask(
            f"its mask {file.name} hides all of it, for {'black' if invert else 'white'} is what is kept"
        )
    same = mask.grey.size in (picture.given, picture.given[::-1])
    scaled = "" if same else "x".join(map(str, mask.grey.size))
    return _Told(fits, scaled, mask.labels, unsure=way is None and not mask.upright)


def _described(mask: Image.Image) -> tuple[float, bool]:
    """The share of a photo that its mask keeps, and whether it is in shades, as no mask is."""
    levels = np.asarray(mask.histogram()) / (mask.width * mask.height)
    return round(float(levels[masks.KEPT_FROM :].sum()), 6), float(levels[_SHADES].sum()) > _MOST_SHADES


def _why_not_read(file: Path, error: Exception) -> str:
    """Why a mask was not read, where more can be said than that it was not: a clause, with a colon before it."""
    if not file.is_file():
        return ": it is a link that leads nowhere" if file.is_symlink() and not file.exists() else ": it is no file"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f": it has more than {masks.MOST_PIXELS // 1_000_000} megapixels"
    why = why_no_photo(file) if isinstance(error, UnidentifiedImageError) else UNKNOWN
    return "" if why == UNKNOWN else f": {re.sub('photo$', 'picture', why)}"
