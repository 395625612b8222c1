"""Whether photos are of one subject: what all cameras look at, and what speaks against there being one thing there.

All of it takes the world upright, y up. It is asked before anything is cut, and again of what a cut has found: whatever
is in doubt is no single subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.errors import NoSingleSubject
from splatworker.export.camera_path import focus
from splatworker.export.connected import Grid
from splatworker.formats.camera import Camera

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


MOST_ASIDE = np.radians(20)
"""The median angle between where cameras look and where what they look at is, at most: beyond, the axes do not meet."""

LEAST_BEFORE = 0.9
"""The share of the cameras that have it before them, and not behind, at least."""

LEAST_ARC = np.radians(150)
"""Cameras go so far around a subject at least, seen from above: one half of a thing is a facade."""

STEEP = np.radians(60)
"""Cameras above this elevation see all sides; nobody has to walk around for them."""

LEAST_SHOWN = 0.5
"""The share of the photos that show it whole, and where they all look, at least."""

WHOLE = 0.9
"""The share of it that lies in a photo that shows it whole, at least."""

BESIDE = 1.0
"""Of a thing's own radius: how far about it nothing as large may stand."""

MOST_BESIDE = 0.5
"""How much else may stand there, of what is seen of the thing itself: more is one of many."""

LOOSE = 0.25
"""Of its size: so far outside of a thing the point may lie that all cameras look at; people aim at its foot, too."""


HINT = "Photograph one thing from all around, with room between it and what else is there, or ask for the scene."


def no_single_subject(why: str) -> NoSingleSubject:
    """The error that says why."""
    return NoSingleSubject(f"No single subject was found: {why}.", hint=HINT)


@dataclass(frozen=True)
class Ring:
    """Cameras about what they look at: `focus` (3,), `reach` the median distance to it, `centers` (M, 3)."""

    focus: Vectors
    reach: float
    centers: Vectors


def ring_of(cameras: Sequence[Camera], points: Vectors) -> Ring:
    """The ring of cameras about what all of them look at.

    Raises:
        NoSingleSubject: they look at different things, or from one side alone.
    """
    centers = np.array([camera.center for camera in cameras])
    forwards = np.array([camera.camera_from_world[2, :3] for camera in cameras])
    middle = nearest_to_axes(centers, forwards, focus(list(cameras), points))
    towards = middle - centers
    distances = np.linalg.norm(towards, axis=1)
    cosines = (forwards * towards).sum(axis=1) / np.maximum(distances, 1e-12)
    if (cosines > 0).mean() < LEAST_BEFORE:
        raise no_single_subject("the cameras look outwards, in all directions, as in a room")
    if np.median(np.arccos(np.clip(cosines, -1, 1))) > MOST_ASIDE:
        raise no_single_subject("the cameras do not look at one place")
    if _arc(centers - middle) < LEAST_ARC:
        raise no_single_subject("the photos show what they look at from one side alone")
    return Ring(middle, float(np.median(distances)), centers)


def nearest_to_axes(centers: Vectors, forwards: Vectors, start: Vectors) -> Vectors:
    """The point with the least sum of distances to the cameras' axes, rather than of their squares: a few photos of
    something else do not pull at it (iteratively reweighted least squares, from `start`).
    """
    found = start
    scale = float(np.median(np.linalg.norm(centers - start, axis=1)))
    across = np.eye(3) - forwards[:, :, None] * forwards[:, None, :]
    for _ in range(20):
        off = np.linalg.norm(np.einsum("nij,nj->ni", across, found - centers), axis=1)
        weighed = across / np.maximum(off, 0.01 * scale)[:, None, None]
        # A little weight on the start decides where all axes are parallel.
        matrix = weighed.sum(axis=0) + 1e-3 * len(centers) / scale * np.eye(3)
        side = np.einsum("nij,nj->i", weighed, centers) + 1e-3 * len(centers) / scale * start
        found = np.linalg.solve(matrix, side)
    return np.asarray(found)


def _arc(offsets: Vectors) -> float:
    """How far around cameras go: all of the circle less the widest gap, or all of it for those from above."""
    level = np.hypot(offsets[:, 0], offsets[:, 2])
    if np.median(np.arctan2(offsets[:, 1], level)) > STEEP:
        return 2 * np.pi
    angles = np.sort(np.arctan2(offsets[:, 0], offsets[:, 2]))
    return float(2 * np.pi - np.diff(np.append(angles, angles[0] + 2 * np.pi)).max())


def seen_by(cameras: Sequence[Camera], points: npt.NDArray[np.floating]) -> Vectors:
    """(N,) the share of the photos that points lie in."""
    seen = np.zeros(len(points))
    for camera in cameras:
        seen += in_photo(camera, points)
    return seen / len(cameras)


def in_photo(camera: Camera, points: npt.NDArray[np.floating]) -> Mask:
    """(N,) whether points lie in a photo, in front of its camera."""
    inside = points @ camera.camera_from_world[:, :3].T + camera.camera_from_world[:, 3]
    depth = np.maximum(inside[:, 2], 1e-9)
    x, y = inside[:, 0] / depth * camera.fx + camera.cx, inside[:, 1] / depth * camera.fy + camera.cy
    return np.asarray((inside[:, 2] > 0) & (x > 0) & (x < camera.width) & (y > 0) & (y < camera.height))


def demand_one_thing(grid: Grid, piece: Mask, ring: Ring) -> None:
    """Refuse a piece that is not where the cameras look.

    Raises:
        NoSingleSubject: it is beside the focus.
    """
    cells = grid.centers()[piece.ravel()]
    low, high = cells.min(axis=0), cells.max(axis=0)
    room = LOOSE * float((high - low).max())
    if ((ring.focus < low - room) | (ring.focus > high + room)).any():
        raise no_single_subject("there is no single thing where the cameras look")


def demand_alone(grid: Grid, full: Mask, piece: Mask) -> None:
    """Refuse a piece among others.

    Args:
        full, piece: cells above the support, and those of the piece.

    Raises:
        NoSingleSubject: as large things stand about it, nearer than it is large.
    """
    cells = grid.centers().reshape(*piece.shape, 3)
    low, high = cells[piece].min(axis=0), cells[piece].max(axis=0)
    radius = float(np.linalg.norm(high - low)) / 2
    about = np.linalg.norm(cells - (low + high) / 2, axis=-1) < (1 + BESIDE) * radius
    if grid.matter[full & about & ~piece].sum() > MOST_BESIDE * grid.matter[piece].sum():
        raise no_single_subject("several things stand beside each other where the cameras look")


def demand_shown(
    means: npt.NDArray[np.floating],
    weights: npt.NDArray[np.floating],
    masks: Sequence[npt.NDArray[np.float32]],
    cameras: Sequence[Camera],
    ring: Ring,
) -> None:
    """Refuse what the photos do not show whole, where they look.

    Args:
        means, weights: (K, 3) and (K,) of the Gaussians that were kept.
        masks: what each photo shows of them.

    Raises:
        NoSingleSubject: too few photos do.
    """
    shown = 0
    for camera, mask in zip(cameras, masks, strict=True):
        whole = weights[in_photo(camera, means)].sum() >= WHOLE * weights.sum()
        there = np.argwhere(mask > 0.5)
        if whole and len(there):
            at = camera.camera_from_world @ np.append(ring.focus, 1.0)
            place = np.array([at[1] / at[2] * camera.fy + camera.cy, at[0] / at[2] * camera.fx + camera.cx])
            low, high = there.min(axis=0), there.max(axis=0)
            room = LOOSE * float((high - low).max())
            shown += int(((place >= low - room) & (place <= high + room)).all())
    if shown < LEAST_SHOWN * len(cameras):
        raise no_single_subject("too few photos show what the cameras look at as a whole, and by itself")
