"""The splat turned upright: which way is up, and how Gaussians are turned, colours that depend on the view included."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.formats import rotations
from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.side_files import json_of
from splatworker.render.spherical_harmonics import basis

Matrix = npt.NDArray[np.float64]

HALF_TURN_ABOUT_Z = np.diag([-1.0, -1.0, 1.0])
"""PlayCanvas's tools take a splat's y to point down, and turn whatever they load by this: turned before, it stands
upright there. It is its own inverse."""

LEVEL_ENOUGH = 0.35
"""The sine of the angle between a camera's axis and the vertical from which on its photo has a top."""


def upright_rotation(scene: Path, cameras: list[Camera]) -> Matrix:
    """The rotation that turns a scene folder's up to +y.

    Ours are upright already, and `frame.json` says so. In others up is the mean of the cameras' own: people mostly
    hold them upright.
    """
    told = json_of(scene / "frame.json")
    if isinstance(told, dict) and str(told.get("axes")).startswith("y up"):
        return np.eye(3)
    up = -np.mean([camera.camera_from_world[1, :3] for camera in cameras], axis=0)
    if np.linalg.norm(up) < 0.1:
        return np.eye(3)
    return turn_to(up, np.array([0.0, 1.0, 0.0]))


def turn_to(direction: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> Matrix:
    """The smallest rotation that turns one direction to another."""
    direction, target = direction / np.linalg.norm(direction), target / np.linalg.norm(target)
    axis = np.cross(direction, target)
    if np.linalg.norm(axis) < 1e-9:
        across = np.eye(3)[np.abs(direction).argmin()]
        axis = np.cross(direction, across)
    axis /= np.linalg.norm(axis)
    half = np.arccos(np.clip(direction @ target, -1, 1)) / 2
    return rotations.matrices(np.concatenate([[np.cos(half)], np.sin(half) * axis]))


def quarter_turns(camera: Camera) -> int:
    """By how many quarter turns, anticlockwise, a photo of an upright scene must be turned to show it upright.

    A phone held upright stores its photos lying, with a tag that the scene's photos no longer have. A camera that looks
    straight up or down has no up: 0.
    """
    across, down, _ = camera.camera_from_world[:, 1]  # the world's y in the camera's frame: x right, y down
    if np.hypot(across, down) < LEVEL_ENOUGH:
        return 0
    return int(np.rint(np.arctan2(across, -down) / (np.pi / 2))) % 4


def rotate_camera(camera: Camera, rotation: Matrix) -> Camera:
    """The camera that sees of the turned scene what this one sees of the scene."""
    pose = camera.camera_from_world
    turned = np.hstack([pose[:, :3] @ rotation.T, pose[:, 3:]])
    return dataclasses.replace(camera, camera_from_world=turned)


def move_camera(camera: Camera, moved: Matrix) -> Camera:
    """The camera that sees of the moved world what this one sees of the world; `moved` is (4, 4), rigid."""
    turn = camera.camera_from_world[:, :3] @ moved[:3, :3].T
    shift = camera.camera_from_world[:, 3] - turn @ moved[:3, 3]
    return dataclasses.replace(camera, camera_from_world=np.hstack([turn, shift[:, None]]))


def rotate(gaussians: Gaussians, rotation: Matrix) -> Gaussians:
    """Turn a splat about the origin: centers, axes, and the colours' dependence on the direction of view."""
    if np.allclose(rotation, np.eye(3), atol=1e-9):
        return gaussians
    w, x, y, z = rotations.quaternion(rotation)
    # The quaternion product (w, x, y, z) * q as a matrix.
    product = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return dataclasses.replace(
        gaussians,
        means=(gaussians.means @ rotation.T).astype(np.float32),
        quaternions=(gaussians.quaternions @ product.T).astype(np.float32),
        sh_rest=_rotate_harmonics(gaussians, rotation),
    )


def _rotate_harmonics(gaussians: Gaussians, rotation: Matrix) -> npt.NDArray[np.float32]:
    """The harmonics of the turned colours: g(d) = f(R^T d), degree by degree.

    The harmonics of a degree turn among themselves, by a matrix that their values in more directions than there are
    coefficients determine.
    """
    degree = gaussians.sh_degree
    directions = np.random.default_rng(0).normal(size=(64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    values = basis(directions, degree)
    turned = basis(directions @ rotation, degree)
    rest = gaussians.sh_rest
    matrix = np.zeros((rest.shape[1], rest.shape[1]))
    for band in range(1, degree + 1):
        columns, of_band = slice(band**2, (band + 1) ** 2), slice(band**2 - 1, (band + 1) ** 2 - 1)
        matrix[of_band, of_band] = np.linalg.lstsq(values[:, columns], turned[:, columns], rcond=None)[0]
    # All coefficients of all three channels in one product: many small ones take ten times as long.
    whole = np.kron(matrix, np.eye(3)).astype(np.float32)
    return (rest.reshape(len(rest), -1) @ whole.T).reshape(rest.shape)
