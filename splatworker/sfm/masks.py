"""The masks of photos, as the reconstruction takes them: which photo has one, and what it makes of its pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from splatworker.errors import InvalidMasks
from splatworker.formats import masks
from splatworker.formats.mask_names import MaskFiles, MaskRules
from splatworker.sfm.photo import PhotoHeader

_LOOKED_AT = 256
"""Longest side in pixels at which is seen whether hidden parts show something."""

_TRANSPARENT, _OPAQUE = 5, 250
"""Alpha up to which a pixel is hidden, and from which on it is shown."""

_FLAT = 1.0
_FLATTER = 0.25
"""Neighbouring pixels differ by so many shades at least where a photo shows something, and by such a share of what they
differ by in the parts that are shown."""


def with_masks(
    photos: Sequence[PhotoHeader], folder: Path | None, rules: MaskRules, images: Path | None = None
) -> list[PhotoHeader]:
    """The photos with their masks. One that a mask cuts out becomes a PNG, for only that holds alpha.

    Args:
        photos: their headers.
        folder: the masks.
        rules: how these are meant.
        images: the folder of the photos, which are no masks where both lie in one.

    Raises:
        InvalidMasks: there are masks, and none is of any photo.
    """
    if folder is None:
        return list(photos)
    files = MaskFiles.within(folder, [photo.within(images) for photo in photos] if images else ())
    if files.names and not any(files.of(photo.file or photo.name) for photo in photos):
        raise InvalidMasks(
            f"None of the {len(files.names)} masks has the name of a photo ({files.names[0]}, ...).",
            hint="Name the mask of a.jpg a.png, a.jpg.png or a_mask.png.",
            stage="sfm",
        )
    taken = {photo.name for photo in photos}
    result = []
    for photo in photos:
        mask = files.of(photo.file or photo.name)
        if mask is None or not rules.cuts(is_file=True):
            result.append(dataclasses.replace(photo, mask=mask))
            continue
        name, file = photo.name, photo.file or photo.name
        if not name.lower().endswith(".png"):
            name = PurePosixPath(name).with_suffix(".png").as_posix()
            name = name if name not in taken else f"{photo.name}.png"
            taken.add(name)
        file = "" if file == name else file
        result.append(dataclasses.replace(photo, name=name, file=file, mask=mask, has_alpha=True))
    return result


def hidden(photo: PhotoHeader, own: Image.Image | None, size: tuple[int, int], rules: MaskRules) -> masks.Hidden:
    """What is hidden of a photo, at the size that it is used at.

    Args:
        photo: the photo, at its full size.
        own: its own alpha at that size, if it has any.
        size: width and height.
        rules: how masks are meant.

    Raises:
        InvalidMasks: its mask is none, or of another shape, or hides everything.
    """
    given = None if photo.mask is None else _read(photo, photo.mask, size, invert=rules.invert)
    return masks.hidden(own, given, rules)


def shows_what_is_hidden(rgba: Image.Image) -> bool:
    """Whether a transparent photo has still a picture where it is transparent, and not one colour."""
    small = rgba.copy()
    small.thumbnail((_LOOKED_AT, _LOOKED_AT), Image.Resampling.NEAREST)  # averages would bleed into what is hidden
    grey, alpha = np.asarray(small.convert("RGB").convert("L"), np.float32), np.asarray(small.getchannel("A"))
    change = np.abs(np.diff(grey, axis=1))
    hidden, visible = ((part[:, 1:] & part[:, :-1]) for part in (alpha <= _TRANSPARENT, alpha >= _OPAQUE))
    if not hidden.any():
        return False
    there = float(change[visible].mean()) if visible.any() else 0.0
    return float(change[hidden].mean()) > max(_FLAT, _FLATTER * there)


def _read(photo: PhotoHeader, path: Path, size: tuple[int, int], *, invert: bool) -> Image.Image:
    hint = "A mask is of its photo's shape, white where the photo counts."
    try:
        mask = masks.fitted(masks.read_mask(path, invert=invert), (photo.width, photo.height), photo.orientation, size)
    except masks.MisfitMask as reason:
        raise InvalidMasks(f"The mask of {photo.name} {reason}.", hint=hint, stage="sfm") from None
    except Exception as error:  # whatever strangers' files do to a decoder
        raise InvalidMasks(f"The mask of {photo.name} cannot be read as a picture.", stage="sfm") from error
    if masks.hides_all(mask):
        raise InvalidMasks(f"The mask of {photo.name} hides all of it.", hint=hint, stage="sfm")
    return mask
