"""Do photos that share a camera share a lens? Asked of a finished model.

Photos that tell nothing are taken for one camera's by their size, and a header may keep silent about a zoom. A model of
two focal lengths that share one comes out whole, at an error of a pixel, with every camera a little wrong: nothing in
it shows that. But let each photo have a lens of its own, for some steps of adjustment, and its error falls to a part,
where that of photos of one lens hardly changes: by 2 to 5 % of the squares in fox, banana, brighton, sceaux, the
examples and a rendered ring; by 58 % of the same ring at focal lengths 1.06 apart, by 78 % at 1.2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

import numpy as np

from splatworker.sfm import adjustment, model_adjustment, model_arrays, some_of_many
from splatworker.sfm.colmap import pycolmap

ONE_LENS = 0.88
"""Photos share a lens if those of their own leave at least this share of the cost."""

FEWEST_PHOTOS = 4
"""Fewer photos cannot tell a lens of each from how they stand."""

_STEPS, _TOLERANCE = 10, 1e-4


def share_left(
    model: pycolmap.Reconstruction,
    cameras: Collection[int],
    folder: Path | None = None,
    *,
    arrays: model_arrays.ModelArrays | None = None,
    threads: int = 1,
) -> float:
    """The share of the model's cost (Huber's, from a pixel on) that is left if each photo of these cameras may have a
    lens of its own; 1 where that cannot be asked.

    The model stays as it is. Poses of photos by other cameras are held, as those of panoramas' views are known.

    Args:
        folder: for the files in between; the system's by default.
        arrays: the model's, if they have been read.
    """
    if not adjustment.has_kernel() or model_adjustment.unknown_lenses(model):
        return 1.0
    found = model_adjustment.problem_of(model, folder=folder, arrays=arrays)
    asked = np.array([camera in cameras for camera in found.cameras])
    problem, candidates = found.problem, np.flatnonzero(asked[found.problem.lens_of])
    if len(candidates) > some_of_many.MANY_PHOTOS:
        problem = some_of_many.of_photos(problem, some_of_many.evenly(candidates))
    if int(asked[problem.lens_of].sum()) < FEWEST_PHOTOS:
        return 1.0
    of_asked = asked[problem.lens_of]
    free = np.array(
        [_first_two(model.cameras[camera]) if camera in cameras else 0 for camera in found.cameras], np.uint8
    )
    shared = dataclasses.replace(
        problem, free_lens=free, free_pose=np.where(of_asked, problem.free_pose, 0).astype(np.uint8)
    )
    own = dataclasses.replace(
        shared,
        parameters=problem.parameters[problem.lens_of],
        model=problem.model[problem.lens_of],
        free_lens=free[problem.lens_of],
        lens_of=np.arange(len(problem.poses), dtype=np.int32),
    )
    try:
        before, after = _costs(own, threads)
        if before <= 0 or after >= ONE_LENS * before:
            return after / before if before > 0 else 1.0
        return after / _costs(shared, threads)[1]  # a mapper may have left it short of where these lenses fit best
    except ValueError:  # nothing that could be moved
        return 1.0


def _costs(problem: adjustment.Problem, threads: int) -> tuple[float, float]:
    """Before and after the adjustment."""
    adjusted = adjustment.adjust(problem, loss="huber", most_iterations=_STEPS, tolerance=_TOLERANCE, threads=threads)
    return adjusted.initial_cost, adjusted.cost


def _first_two(camera: pycolmap.Camera) -> int:
    """Bits of the focal lengths and of the first distortion: what one photo tells of its lens."""
    return sum(1 << index for index in (*camera.focal_length_idxs(), *list(camera.extra_params_idxs())[:1]))
