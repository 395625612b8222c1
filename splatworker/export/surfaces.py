"""The surfaces that photos see of a splat: a point and a normal for every pixel, near one place.

A Gaussian's own shape says little about the surface that it is a part of. What the Gaussians look like together says
more: drawn in colours that are their places, each pixel is the mean place of what it shows, and neighbours span its
surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.render.arrays import beside, computable, constant_like, to_device, to_numpy
from splatworker.render.interface import SH_C0, GaussianTensors, Renderer
from splatworker.render.tensors import of_one_colour

Vectors = npt.NDArray[np.float64]

MOST_POINTS = 4000
"""Points of one view."""

STEEPEST = 4.0
"""Neighbours lie on one surface when they are no farther apart than so many times what a pixel spans there."""

LEAST_COVERED = 0.9
"""Pixels that are less opaque show no surface."""


class Surfaces(NamedTuple):
    """(N, 3) points and (N, 3) unit normals, which point to the camera that saw them."""

    points: Vectors
    normals: Vectors


def seen_surfaces(
    renderer: Renderer, gaussians: GaussianTensors, cameras: Sequence[Camera], middle: Vectors, radius: float
) -> Surfaces:
    """What the cameras see within `radius` of a middle, as evenly as pixels lie."""
    radius = float(radius)
    means = computable(gaussians.means)
    places = ((means - beside((middle - radius).astype(np.float32), means)) / (2 * radius)).clip(0, 1)
    coloured = of_one_colour(gaussians, beside((places - 0.5) / SH_C0, gaussians.means))
    white = of_one_colour(gaussians, constant_like(gaussians.sh_dc, 0.5 / SH_C0))
    black = to_device(np.zeros(3, np.float32), renderer.device)
    random = np.random.default_rng(0)
    points, normals = [np.zeros((0, 3))], [np.zeros((0, 3))]
    for camera in cameras:
        covered = to_numpy(renderer.render(white, camera, black, 0)[0])
        image = to_numpy(renderer.render(coloured, camera, black, 0)).transpose(1, 2, 0).astype(np.float64)
        place = image / np.maximum(covered, 1e-3)[..., None] * (2 * radius) + (middle - radius)
        along, across = place[1:, :-1] - place[:-1, :-1], place[:-1, 1:] - place[:-1, :-1]
        place, covered = place[:-1, :-1], covered[:-1, :-1]
        distance = np.linalg.norm(place - camera.center, axis=2)
        pixel = distance / camera.fx
        smooth = (np.linalg.norm(along, axis=2) < STEEPEST * pixel) & (
            np.linalg.norm(across, axis=2) < STEEPEST * pixel
        )
        inside = np.linalg.norm(place - middle, axis=2) < 0.95 * radius
        chosen = np.argwhere(smooth & inside & (covered > LEAST_COVERED))
        if len(chosen) > MOST_POINTS:
            chosen = chosen[random.choice(len(chosen), MOST_POINTS, replace=False)]
        rows, columns = chosen.T
        normal = np.cross(along[rows, columns], across[rows, columns])
        lengths = np.linalg.norm(normal, axis=1, keepdims=True)
        normal /= np.maximum(lengths, 1e-12)
        here = place[rows, columns]
        normal *= np.where(((camera.center - here) * normal).sum(axis=1) < 0, -1.0, 1.0)[:, None]
        points.append(here[lengths[:, 0] > 0])
        normals.append(normal[lengths[:, 0] > 0])
    return Surfaces(np.concatenate(points), np.concatenate(normals))
