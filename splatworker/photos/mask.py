"""A photo and its mask: put together as later stages take them, in the sandbox where both were decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageOps

from splatworker.formats import masks
from splatworker.formats.mask_names import MaskRules
from splatworker.formats.panorama import Area
from splatworker.photos.picture import Picture
from splatworker.photos.unusable import UnusableMask


@dataclass(frozen=True)
class Masked:
    """A photo with what is said of its pixels.

    Attributes:
        image: RGB, or RGBA where nothing is shown in a part of it.
        ignored: of its size, 255 where it counts and 0 where nobody knows; None where all counts.
        scaled: the mask's width and height where they were not the photo's, as in "640x480", else "".
        labels: how many the mask was a picture of; 0 for an ordinary mask.
        area: what the image shows of the sphere around it, where it is a panorama.
    """

    image: Image.Image
    ignored: Image.Image | None = None
    scaled: str = ""
    labels: int = 0
    area: Area | None = None


def put_together(picture: Picture, file: Path | None, rules: MaskRules) -> Masked:
    """What a picture and the mask file beside it come to, neither of them mirrored.

    Cameras are found by pixels as they lie, whichever way up, but what lies mirrored, as some cameras on the side of a
    display write it, matches no other photo, and alone would make a mirrored splat.

    Raises:
        UnusableMask: the mask is none, has another shape, or hides everything.
    """
    image = picture.image
    own = image.getchannel("A") if image.mode == "RGBA" else None
    given, scaled, labels = (None, "", 0) if file is None else _read(picture, file, invert=rules.invert)
    alpha, counts = masks.hidden(own, given, rules)
    if file is not None and any(mask is not None and masks.hides_all(mask) for mask in (alpha, counts)):
        raise UnusableMask("its alpha and its mask hide all of it together")
    image = image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    area = picture.area
    if picture.orientation in masks.UNMIRRORED:
        image = ImageOps.mirror(image)
        counts = counts and ImageOps.mirror(counts)
        area = area and replace(area, west=-area.east, east=-area.west)
    return Masked(image, counts, scaled, labels, area)


def _read(picture: Picture, file: Path, *, invert: bool) -> tuple[Image.Image, str, int]:
    try:
        mask = masks.read_mask(file, invert=invert)
    except Exception:  # whatever strangers' files do to a decoder
        raise UnusableMask(f"its mask {file.name} cannot be read as a picture") from None
    try:
        fits = masks.fitted(mask, picture.given, picture.orientation, picture.image.size)
    except masks.MisfitMask as reason:
        raise UnusableMask(f"its mask {file.name} {reason}") from None
    if masks.hides_all(fits):
        raise UnusableMask(
            f"its mask {file.name} hides all of it, for {'black' if invert else 'white'} is what is kept"
        )
    same = mask.grey.size in (picture.given, picture.given[::-1])
    return fits, "" if same else "x".join(map(str, mask.grey.size)), mask.labels
