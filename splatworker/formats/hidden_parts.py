"""What is hidden of a scene's photo, by its own alpha and by its mask: as pixels, for training and for scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.errors import InvalidMasks
from splatworker.formats import deep_grey, masks
from splatworker.formats.masks import Hidden
from splatworker.formats.scene import Photo

_WHOLLY_KEPT = 250
"""Of 255: a pixel of a shrunk photo counts where at least so much of what it is made of does."""


def hidden_parts(photo: Photo, image: Image.Image) -> Hidden:
    """What is hidden of a photo, at the size of its opened file.

    Raises:
        InvalidMasks: its mask is none, of another shape, or hides all of it.
    """
    own = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if photo.mask is None:
        return masks.hidden(own, None, photo.rules)
    try:
        given = masks.read_mask(photo.mask, invert=photo.rules.invert)
        mask = masks.fitted(given, (photo.camera.width, photo.camera.height), 1, image.size)
    except masks.MisfitMask as reason:
        raise InvalidMasks(f"The mask of {photo.name} {reason}.", stage="train") from None
    except Exception as error:  # whatever strangers' files do to a decoder
        raise InvalidMasks(f"The mask of {photo.name} cannot be read as a picture.", stage="train") from error
    if masks.hides_all(mask):
        raise InvalidMasks(
            f"The mask of {photo.name} hides all of it.",
            hint="White is what counts; --invert_masks is for the opposite.",
            stage="train",
        )
    return masks.hidden(own, mask, photo.rules)


def over_colour(image: Image.Image, hidden: Hidden, colour: tuple[int, int, int]) -> Image.Image:
    """The photo in red, green and blue, on a colour where nothing is.

    Raises:
        OSError: its grey values of more than eight bits are none, as a decoder says it of a broken file.
    """
    if image.mode in deep_grey.MODES:
        image = _in_eight_bits(image)
    if hidden.alpha is None:
        image.load()  # now: its file may be closed soon
        return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it, with Python's lock held
    shown = image.convert("RGB")
    shown.putalpha(hidden.alpha)
    return Image.alpha_composite(Image.new("RGBA", shown.size, (*colour, 255)), shown).convert("RGB")


def ignored_at(hidden: Hidden, size: tuple[int, int]) -> npt.NDArray[np.uint8] | None:
    """(H, W) 255 where a photo shrunk to `size` (width, height) is ignored, 0 where it counts; None where all does."""
    if hidden.counts is None:
        return None
    shrunk = np.asarray(hidden.counts.resize(size, Image.Resampling.BOX))
    counts = shrunk >= _WHOLLY_KEPT
    if not counts.any():  # what is kept is finer than a pixel
        counts = shrunk >= max(1, int(shrunk.max()))
    return None if counts.all() else np.where(counts, np.uint8(0), np.uint8(255))


def _in_eight_bits(image: Image.Image) -> Image.Image:
    try:
        return deep_grey.in_eight_bits(image)
    except ValueError as reason:
        raise OSError(str(reason)) from None
