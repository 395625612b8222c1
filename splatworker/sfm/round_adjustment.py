"""How a model that grows in rounds is adjusted: all of it, what is near the photos that were added, or the cameras by
some of the points, which the others follow.

All of it is what costs most. Of one subject that many photos see from all around every point is seen by more photos the
more there are, so the time of a step grows faster than photos and pairs do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.sfm import adjuster, adjustment, model_adjustment, some_of_many, tracks
from splatworker.sfm.round_work import Work

MANY_PHOTOS = some_of_many.MANY_PHOTOS
"""With more of them in the model each that is added moves the others little. So all are adjusted less often, by fewer
points, and not as far."""

NEAR_POINTS = 30
"""A photo is near others if it shows so many points that they do."""

FEW_PHOTOS = 5
"""With fewer the intrinsics stay: two or three photos cannot tell a lens from a bend in the scene."""

DRAFT_SEEN = 200
"""By so many of its observations, where it has more, each of many photos is adjusted while the model grows."""

_DRAFT_STEPS, _DRAFT_TOLERANCE = 15, 1e-4
"""While the model grows an adjustment takes so many steps at most, and ends when one lowers the cost by less than this
share: the next round's begins where it ends."""

_LAST_STEPS, _TOLERANCE = 100, 1e-5
"""At the end. To 1e-6 the cameras of six rendered scenes came out as near to the truth, in twice the steps."""

_MANY_DRAFT_TOLERANCE, _MANY_TOLERANCE = 1e-3, 1e-4
"""Of so many photos while the model grows, and at the end, from where `polish` goes on."""

_FOLLOWING_STEPS = 2
"""Of points by themselves, when cameras have moved: each then is where they have it but for a hundredth of a pixel."""

_LOSS: adjustment.Loss = "huber"
"""From a pixel on, also at the end: some wrong matches pass every filter. With squares alone there the cameras of seven
rendered scenes of seven came out worse (docs/cameras.md)."""

Rows = npt.NDArray[np.intp]
Yes = npt.NDArray[np.bool_]


def are_many(work: Work) -> bool:
    """Whether the model has many photos."""
    return len(work.placed) > MANY_PHOTOS


def adjust_draft(work: Work) -> None:
    """While the model grows: everything, on the way to a minimum."""
    if are_many(work):
        _adjust_by_some(work, _MANY_DRAFT_TOLERANCE)
    else:
        _adjusted(work, work.placed, _seen(work), _DRAFT_TOLERANCE, _DRAFT_STEPS)


def adjust_to_the_end(work: Work) -> bool:
    """Whether all cameras and points are at a minimum."""
    tolerance = _MANY_TOLERANCE if are_many(work) else _TOLERANCE
    found = _adjusted(work, work.placed, _seen(work), tolerance, _LAST_STEPS)
    return found is not None and found.end == "converged"


def adjust_near(work: Work, added: list[int]) -> bool:
    """Adjust the photos that were added and those near them, beside all that sees the same points and stays where it
    is; False where that is nearly all, or nothing.
    """
    model, seen = work.model, _seen(work)
    photo, point = model.features.photo[seen], model.point_of[seen]

    def shown_by(photos: Yes) -> Yes:
        points = np.zeros(len(model.points), bool)
        points[point[photos[photo]]] = True
        return points[point]

    new = np.zeros(len(work.sizes), bool)
    new[added] = True
    moving = new | (np.bincount(photo[shown_by(new)], minlength=len(new)) >= NEAR_POINTS)
    rows = shown_by(moving)
    around = np.unique(photo[rows])
    if np.count_nonzero(moving[around]) > len(work.placed) / 2 or moving[around].all():
        return False
    return _adjusted(work, around, seen[rows], _MANY_DRAFT_TOLERANCE, _DRAFT_STEPS, moving[around]) is not None


def _adjust_by_some(work: Work, tolerance: float) -> None:
    """All cameras, by enough points of each; then the other points, by the cameras as they are."""
    model, seen = work.model, _seen(work)
    point = model.point_of[seen]
    chosen = some_of_many.enough_points(model.features.photo[seen], point, len(model.points), DRAFT_SEEN)[point]
    if _adjusted(work, work.placed, seen[chosen], tolerance, _DRAFT_STEPS) is not None:
        still = np.zeros(len(work.placed), bool)
        _adjusted(work, work.placed, seen[~chosen], tolerance, _FOLLOWING_STEPS, still)


def _seen(work: Work) -> Rows:
    """The features that have a point."""
    return np.flatnonzero(work.model.point_of != tracks.NONE)


def _adjusted(
    work: Work,
    photos: npt.NDArray[np.integer],
    seen: Rows,
    tolerance: float,
    steps: int,
    moving: Yes | None = None,
) -> adjustment.Adjusted | None:
    """What became of the model by an adjustment; None where nothing could be adjusted.

    Args:
        photos: rising, those that see the points.
        seen: the features whose points are adjusted.
        moving: which of the photos move, while their lenses and the others stay; everything, if not given.
    """
    model = work.model
    lenses = np.flatnonzero(np.bincount(model.lenses.of[photos]))
    is_seen = np.zeros(len(model.points), bool)
    is_seen[model.point_of[seen]] = True
    points = np.flatnonzero(is_seen)
    number = np.cumsum(is_seen, dtype=np.int32) - 1
    if moving is None:
        free_pose = model_adjustment.free_poses(model.poses[photos])
        free_lens = np.zeros(len(lenses), np.uint8) if len(photos) < FEW_PHOTOS else work.free[lenses]
    else:
        free_pose = np.where(moving, adjustment.TURN_AND_PLACE, 0).astype(np.uint8)
        free_lens = np.zeros(len(lenses), np.uint8)
    problem = adjustment.Problem(
        poses=model.poses[photos],
        parameters=model.lenses.parameters[lenses],
        points=model.points[points],
        model=model.lenses.model[lenses],
        free_lens=free_lens,
        lens_of=np.searchsorted(lenses, model.lenses.of[photos]).astype(np.int32),
        free_pose=free_pose,
        photo=np.searchsorted(photos, model.features.photo[seen]).astype(np.int32),
        point=number[model.point_of[seen]].astype(np.int32),
        seen=model.features.seen[seen],
    )
    try:
        found = adjuster.adjust(
            problem,
            loss=_LOSS,
            tolerance=tolerance,
            most_iterations=steps,
            threads=work.threads,
            accelerator=work.accelerator,
        )
    except ValueError:  # all of its points were filtered out
        return None
    if found.end == "converged" or (steps <= _DRAFT_STEPS and found.end == "most iterations"):
        model.poses[photos], model.lenses.parameters[lenses] = found.poses, found.parameters
        model.points[points] = found.points
    return found
