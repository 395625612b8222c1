"""Each camera found anew by what the others say: by points that at least two other photos fix.

A photo's own rays pull at every point that it shows, so that a model can fit everywhere and be wrong: photos of a flat
scene whose half came out mirrored in depth see nearly the same. Without its own rays a photo's points lie where the
others have them, and its camera, found by these (`resection`), comes out elsewhere.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from splatworker.sfm import model_arrays, some_of_many, tracks
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.model_adjustment import problem_of, rotations_of, unknown_lenses
from splatworker.sfm.resection import Rules
from splatworker.sfm.tracks import Floats

try:
    from splatworker import _mapping
except ImportError:  # an installation without compiled kernels: nothing is asked
    _mapping = None  # type: ignore[assignment]

FEWEST = 30
"""Points by which a photo is asked."""

ENOUGH = 250
"""Of many photos each is asked by so many, where it has more."""

ELSEWHERE_DEG, ELSEWHERE = 0.5, 0.01
"""How far off a camera is elsewhere: its direction, and its place in the extent of all cameras."""

BETTER = 1.25
"""And it errs so many times as much, of what holds elsewhere: of a flat scene far away many places do about as well
(1.0), of real ones mirrored in depth it was 1.3 to 4 for nearly all."""

_RULES = Rules(max_error=4.0)

_WORST_CONDITION = 1e5
"""Of the equations for a point: rays that hardly meet say nothing of its depth."""


def elsewhere(
    model: pycolmap.Reconstruction, arrays: model_arrays.ModelArrays | None = None, threads: int = 1
) -> set[int]:
    """The ids of images whose cameras come out elsewhere, or nowhere.

    Of photos with too few points nothing is said, nor without compiled kernels, nor by a lens
    that they do not know.

    Args:
        arrays: the model's, if they have been read.
    """
    if not tracks.has_kernel() or unknown_lenses(model):
        return set()
    found = problem_of(model, arrays=arrays)
    problem = found.problem
    if not len(problem.photo):
        return set()
    if len(problem.poses) > some_of_many.MANY_PHOTOS:
        problem = some_of_many.of_enough_points(problem, ENOUGH)
    rotations = rotations_of(problem.poses)
    centers = -np.einsum("nji,nj->ni", rotations, problem.poses[:, 4:])
    extent = float(np.linalg.norm(centers - centers.mean(axis=0), axis=1).max())
    rays = np.ones((len(problem.seen), 3))
    for lens in range(len(problem.model)):
        of_lens = problem.lens_of[problem.photo] == lens
        seen = np.ascontiguousarray(problem.seen[of_lens])
        rays[of_lens, :2] = _mapping.rays(seen, int(problem.model[lens]), problem.parameters[lens])
    from_camera = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    rays = np.einsum("nji,nj->ni", rotations[problem.photo], from_camera)
    equations, of_points, times = _equations(rays, centers[problem.photo], problem.point, len(problem.points))
    order = np.argsort(problem.photo, kind="stable")
    first = np.searchsorted(problem.photo[order], np.arange(len(found.images) + 1))

    def is_elsewhere(photo: int) -> bool:
        rows = order[first[photo] : first[photo + 1]]
        of = problem.point[rows]
        points, told = _nearest(of_points[of] - equations[rows], times[of] - 1)
        rows, points = rows[told], points[told]
        if len(rows) < FEWEST:
            return False
        lens = problem.lens_of[photo]
        anew = _mapping.resect(
            np.ascontiguousarray(problem.seen[rows]), points, int(problem.model[lens]),
            problem.parameters[lens], 0, np.ones(1), seed=0, photo=photo, max_error=_RULES.max_error,
            confidence=_RULES.confidence, max_trials=_RULES.max_trials,
        )  # fmt: skip
        if anew is None:
            return True
        rotation = rotations_of(anew[0][None])[0]
        cosine = (np.trace(rotation @ rotations[photo].T) - 1) / 2
        shift = np.linalg.norm(-rotation.T @ anew[0][4:] - centers[photo])
        if not (np.degrees(np.arccos(np.clip(cosine, -1, 1))) > ELSEWHERE_DEG or shift > ELSEWHERE * extent):
            return False
        held, along = points[anew[2]], from_camera[rows[anew[2]]]
        before, after = (np.square(_angles(pose, held, along)).mean() for pose in (problem.poses[photo], anew[0]))
        return bool(before > BETTER**2 * after)

    with ThreadPoolExecutor(threads) as pool:  # the kernel lets go of Python's lock
        answers = pool.map(is_elsewhere, range(len(found.images)))
        return {image_id for image_id, answer in zip(found.images, answers, strict=True) if answer}


def _angles(pose: Floats, points: Floats, rays: Floats) -> Floats:
    """(N,) how far (N, 3) points in the world are from (N, 3) rays of a camera, about in radians."""
    there = points @ rotations_of(pose[None])[0].T + pose[4:]
    return np.asarray(np.linalg.norm(np.cross(rays, there), axis=1) / np.maximum(np.linalg.norm(there, axis=1), 1e-12))


def _equations(
    rays: Floats, centers: Floats, point: npt.NDArray[np.int32], count: int
) -> tuple[Floats, Floats, npt.NDArray[np.intp]]:
    """For the place nearest to rays: what each of them asks, (N, 12), a matrix and its right side; the sums of these
    of each point's rays, (count, 12), and how many they are.

    Args:
        rays, centers: (N, 3) each, directions of length 1 and where they begin.
        point: (N,) which of `count` points each belongs to.
    """
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]  # how far from the ray, squared
    toward = np.einsum("nij,nj->ni", across, centers)
    rows = np.concatenate([across.reshape(-1, 9), toward], axis=1)
    sums = np.stack([np.bincount(point, column, count) for column in rows.T], axis=1).astype(np.float64)
    return rows, sums, np.bincount(point, minlength=count)


def _nearest(equations: Floats, rays: npt.NDArray[np.intp]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The places that (N, 12) sums of so many rays' equations give, (N, 3), and which of them these fix."""
    matrices = equations[:, :9].reshape(-1, 3, 3)
    halves = np.trace(matrices, axis1=1, axis2=2) / 2  # two of its three eigenvalues are about that
    told = (rays > 1) & (np.linalg.det(matrices) * _WORST_CONDITION > np.maximum(halves, 1e-12) ** 3)
    places = np.zeros((len(equations), 3))
    places[told] = np.linalg.solve(matrices[told], equations[told, 9:, None])[:, :, 0]
    return places, told
