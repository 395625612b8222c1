"""Whether there are photos enough to begin with, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from splatworker.errors import InvalidJob, InvalidMasks, NoPhotos, TooFewPhotos

FEWEST_PHOTOS = 5
MOST_PHOTOS = 500

_OF_MASKS = ("its mask ", "its alpha and its mask ")
"""How a reason begins that a photo is left out for its mask."""


def demand_enough(usable: int, rejected: Sequence[dict[str, Any]]) -> None:
    """Refuse to go on with fewer photos than a reconstruction needs, or with more than are sensible.

    Args:
        usable: how many photos could be decoded.
        rejected: the others, as {"index", "reason"} and perhaps "name".

    Raises:
        NoPhotos, TooFewPhotos, InvalidJob: with the reasons of the first few.
        InvalidMasks: there would be enough, but for masks that are missing or of no use.
    """
    advice = "Give 20 to 100 sharp, overlapping photos of one subject, as JPEG, PNG, WebP, HEIC or TIFF."
    given = usable + len(rejected)
    if not given:
        raise NoPhotos("There are no photos.", hint=advice)
    if usable > MOST_PHOTOS:
        raise InvalidJob(f"There are {usable} photos; at most {MOST_PHOTOS} can be used.", hint="Leave some out.")
    if usable >= FEWEST_PHOTOS:
        return
    reasons = "; ".join(f"{name_of(photo)}: {photo['reason']}" for photo in rejected[:3])
    more = f"; and {len(rejected) - 3} more" if len(rejected) > 3 else ""
    why = f" ({reasons}{more})" if rejected else ""
    for_masks = [photo for photo in rejected if str(photo["reason"]).startswith(_OF_MASKS)]
    if usable + len(for_masks) >= FEWEST_PHOTOS:
        raise InvalidMasks(
            f"Only {usable} of {given} photos can be used, and {FEWEST_PHOTOS} are needed: {len(for_masks)} are left "
            f"out for their masks{why}.",
            hint="A mask is of its photo's shape, white where the photo counts, and there as long as its photo is; a "
            "photo that needs none has none.",
        )
    if not usable:
        raise NoPhotos(f"None of the {given} files is a photo that can be used{why}.", hint=advice)
    raise TooFewPhotos(
        f"Only {usable} of {given} photos can be used, and {FEWEST_PHOTOS} are needed{why}.", hint=advice
    )


def name_of(photo: dict[str, Any]) -> str:
    """What to call a photo to the person who sent it."""
    return str(photo.get("name") or f"photo {photo['index'] + 1}")
