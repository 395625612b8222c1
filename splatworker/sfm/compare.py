"""How far two sets of cameras of the same photos differ, whatever frames they are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Poses = Mapping[str, npt.NDArray[np.float64]]
"""Photo name -> (3, 4) camera_from_world."""


@dataclass(frozen=True)
class PoseDifference:
    """Differences of the photos that both sets have, after the similarity that brings their cameras together best.

    Attributes:
        rotation_deg: (N,) angle between the two rotations of each camera.
        position: (N,) distance between the two positions, as a share of the extent (diameter) of the cameras.
    """

    rotation_deg: npt.NDArray[np.float64]
    position: npt.NDArray[np.float64]

    def __str__(self) -> str:
        """Mean and largest of both, for a table."""
        return (
            f"rotation mean {self.rotation_deg.mean():.3f} max {self.rotation_deg.max():.3f} deg, "
            f"position mean {self.position.mean():.3%} max {self.position.max():.3%}"
        )


def compare_poses(poses: Poses, reference: Poses) -> PoseDifference:
    """Compare the cameras of the photos that both have; three or more not on a line are needed.

    Positions are aligned by the least-squares similarity of Umeyama 1991, "Least-squares estimation of
    transformation parameters between two point patterns", and rotations turned along.
    """
    names = sorted(poses.keys() & reference.keys())
    ours, theirs = (np.array([_center(which[name]) for name in names]) for which in (poses, reference))
    a, b = ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turn = (u * flip) @ vt
    scale = float((s * flip).sum() / (a**2).sum())
    extent = 2 * np.linalg.norm(b, axis=1).max()
    angles = [_angle(poses[name][:, :3] @ turn.T @ reference[name][:, :3].T) for name in names]
    return PoseDifference(np.array(angles), np.linalg.norm(scale * a @ turn.T - b, axis=1) / extent)


def _center(pose: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(-pose[:, :3].T @ pose[:, 3])


def _angle(rotation: npt.NDArray[np.float64]) -> float:
    """Angle of a rotation matrix in degrees, exact for small ones: the sine is the skew part's."""
    skew = rotation - rotation.T
    sine = np.sqrt(skew[2, 1] ** 2 + skew[0, 2] ** 2 + skew[1, 0] ** 2) / 2
    return float(np.degrees(np.arctan2(sine, (np.trace(rotation) - 1) / 2)))
