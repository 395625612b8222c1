"""The colours of points: of each the mean of what the photos that see it show where they see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Seen:
    """What a photo shows of points.

    Attributes:
        points: (N,) their ids.
        colours: (N, 3) red, green and blue, 0 to 255, not rounded.
    """

    points: npt.NDArray[np.uint64]
    colours: npt.NDArray[np.float64]


def look(photo: npt.NDArray[np.uint8], observations: npt.NDArray[np.void]) -> Seen:
    """What a photo, (height, width, 3), shows where its observations are, each an "xy" and a "point".

    Between the middles of four pixels in proportion; of what lies beyond those at the edge nothing is said.
    """
    height, width = photo.shape[:2]
    places = observations["xy"] - 0.5
    inside = ((places >= 0) & (places < np.array([width - 1, height - 1]))).all(axis=1)
    corner = places[inside].astype(int)
    across, down = (places[inside] - corner).T[:, :, None]
    (x, y) = corner.T
    above = photo[y, x] * (1 - across) + photo[y, x + 1] * across
    below = photo[y + 1, x] * (1 - across) + photo[y + 1, x + 1] * across
    return Seen(observations["point"][inside], above * (1 - down) + below * down)


def means(all_seen: Sequence[Seen]) -> dict[int, bytes]:
    """Point id -> its colour, three bytes; summed in the order of the photos."""
    points = np.concatenate([seen.points for seen in all_seen]) if all_seen else np.zeros(0, np.uint64)
    if not len(points):
        return {}
    ids, place = np.unique(points, return_inverse=True)
    colours = np.concatenate([seen.colours for seen in all_seen])
    sums = np.stack([np.bincount(place, colours[:, k], len(ids)) for k in range(3)], axis=1)
    rounded = np.floor(sums / np.bincount(place)[:, None] + 0.5).astype(np.uint8)
    return dict(zip(ids.tolist(), map(bytes, rounded), strict=True))
