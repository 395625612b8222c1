"""COLMAP's model as a problem of `adjustment`, and back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.sfm import adjuster, adjustment, model_arrays
from splatworker.sfm.accelerator import NONE, Accelerator
from splatworker.sfm.colmap import pycolmap


@dataclass(frozen=True)
class ModelProblem:
    """A problem, and the model's ids of its photos, lenses and points, each in ascending order."""

    problem: adjustment.Problem
    images: list[int]
    cameras: list[int]
    points: list[int]


def why_not(model: pycolmap.Reconstruction) -> str:
    """Why the adjustment of our own is not for this model, a clause; empty where it is."""
    if not adjustment.has_kernel():
        return "this installation has no compiled kernel"
    if any(rig.num_sensors() > 1 for rig in model.rigs.values()):
        return "photos are views of one panorama, which move together"
    if unknown := unknown_lenses(model):
        return f"its lens model is {unknown[0]}"
    if not can_solve(model.num_reg_images(), list(model.cameras.values())):
        return f"{model.num_reg_images()} photos are many for a dense system"
    return ""


def unknown_lenses(model: pycolmap.Reconstruction) -> list[str]:
    """The names of lens models that our kernels do not know: of such a model there is no `problem_of`."""
    return [camera.model_name for camera in model.cameras.values() if int(camera.model) not in adjustment.PARAMETERS]


def can_solve(photos: int, cameras: Sequence[pycolmap.Camera]) -> bool:
    """Whether so many photos with such cameras can be adjusted."""
    parameters = [adjustment.PARAMETERS.get(int(camera.model)) for camera in cameras]
    known = [number for number in parameters if number is not None]
    return len(known) == len(parameters) and 6 * photos + sum(known) <= adjustment.MOST_UNKNOWNS


def adjust_model(
    model: pycolmap.Reconstruction,
    fixed: Collection[int] = (),
    *,
    loss: adjustment.Loss = "plain",
    scale: float = 1.0,
    tolerance: float = 1e-7,
    most_iterations: int = 100,
    threads: int = 1,
    folder: Path | None = None,
    arrays: model_arrays.ModelArrays | None = None,
    on_the_way: bool = False,
    accelerator: Accelerator = NONE,
) -> adjustment.Adjusted:
    """Adjust all cameras and points of a model in place: focal lengths and distortion too, but principal points stay.

    The frame stays as well: the first camera, and the longest baseline from it by its largest component. And so does
    the whole model where no minimum was found: `Adjusted.end` says so.

    Args:
        fixed: ids of cameras whose intrinsics stay.
        folder: for the files in between; the system's by default.
        arrays: the model's, if they have been read.
        on_the_way: the model moves also where there were too few steps to a minimum.
        accelerator: a GPU, if any, that adjusts many photos.

    Raises:
        ValueError: there is nothing to adjust, or a number is not finite. The model is as it was.
    """
    found = problem_of(model, fixed, folder, arrays)
    adjusted = adjuster.adjust(
        found.problem,
        loss=loss,
        scale=scale,
        tolerance=tolerance,
        most_iterations=most_iterations,
        threads=threads,
        accelerator=accelerator,
    )
    if adjusted.end == "converged" or (on_the_way and adjusted.end == "most iterations"):
        _write_back(model, found, adjusted)
    return adjusted


def problem_of(
    model: pycolmap.Reconstruction,
    fixed: Collection[int] = (),
    folder: Path | None = None,
    arrays: model_arrays.ModelArrays | None = None,
) -> ModelProblem:
    """A model of photos with a pose each and without `unknown_lenses`.

    Args:
        fixed: ids of cameras whose intrinsics stay.
        folder: for the files in between; the system's by default.
        arrays: the model's, if they have been read: then without such files.
    """
    arrays = arrays or model_arrays.read(model, folder)
    records, camera_ids = list(arrays.images.values()), sorted(model.cameras)
    poses = np.array([record.pose for record in records]).reshape(-1, 7)[:, [1, 2, 3, 0, 4, 5, 6]]
    lens_of = [camera_ids.index(record.camera_id) for record in records]
    photo, point, seen = arrays.observations()
    parameters = np.zeros((len(camera_ids), 8))
    for row, camera_id in enumerate(camera_ids):
        values = model.cameras[camera_id].params
        parameters[row, : len(values)] = values
    problem = adjustment.Problem(
        poses=poses,
        parameters=parameters,
        points=arrays.points,
        model=np.array([int(model.cameras[camera_id].model) for camera_id in camera_ids], np.int32),
        free_lens=np.array(
            [0 if camera_id in fixed else _free_parameters(model.cameras[camera_id]) for camera_id in camera_ids],
            np.uint8,
        ),
        lens_of=np.array(lens_of, np.int32),
        free_pose=free_poses(poses),
        photo=photo,
        point=point.astype(np.int32),
        seen=seen,
    )
    return ModelProblem(problem, list(arrays.images), camera_ids, arrays.point_ids.tolist())


def rotations_of(poses: adjustment.Floats) -> adjustment.Floats:
    """(P, 3, 3) of (P, 7) poses, which begin with a quaternion x, y, z, w."""
    return np.array([pycolmap.Rotation3d(pose[:4]).matrix() for pose in poses]).reshape(-1, 3, 3)


def free_poses(poses: adjustment.Floats) -> npt.NDArray[np.uint8]:
    """What of each pose is adjusted so that the frame stays: nothing of the first, and not the scale.

    Seven directions (three to turn, three to move, one to grow) change no residual; left free they would rest on the
    damping alone. Growing about the first center moves the translation of another photo along R (center - first): of
    the photo furthest away the largest component of that is held.
    """
    free = np.full(len(poses), adjustment.TURN_AND_PLACE, np.uint8)
    if len(poses) == 0:
        return free
    rotations = rotations_of(poses)
    centers = np.array([-rotation.T @ pose[4:] for rotation, pose in zip(rotations, poses, strict=True)])
    free[0] = 0
    baselines = centers - centers[0]
    furthest = int(np.linalg.norm(baselines, axis=1).argmax())
    if furthest:
        component = int(np.abs(rotations[furthest] @ baselines[furthest]).argmax())
        free[furthest] &= ~np.uint8(1 << (3 + component))
    return free


def _free_parameters(camera: pycolmap.Camera) -> int:
    """Bits of the focal lengths and of the distortion."""
    return sum(1 << index for index in (*camera.focal_length_idxs(), *camera.extra_params_idxs()))


def _write_back(model: pycolmap.Reconstruction, found: ModelProblem, adjusted: adjustment.Adjusted) -> None:
    for image_id, pose, free in zip(found.images, adjusted.poses, found.problem.free_pose, strict=True):
        if free:
            moved = pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:4]), pose[4:])
            image = model.image(image_id)
            model.frame(image.frame_id).set_cam_from_world(image.camera_id, moved)
    for camera_id, parameters, free in zip(found.cameras, adjusted.parameters, found.problem.free_lens, strict=True):
        if free:
            camera = model.cameras[camera_id]
            camera.params = parameters[: adjustment.PARAMETERS[int(camera.model)]]
    for point_id, position in zip(found.points, adjusted.points, strict=True):
        model.point3D(point_id).xyz = position
