"""A smooth colour of the direction as Gaussians of a splat: on a sphere far behind all others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.render.interface import SH_C0
from splatworker.render.spherical_harmonics import basis

Floats = npt.NDArray[np.float64]

GAUSSIANS = 1024
"""Of the sphere: they are as far from each other as they are large, and let less than a thousandth through."""

OPACITY = 0.99

FAR = 10.0
"""The sphere's radius in extents of the cameras: so far that their places make little difference..."""

BEYOND, MOST_WITHIN = 1.2, 0.999
"""... and so much farther than the distance that so many of the Gaussians are within."""


def sphere(
    harmonics: npt.NDArray[np.float32], cameras: Sequence[Camera], means: Floats, extent: float, sh_degree: int
) -> Gaussians:
    """A backdrop as Gaussians: evenly spread over a sphere about the cameras, each of the colour of its direction.

    Args:
        harmonics: ((L + 1)^2, 3) of the colour, as `Backdrop.harmonics`.
        cameras: of the photos.
        means: (N, 3) of the Gaussians that it is to be behind.
        extent: of the cameras (`scene_extent`), in the scene's units.
    """
    center = np.mean([camera.center for camera in cameras], axis=0)
    distance = np.quantile(np.linalg.norm(means - center, axis=1), MOST_WITHIN) if len(means) else 0.0
    radius = max(FAR * extent, BEYOND * float(distance))
    towards = _evenly_spread(GAUSSIANS)
    colours = 0.5 + basis(towards, math.isqrt(len(harmonics)) - 1) @ harmonics.astype(np.float64)
    size = radius * np.sqrt(4 * np.pi / GAUSSIANS)
    return Gaussians(
        means=(center + radius * towards).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (GAUSSIANS, 1)),
        log_scales=np.full((GAUSSIANS, 3), np.log(size), np.float32),
        opacity_logits=np.full(GAUSSIANS, np.log(OPACITY / (1 - OPACITY)), np.float32),
        sh_dc=((colours.clip(0, 1) - 0.5) / SH_C0).astype(np.float32),
        sh_rest=np.zeros((GAUSSIANS, (sh_degree + 1) ** 2 - 1, 3), np.float32),
    )


def _evenly_spread(count: int) -> Floats:
    """(count, 3) unit vectors along a spiral of the golden angle.

    Gonzalez 2010, "Measurement of areas on a sphere using Fibonacci and latitude-longitude lattices".
    """
    number = np.arange(count)
    z = 1 - (2 * number + 1) / count
    angle = number * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - z**2)
    return np.stack([across * np.cos(angle), across * np.sin(angle), z], axis=1)
