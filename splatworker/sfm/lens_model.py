"""How many parameters a camera's lens needs: chosen by what the photos that share it say, one camera at a time.

Too few bend the scene: straight down over nearly flat ground a second coefficient of distortion was worth 60 % of AUC
at half a degree. Too many drift where nothing holds them: past a house two focal lengths and tangential distortion cost
9 %. So of SIMPLE_RADIAL, RADIAL and OPENCV (of a fisheye, the same of its kind) the next one is taken if

- it explains enough more for what it has more (the Bayesian information criterion, Schwarz 1978), and
- observations that were held out of the adjustment fall closer to where it has them: real errors hang together, and the
  criterion alone takes that for knowledge; and
- no coefficient is beyond what lenses have.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.sfm import adjustment, model_adjustment, model_arrays, some_of_many
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.gate import lens_fault

FEWEST_PHOTOS = 5
"""Fewer photos of a camera keep the lens that they were mapped with."""

LEAST_SEEN = 4
"""A point that so many photos see lends one of its observations: the others still tell where it is."""

STRETCHED = 0.003
"""Two focal lengths that differ by more are no lens's: sensors' pixels are square."""

TANGENTIAL = 0.005
"""Nor is a larger coefficient of tangential distortion, of a lens that is off its sensor's middle."""

_FAR_PX = 4.0
"""A held-out observation counts as no further off: beyond that it is a wrong match."""

_FLOOR_PX = 0.02
"""No feature's place is known better: what fits so well needs no further coefficient."""

_TOLERANCE = 1e-6

_RICHER = {
    pycolmap.CameraModelId.SIMPLE_RADIAL: (pycolmap.CameraModelId.RADIAL, pycolmap.CameraModelId.OPENCV),
    pycolmap.CameraModelId.SIMPLE_RADIAL_FISHEYE: (
        pycolmap.CameraModelId.RADIAL_FISHEYE,
        pycolmap.CameraModelId.OPENCV_FISHEYE,
    ),
}
"""What may come of the models that photos are mapped with: one coefficient more, and then one focal length and two."""

Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Lens:
    """A model and its parameters, as COLMAP orders them."""

    model: pycolmap.CameraModelId
    params: tuple[float, ...]


def richer_lenses(
    model: pycolmap.Reconstruction,
    fixed: Collection[int],
    *,
    threads: int = 1,
    folder: Path | None = None,
    arrays: model_arrays.ModelArrays | None = None,
) -> dict[int, Lens]:
    """Camera id -> the lens that its photos speak for, of the cameras that deserve another model than they have.

    Args:
        fixed: ids of cameras, and of the rigs that these begin, whose intrinsics stay.
        folder: for the files in between; the system's by default.
        arrays: the model's, if they have been read.

    Raises:
        ValueError: the model cannot be adjusted by our own kernel.
    """
    if model_adjustment.unknown_lenses(model):
        raise ValueError("a lens model is none of those that can be adjusted")
    found = model_adjustment.problem_of(model, fixed, folder, arrays)
    problem = _with_rigs_held(*_of_enough_photos(found), model)
    held = _held_out(problem)
    training = dataclasses.replace(
        problem, photo=problem.photo[~held], point=problem.point[~held], seen=problem.seen[~held]
    )
    photos = np.bincount(problem.lens_of, minlength=len(found.cameras))
    asked = [
        row
        for row, camera_id in enumerate(found.cameras)
        if camera_id not in fixed and model.cameras[camera_id].model in _RICHER and photos[row] >= FEWEST_PHOTOS
    ]
    best = _fitted(training, problem, held, threads) if asked else None
    chosen: dict[int, Lens] = {}
    for step in range(2):
        if best is None:
            break
        richer = {row: _RICHER[model.cameras[found.cameras[row]].model][step] for row in asked}
        tried = _fitted(_grown(training, best.parameters, richer), problem, held, threads)
        if tried is None:
            break
        for row, to in richer.items():
            before = chosen.get(found.cameras[row])
            more = adjustment.PARAMETERS[int(to)] - (len(before.params) if before else 4)
            camera = copy.deepcopy(model.cameras[found.cameras[row]])
            camera.model = to
            camera.params = tried.parameters[row][: adjustment.PARAMETERS[int(to)]]
            if _is_better(tried, best, row, more) and is_plausible(camera):
                chosen[found.cameras[row]] = Lens(to, tuple(camera.params.tolist()))
                best.errors[row], best.held[row] = tried.errors[row], tried.held[row]
        best = dataclasses.replace(best, parameters=tried.parameters)
    return chosen


def is_plausible(camera: pycolmap.Camera) -> bool:
    """Whether a lens may be so: pixels square, nearly, its middle near the sensor's, not bent beyond any other."""
    if abs(np.log(camera.focal_length_x / camera.focal_length_y)) > STRETCHED or lens_fault(camera):
        return False
    is_tangential = camera.model == pycolmap.CameraModelId.OPENCV
    return not is_tangential or bool(np.abs(camera.params[6:8]).max() <= TANGENTIAL)


@dataclass(frozen=True)
class _Fit:
    """Of each lens: its parameters (L, 8), the sum of squared errors over so many numbers, that of those held out."""

    parameters: Floats
    errors: Floats
    numbers: Floats
    held: Floats


def _fitted(
    training: adjustment.Problem, problem: adjustment.Problem, held: npt.NDArray[np.bool_], threads: int
) -> _Fit | None:
    """What an adjustment without the observations that are held out makes of both; None where it finds no minimum."""
    adjusted = adjustment.adjust(training, tolerance=_TOLERANCE, threads=threads)
    if adjusted.end == "stuck":
        return None
    there = dataclasses.replace(
        problem,
        poses=adjusted.poses,
        parameters=adjusted.parameters,
        points=adjusted.points,
        model=training.model,
        free_lens=np.zeros_like(training.free_lens),
    )
    residuals, _ = adjustment.derivatives(there)
    squared = np.nan_to_num((residuals**2).sum(axis=1), nan=0.0)
    lens_of = problem.lens_of[problem.photo]
    lenses = len(problem.parameters)
    return _Fit(
        adjusted.parameters,
        np.bincount(lens_of[~held], squared[~held], lenses).astype(np.float64),
        2 * np.bincount(lens_of[~held], minlength=lenses).astype(np.float64),
        np.bincount(lens_of[held], np.minimum(squared[held], _FAR_PX**2), lenses).astype(np.float64),
    )


def _is_better(richer: _Fit, simpler: _Fit, row: int, more: int) -> bool:
    numbers = richer.numbers[row]
    if numbers == 0:
        return False
    floor = numbers * _FLOOR_PX**2
    gain = numbers * np.log((simpler.errors[row] + floor) / (richer.errors[row] + floor))
    return bool(gain > more * np.log(numbers) and richer.held[row] < simpler.held[row])


def _of_enough_photos(found: model_adjustment.ModelProblem) -> tuple[adjustment.Problem, list[int]]:
    """The problem, of many photos that of some of each lens, and the ids of its images."""
    problem = found.problem
    if len(problem.poses) <= some_of_many.MANY_PHOTOS:
        return problem, found.images
    of_lenses = [some_of_many.evenly(np.flatnonzero(problem.lens_of == lens)) for lens in range(len(problem.model))]
    photos = np.sort(np.concatenate(of_lenses))
    return some_of_many.of_photos(problem, photos), [found.images[photo] for photo in photos]


def _held_out(problem: adjustment.Problem) -> npt.NDArray[np.bool_]:
    """One observation of each point that enough photos see, not always the first."""
    order = np.argsort(problem.point, kind="stable")
    counts = np.bincount(problem.point, minlength=len(problem.points))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    enough = np.flatnonzero(counts >= LEAST_SEEN)
    held = np.zeros(len(problem.photo), bool)
    held[order[starts[enough] + enough * 7919 % counts[enough]]] = True
    return held


def _grown(
    problem: adjustment.Problem, parameters: Floats, richer: dict[int, pycolmap.CameraModelId]
) -> adjustment.Problem:
    """The problem with richer lenses, which begin as they were: what is new is 0, or equal to what was there."""
    models, grown, free = problem.model.copy(), parameters.copy(), problem.free_lens.copy()
    for row, to in richer.items():
        f, cx, cy, k1 = parameters[row][:4]
        if to in (pycolmap.CameraModelId.RADIAL, pycolmap.CameraModelId.RADIAL_FISHEYE):
            values = [f, cx, cy, k1, 0.0]
            free[row] = 0b11001
        else:
            values = [f, f, cx, cy, k1, parameters[row][4], 0.0, 0.0]
            free[row] = 0b11110011
        grown[row] = 0.0
        grown[row][: len(values)] = values
        models[row] = int(to)
    return dataclasses.replace(problem, model=models, parameters=grown, free_lens=free)


def _with_rigs_held(
    problem: adjustment.Problem, images: list[int], model: pycolmap.Reconstruction
) -> adjustment.Problem:
    """The problem in which photos that are views of one panorama stay where they are."""
    alone = [model.rigs[model.frame(model.image(image_id).frame_id).rig_id].num_sensors() == 1 for image_id in images]
    return dataclasses.replace(problem, free_pose=np.where(alone, problem.free_pose, 0).astype(np.uint8))
