"""Whether the cameras are found by what masks keep, or by all that the photos show: decided by evidence.

Masks help where what they hide does not move as the subject does: behind a turntable, on a watermarked photo, under a
tripod. Where somebody has walked around the subject, what is behind it carries the cameras, and a photo without it may
be lost. Both are seen in matches of all features, of which a mask takes away those that it hides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.sfm import database
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import MatchGraph, third_best
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.pairs import Pair
from splatworker.sfm.photo import FORMATS, PhotoHeader
from splatworker.sfm.workbench import Workbench

LITTLE = 1 / 3
"""Masks that hide a smaller share of the features are heeded: there is next to nothing to lose."""

STILL_PIXELS = 0.003
"""Of the photo's longer side: a hidden feature that moves less from one photo to the other stands still..."""

STILL_SHARE = 0.5
"""... and where so large a share of the matches of hidden features does, so does what is hidden."""

FEWEST_STILL = 50
"""Matches of hidden features that are needed to say so."""

ENOUGH_MATCHES = 100
"""Where half of the photos keep as many verified matches as this with their third best partner, the subject alone is
enough. The same number separates easy from hard photo sets (`search.THIN_MATCHES`)."""

MASKED = " masked"
"""What the name of a look with masks ends with."""

_Keypoints = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """What speaks for the masks and what against them.

    Attributes:
        masked: how many photos have a mask that could be heeded.
        hidden: the share of all features that masks hide.
        still: the share of the hidden features' matches that stand still; None where there are too few.
        matches: verified matches that masks leave a photo and its third best partner, in the median.
        heeded: whether masks are heeded, at first.
        reason: why, a clause.
    """

    masked: int
    hidden: float
    still: float | None
    matches: float
    heeded: bool
    reason: str

    @property
    def is_still(self) -> bool:
        """What masks hide stands still: cameras found by it would be those of the room, and not of the subject."""
        return self.still is not None and self.still > STILL_SHARE


def used_masks(attempt: Attempt) -> bool:
    """Whether an attempt stands on features that no mask hides."""
    return attempt.look.endswith(MASKED)


def weigh(bench: Workbench, graph: MatchGraph) -> Evidence | None:
    """Look at what masks would take from the features and matches of a look; None where no photo has such a mask."""
    with pycolmap.Database.open(bench.database) as opened:
        images = {image.image_id: image.name for image in opened.read_all_images()}
        keypoints = {image_id: _positions(opened, image_id) for image_id in images}
        hides = {image_id: _hidden(bench, name, keypoints[image_id]) for image_id, name in images.items()}
        if all(hidden is None for hidden in hides.values()):
            return None
        is_hidden = {
            image_id: np.zeros(len(keypoints[image_id]), bool) if hidden is None else hidden
            for image_id, hidden in hides.items()
        }
        still, moved = 0, 0
        kept: dict[Pair, int] = {}
        for pair_id, matches in zip(*opened.read_all_matches(), strict=True):
            first, second = pycolmap.pair_id_to_image_pair(pair_id)
            pairs = np.asarray(matches, dtype=np.int64).reshape(-1, 2)
            both = is_hidden[first][pairs[:, 0]] & is_hidden[second][pairs[:, 1]]
            shift = keypoints[first][pairs[both, 0]] - keypoints[second][pairs[both, 1]]
            longest = max(float(keypoints[first].max(initial=1.0)), float(keypoints[second].max(initial=1.0)))
            standing = int((np.hypot(*shift.T) < STILL_PIXELS * longest).sum())
            still, moved = still + standing, moved + len(shift) - standing
        for pair_id, geometry in zip(*opened.read_two_view_geometries(), strict=True):
            first, second = pycolmap.pair_id_to_image_pair(pair_id)
            pairs = np.asarray(geometry.inlier_matches, dtype=np.int64).reshape(-1, 2)
            kept[first, second] = int((~is_hidden[first][pairs[:, 0]] & ~is_hidden[second][pairs[:, 1]]).sum())
    count = sum(len(hidden) for hidden in is_hidden.values())
    share = sum(int(hidden.sum()) for hidden in is_hidden.values()) / max(1, count)
    standing_share = still / (still + moved) if still + moved >= FEWEST_STILL else None
    matches_left = third_best(graph.images, kept)
    heeded, reason = _decide(share, standing_share, matches_left)
    masked = sum(hidden is not None for hidden in hides.values())
    return Evidence(
        masked,
        round(share, 3),
        None if standing_share is None else round(standing_share, 3),
        matches_left,
        heeded,
        reason,
    )


def _decide(hidden: float, still: float | None, matches: float) -> tuple[bool, str]:
    if hidden < LITTLE:
        return True, "they hide little"
    if still is not None and still > STILL_SHARE:
        return True, "what they hide stands still while the subject turns"
    if matches >= ENOUGH_MATCHES:
        return True, "what they keep is enough"
    return False, "what they hide moves with the subject, and without it there is too little to go by"


def masked_look(bench: Workbench, photos: Sequence[PhotoHeader], groups: Sequence[CameraGroup]) -> Workbench:
    """A workbench beside a look's, with those of its features that no mask hides, still to be matched."""
    inside = dataclasses.replace(bench, folder=bench.folder.with_name(f"{bench.folder.name}{MASKED}"))
    inside.folder.mkdir()
    database.create(inside.database, photos, groups, bench.options.camera_model)
    with pycolmap.Database.open(bench.database) as found, pycolmap.Database.open(inside.database) as kept:
        names = {image.image_id: image.name for image in found.read_all_images()}
        with pycolmap.DatabaseTransaction(kept):
            for image_id, name in names.items():
                if not found.exists_descriptors(image_id):
                    continue
                keypoints, descriptors = found.read_keypoints(image_id), found.read_descriptors(image_id)
                hidden = _hidden(bench, name, _positions(found, image_id))
                if hidden is not None:
                    keypoints = np.ascontiguousarray(keypoints[~hidden])
                    descriptors.data = np.ascontiguousarray(descriptors.data[~hidden])
                kept.write_keypoints(image_id, keypoints)
                kept.write_descriptors(image_id, descriptors)
    return inside


def _positions(opened: pycolmap.Database, image_id: int) -> _Keypoints:
    """(N, 2) x and y of an image's keypoints, in pixels."""
    if not opened.exists_keypoints(image_id):
        return np.zeros((0, 2), np.float32)
    return np.asarray(opened.read_keypoints(image_id), np.float32)[:, :2]


def _hidden(bench: Workbench, name: str, keypoints: _Keypoints) -> npt.NDArray[np.bool_] | None:
    """(N,) which keypoints a photo's mask hides; None where it has none that could be heeded."""
    path = bench.optional_masks / f"{name}.png"
    if not path.exists():
        return None
    with Image.open(path, formats=FORMATS) as image:
        mask = np.asarray(image.convert("L"))
    column = np.clip(keypoints[:, 0].astype(int), 0, mask.shape[1] - 1)
    row = np.clip(keypoints[:, 1].astype(int), 0, mask.shape[0] - 1)
    return np.asarray(mask[row, column] == 0)
