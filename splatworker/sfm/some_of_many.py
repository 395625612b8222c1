"""Of many photos some points, and some photos, that are enough to ask: for where cameras are, or how a lens draws.

The more photos there are, the more of them see each point, and what a point adds to the time of an adjustment grows
with the square of that. What it tells of a camera does not: that is as good as its own pixels are many, and spread. So
where all points follow later on, cameras are adjusted by some.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from splatworker.sfm import adjustment, model_adjustment

MANY_PHOTOS = 100
"""With no more photos than so all of them and all points are asked."""

ENOUGH_SEEN = 500
"""Of more some are asked, each by so many of its observations, where it has more: what a lens needs shows in these. By
250 it was chance whether 300 photos of a ring spoke for tangential distortion, which they had not."""

_SCRAMBLE, _TURNS = np.uint64(2654435761), np.uint64(2**32)
"""A multiplier (Knuth's) that brings the numbers of points in an order of no meaning."""

Yes = npt.NDArray[np.bool_]


def enough_points(photo: npt.NDArray[np.integer], point: npt.NDArray[np.integer], points: int, most: int) -> Yes:
    """(points,) which of them are chosen: those that some photo sees among its first `most`.

    First by an order that is the same for all photos and has nothing to do with where points are: so most of them are
    others' first, too, and those of a photo are spread as all of its own are.

    Args:
        photo: (R,) rising, of each observation.
        point: (R,) of each observation.
    """
    turn = np.arange(points, dtype=np.uint64) * _SCRAMBLE % _TURNS
    chosen = np.zeros(points, bool)
    ends = np.cumsum(np.bincount(photo)).tolist()
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        of_photo = point[begin:end]
        if len(of_photo) > most:
            turns = turn[of_photo]
            of_photo = of_photo[turns < np.partition(turns, most)[most]]
        chosen[of_photo] = True
    return chosen


def evenly(photos: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """`MANY_PHOTOS` of these, evenly chosen; all of no more."""
    if len(photos) <= MANY_PHOTOS:
        return photos
    chosen: npt.NDArray[np.intp] = photos[np.linspace(0, len(photos) - 1, MANY_PHOTOS).astype(int)]
    return chosen


def of_photos(problem: adjustment.Problem, photos: npt.NDArray[np.intp]) -> adjustment.Problem:
    """The problem of these photos alone, rising, and of enough points that two of them see; all but its frame is free
    to move.
    """
    kept = np.zeros(len(problem.poses), bool)
    kept[photos] = True
    number = np.cumsum(kept, dtype=np.int32) - 1
    times = np.bincount(problem.point[kept[problem.photo]], minlength=len(problem.points))
    some = _with(problem, kept[problem.photo] & (times > 1)[problem.point])
    some = dataclasses.replace(
        some,
        poses=problem.poses[photos],
        lens_of=problem.lens_of[photos],
        free_pose=model_adjustment.free_poses(problem.poses[photos]),
        photo=number[some.photo],
    )
    return of_enough_points(some, ENOUGH_SEEN)


def of_enough_points(problem: adjustment.Problem, most: int) -> adjustment.Problem:
    """The problem with the points alone that `enough_points` chooses of its own."""
    return _with(problem, enough_points(problem.photo, problem.point, len(problem.points), most)[problem.point])


def _with(problem: adjustment.Problem, rows: Yes) -> adjustment.Problem:
    """The problem with some of its observations."""
    return dataclasses.replace(problem, photo=problem.photo[rows], point=problem.point[rows], seen=problem.seen[rows])
