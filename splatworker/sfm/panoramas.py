"""The panoramas among the photos: how many there may be, and what is told of them and of the views cut out of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from splatworker.errors import InvalidJob
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.cut import with_views
from splatworker.sfm.photo import PhotoHeader, frames_of
from splatworker.sfm.views import TRIPOD_DEG

MOST_VIEWS = 1500
"""Views that all panoramas together may be cut into: each is matched, and trained on, like a photo."""


def demand_few_enough(photos: Sequence[PhotoHeader], longest: int) -> None:
    """Refuse more panoramas than can be cut into views with a longest side of so many pixels.

    Raises:
        InvalidJob: their views are more than `MOST_VIEWS`.
    """
    panoramas = [photo for photo in photos if photo.area]
    views = len(with_views(panoramas, longest)[0])
    if views > MOST_VIEWS:
        raise InvalidJob(
            f"{len(panoramas)} panoramas would be cut into {views} views; at most {MOST_VIEWS} can be used.",
            hint="Leave some out.",
            stage="sfm",
        )


def count(photos: Sequence[PhotoHeader]) -> int:
    """How many panoramas the views among the photos were cut out of."""
    return len({photo.panorama for photo in photos if photo.view})


def views_kept(model: pycolmap.Reconstruction, photos: Sequence[PhotoHeader]) -> list[dict[str, Any]]:
    """The views that have a camera: their panorama, name and size in pixels; `photos[image_id - 1]` is an image's."""
    kept = [photos[image_id - 1] for image_id in sorted(model.reg_image_ids())]
    return [
        {"panorama": photo.panorama, "name": photo.name, "width": photo.width, "height": photo.height}
        for photo in kept
        if photo.view
    ]


def remarks(photos: Sequence[PhotoHeader]) -> Iterator[str]:
    """What the user should know of how panoramas were used."""
    panoramas = count(photos)
    if not panoramas:
        return
    views = sum(photo.view is not None for photo in photos)
    given = len(set(frames_of(photos)))
    of = "All" if panoramas == given else f"{panoramas} of {given}"
    yield (
        f"{of} photos are 360-degree panoramas: they were cut into {views} views, and what lies within "
        f"{TRIPOD_DEG:.0f} degrees of straight down, where the tripod stands, was ignored."
    )
