"""Whether photos that were taken for one camera's share a lens, and whether lenses that were told apart are believed.

Asked before photos are placed, by what pairs of them say of a fisheye, and after, by what came of sharing a lens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache

from splatworker.sfm import agreement, bend, ladder, shared_lens
from splatworker.sfm.agreement import Verified
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.fisheye_photos import Fisheyes, fisheyes_among
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.workbench import Workbench

CERTAIN = 0.8
"""Share of the verified matches that agree closely with a model of several lenses which is believed at once."""

_PHOTOS_OF_EACH = 3


def in_question(
    bench: Workbench, groups: Sequence[CameraGroup], graph: MatchGraph, attempts: Sequence[Attempt]
) -> set[int]:
    """Ids of the cameras that may be several, by what came of sharing them.

    Those of which the gate found photos by another lens; all whose headers tell nothing if no model holds the photos;
    and all if a lens of its own fits each photo of the best model much better.
    """
    shared = {
        camera_id
        for camera_id, group in enumerate(groups, 1)
        if len(group.photos) >= shared_lens.FEWEST_PHOTOS and not group.calibration and not group.told
    }
    if not shared:
        return set()
    best = ladder.best(attempts) if attempts else None
    found: set[int] = set()
    if best is None or not ladder.good_enough(best, graph):
        found |= {camera_id for camera_id in shared if not groups[camera_id - 1].has_prior}
    if best is None or best.model is None:
        return found
    found |= {best.model.image(image_id).camera_id for image_id in best.inspection.other_lens} & shared
    if found != shared and differ(best, shared, bench):
        return shared
    return found


def fisheyes_of(
    bench: Workbench, photos: Sequence[PhotoHeader], groups: Sequence[CameraGroup], graph: MatchGraph
) -> Callable[[int], Fisheyes]:
    """What tells which photos of a camera, by its id, a fisheye took; each is looked at once, when it is asked for."""
    number = {photo.name: image_id for image_id, photo in enumerate(photos, 1)}

    @cache
    def fisheyes(camera_id: int) -> Fisheyes:
        group = groups[camera_id - 1]
        if bench.options.camera_model != "auto":
            return Fisheyes(frozenset(), 0.0)
        return fisheyes_among(bench, group, [number[photo.name] for photo in group.photos], graph.inliers)

    return fisheyes


def of_two_kinds(groups: Sequence[CameraGroup], fisheyes: Callable[[int], Fisheyes]) -> set[int]:
    """Ids of the cameras of which a fisheye took some photos and an ordinary lens others, before anything is placed.

    Args:
        fisheyes: as of `fisheyes_of`.
    """
    return {
        camera_id
        for camera_id, group in enumerate(groups, 1)
        if len(group.photos) >= shared_lens.FEWEST_PHOTOS
        and not (group.calibration or group.told or group.has_prior)
        and 0 < len(fisheyes(camera_id).images) < len(group.photos)
    }


def differ(attempt: Attempt, cameras: Collection[int], bench: Workbench) -> bool:
    """Whether photos of these cameras, of which there is a model, do not share a lens."""
    if attempt.model is None:
        return False
    left = shared_lens.share_left(
        attempt.model, cameras, bench.folder, arrays=attempt.inspection.arrays, threads=bench.threads
    )
    return left < shared_lens.ONE_LENS


def is_truer(attempts: Sequence[Attempt], before: Sequence[Attempt], bench: Workbench) -> bool:
    """Whether attempts gave a model with which more of the bench's matches agree closely than with any before."""
    found = ladder.best(attempts)
    if not found.plausible:
        return False
    models = [attempt.model for attempt in before if attempt.plausible and attempt.model is not None]
    verified = agreement.read_verified(bench.database)
    assert found.model is not None
    return closely(found.model, verified) > max((closely(model, verified) for model in models), default=0)


def is_certain(groups: Sequence[CameraGroup], graph: MatchGraph, attempts: Sequence[Attempt], bench: Workbench) -> bool:
    """Whether lenses that were told apart need no other attempt beside them: enough photos of each, all placed, and
    nearly all matches, whatever they join, agree closely.
    """
    found = ladder.best(attempts)
    if found.model is None or not ladder.good_enough(found, graph, may_miss=0.0):
        return False
    if any(len(group.photos) < _PHOTOS_OF_EACH for group in groups if group.told):
        return False
    verified = agreement.read_verified(bench.database)
    return closely(found.model, verified) >= CERTAIN * sum(len(matches) for matches in verified.matches.values())


def closely(model: pycolmap.Reconstruction, verified: Verified) -> int:
    """How many matches agree closely with a model; it may have other cameras than these were verified with."""
    return sum(agree for agree, _ in agreement.agreeing(model, verified, bend.CLOSE_PX).values())
