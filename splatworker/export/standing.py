"""An object in a frame of its own: it stands on its base, up is up, and the origin is below its middle."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.export.camera_path import UP
from splatworker.export.object_alone import ObjectAlone
from splatworker.export.orient import Matrix, rotate, turn_to
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take

EDGE = 0.005
"""The share of the Gaussians, by opacity, that an edge leaves outside: a stray one says nothing about where it is."""


class Standing(NamedTuple):
    """An object that stands.

    Attributes:
        gaussians: the object's, in its own frame.
        moved: (4, 4) the rigid motion from the upright world of the scene to that frame; the scale is kept.
        low, high: (3,) the corners of its bounding box.
    """

    gaussians: Gaussians
    moved: Matrix
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def stand(gaussians: Gaussians, found: ObjectAlone) -> Standing:
    """The object that was found in a splat of the whole scene, upright."""
    rotation = turn_to(found.plane.normal, UP) if found.plane is not None else np.eye(3)
    turned = rotate(take(gaussians, found.keep), rotation)
    low, high = bounds(turned)
    foot = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = rotation, -foot
    standing = dataclasses.replace(turned, means=(turned.means - foot).astype(np.float32))
    return Standing(standing, moved, low - foot, high - foot)


def bounds(gaussians: Gaussians) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Two corners (3,) of the box about nearly all of a splat, by opacity."""
    low, high = np.zeros(3), np.zeros(3)
    for axis in range(3):
        order = np.argsort(gaussians.means[:, axis], kind="stable")
        reached = np.cumsum(gaussians.opacities[order].astype(np.float64))
        ends = np.searchsorted(reached, np.array([EDGE, 1 - EDGE]) * reached[-1])
        low[axis], high[axis] = gaussians.means[order[np.minimum(ends, len(order) - 1)], axis]
    return low, high
