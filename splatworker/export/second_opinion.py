"""What a segmentation network thinks of an object that geometry has found, and what of it is believed.

The network looks at one photo at a time, and knows nothing of depth: it may take another thing in every photo, take a
stool along with what lies on it, leave holes, or see nothing. So a photo has a vote only where

1. the network is sure of what it shows, and
2. shows there about what geometry has found,

and they count only where most photos have one. A Gaussian's vote is the mean of the masks that it is seen through, by
how much of the photos it colours (`votes`): what one mask has got wrong, the others outvote. What lies outside goes, a
rest of the support or a haze of the background. Nothing comes that geometry had left out: of photos it brought no more
than specks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.export.object_alone import ObjectAlone
from splatworker.export.visibility import LEAST_WEIGHT
from splatworker.export.votes import vote
from splatworker.formats.camera import Camera
from splatworker.render.interface import GaussianTensors, Renderer

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

MOST_UNSURE = 0.03
"""The share of a photo's pixels that the network may be unsure of: beyond, the photo does not vote."""

LEAST_AGREEMENT = 0.7
"""What a mask and what is drawn of the object have in common, of what either shows (IoU): below, it does not vote."""

LEAST_VOTERS = 0.5
"""The share of the photos that vote, at least."""

STAYS = 0.5
"""How much of a Gaussian photos show within the masks, for it to stay."""


@dataclass(frozen=True)
class Opinion:
    """What came of asking the network.

    Attributes:
        keep: (N,) the object's Gaussians, those of geometry alone where it is not believed.
        doubt: why it is not believed, in words; "" where it is.
        told: figures for whoever wants to know.
    """

    keep: Mask
    doubt: str
    told: dict[str, float | int]


def sharpen(
    found: ObjectAlone,
    masks: Sequence[Floats],
    unsure: Sequence[float],
    cameras: Sequence[Camera],
    gaussians: GaussianTensors,
    renderer: Renderer,
    progress: Callable[[float], None] = lambda share: None,
) -> Opinion:
    """Let the masks vote about an object.

    Args:
        masks, unsure, cameras: (H, W) in [0, 1], the share of its pixels that is unsure, and the camera of each photo.
        gaussians: the scene's.
    """
    sure = np.array(unsure) <= MOST_UNSURE
    agree = np.array([agreement(mask, drawn) for mask, drawn in zip(masks, found.masks, strict=True)])
    voters: list[int] = np.flatnonzero(sure & (agree >= LEAST_AGREEMENT)).tolist()
    told: dict[str, float | int] = {
        "photos": len(masks),
        "photos_voting": len(voters),
        "unsure": round(float(np.median(unsure)), 4),
        "agreement": round(float(np.median(agree)), 4),
    }
    if sure.mean() < LEAST_VOTERS:
        return Opinion(found.keep, "the network is not sure of what the photos show", told)
    if len(voters) < LEAST_VOTERS * len(masks):
        return Opinion(
            found.keep, "the network takes something else in most photos than what the cameras look at", told
        )
    votes = vote(
        renderer, gaussians, found.keep, [cameras[at] for at in voters], progress, given=[masks[at] for at in voters]
    )
    keep = found.keep & ((votes.share > STAYS) | (votes.weight < LEAST_WEIGHT))
    return Opinion(keep, "", told | {"left_out": int(np.count_nonzero(found.keep & ~keep))})


def agreement(mask: Floats, drawn: Floats) -> float:
    """What two masks of a photo have in common, of what either shows; 0 where neither shows anything."""
    ours, theirs = mask > 0.5, drawn > 0.5
    return int((ours & theirs).sum()) / max(1, int((ours | theirs).sum()))
