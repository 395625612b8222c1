"""How large photos are on their way: when they are decoded, and when the trainer gets them.

They are shrunk once for every step after, to what those steps need: 12 million pixels of a phone would be decoded again
and again for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from splatworker.contract.job import Recipe
from splatworker.contract.schedule import PREVIEW_LONGEST_SIDE

LONGEST_SIDE = 2133
"""Photos are shrunk to this: the trainer uses 1600 px of width, and a 3:4 portrait of that width is this high."""

PREVIEW_FEATURES_SIDE = 1600
"""The same for a preview: it trains on fewer pixels, and features are found in no more."""

WIDEST, LARGEST = 1600, 8192
"""Pixels: the width that the trainer shrinks photos to unless told otherwise, and the longest side of any photo."""

FEWEST_PIXELS = 64
"""The smallest longest side that photos are ever shrunk to."""


def decoded(recipe: Recipe, *, preview: bool) -> int:
    """Pixels on the longest side of decoded photos; 0: none is shrunk."""
    if recipe.params.resolution != -1:
        return 0
    if is_previews(recipe, preview=preview) and not is_a_part(recipe):
        return max(PREVIEW_FEATURES_SIDE, recipe.sfm.max_image_size or 0, recipe.sfm.undistort_max_size or 0)
    return LONGEST_SIDE


def is_a_part(recipe: Recipe) -> bool:
    """Whether the job asks for a part of the photos' own size, which is known when all are decoded."""
    return min(recipe.params.resolution_scales) > 1.0


def undistorted(recipe: Recipe, photos: Sequence[dict[str, Any]], *, preview: bool) -> int | None:
    """Pixels on the longest side of the photos to train on, where job or machine ask for fewer than there are.

    Args:
        photos: decoded ones, with "width" and "height"; needed only for a part of their size.
    """
    if recipe.sfm.undistort_max_size is not None:
        return None  # said already
    if is_a_part(recipe):
        longest = max(_longest_side(photo) for photo in photos)
        return max(FEWEST_PIXELS, round(longest / min(recipe.params.resolution_scales)))
    return PREVIEW_LONGEST_SIDE if is_previews(recipe, preview=preview) else None


def _longest_side(photo: dict[str, Any]) -> int:
    """Pixels of what is trained on: of a panorama the views, a quarter as wide."""
    longest = max(int(photo["width"]), int(photo["height"]))
    return longest // 4 if photo.get("panorama") else longest


def trained_pixels(recipe: Recipe, photos: Sequence[tuple[int, int]], *, preview: bool) -> int:
    """About how many pixels a photo has when it is trained on: the mean of these (width, height) after shrinking."""

    def shrunk(width: int, height: int) -> float:
        small = (
            PREVIEW_LONGEST_SIDE if is_previews(recipe, preview=preview) else recipe.sfm.undistort_max_size or LARGEST
        )
        wanted = recipe.params.resolution
        factor = float(wanted) if wanted in (1, 2, 4, 8) else width / (WIDEST if wanted == -1 else wanted)
        factor = max(min(recipe.params.resolution_scales), factor, max(width, height) / small)
        return width * height / factor**2

    return round(sum(shrunk(*size) for size in photos) / len(photos)) if photos else 0


def is_previews(recipe: Recipe, *, preview: bool) -> bool:
    """Whether the size is a preview's, which is ours to choose where the job says none."""
    return preview and "resolution" not in recipe.params.model_fields_set
