"""What a subject stands on: the level surface below the point that the cameras look at, found by random samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.export.camera_path import UP
from splatworker.export.surfaces import Surfaces

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOST_TILT = np.radians(12)
"""The angle between a support's normal and the vertical at most: scenes stand upright within some degrees."""

LEVEL = np.radians(30)
"""The angle between the vertical and the normal of a place that is looked for a support, at most."""

WIDE = 0.6
"""Of the distance at which the cameras are: how far from the focus a support is looked for."""

AT_FOCUS = 0.3
"""Of the same distance: what lies so far from the focus counts half."""

MOST_PLANES = 4
"""A cloth, the table, its foot, the floor: more than these nobody asks for."""

SAMPLES = 400
"""Planes that are tried for each one that is found."""

MOST_POINTS = 20_000
"""Points that vote on a plane; more would only take longer to say the same."""

NEAR, THINNEST, THICKEST = 0.012, 0.006, 0.02
"""Of the same distance: how far from a plane what votes for it lies, and how thick to each side it may become."""

AIMED_LOW = 0.03
"""Of the same distance: how far under a support the focus may lie: people aim at a foot, too."""

LEAST_SHARE = 0.05
"""Of all level places that are near: what lies in a support at least."""

SIDES, LEAST_SIDES = 8, 5
"""A plane supports the subject when it is there in so many of eight directions from it: a step beside it is not."""

NARROWEST = 0.2
"""Its width at least, as a share of its length: a plane that cuts through things meets them in a strip."""


class Plane(NamedTuple):
    """normal . x = offset; `half` is how far to both sides of it what belongs to it lies, in world units."""

    normal: Vectors
    offset: float
    half: float

    def height(self, points: npt.NDArray[np.floating]) -> Vectors:
        """(N,) of points above it; negative below."""
        return np.asarray(points @ self.normal - self.offset, np.float64)


def planes_below(surfaces: Surfaces, focus: Vectors, reach: float) -> list[Plane]:
    """The level planes that pass below the focus, the likeliest support first.

    Random samples of three points (Fischler and Bolles 1981) propose planes; what lies in one counts, the more the
    nearer it is to the focus.

    Args:
        surfaces: what the cameras see of a splat that stands upright.
        focus: (3,) what they look at.
        reach: from there to the cameras.
    """
    random = np.random.default_rng(0)
    away = surfaces.points - focus
    near = (np.hypot(away[:, 0], away[:, 2]) < WIDE * reach) & (np.abs(away[:, 1]) < reach)
    points = surfaces.points[near & (surfaces.normals @ UP > np.cos(LEVEL))]
    if len(points) > MOST_POINTS:
        points = points[random.choice(len(points), MOST_POINTS, replace=False)]
    weights = 0.5 ** (np.linalg.norm(points - focus, axis=1) / (AT_FOCUS * reach)) ** 2
    total = weights.sum()
    found: list[tuple[float, Plane]] = []
    for _ in range(2 * MOST_PLANES):
        plane = _likeliest(points, weights, NEAR * reach, random) if len(points) > 50 else None
        if plane is None:
            break
        height = np.abs(plane.height(points))
        inside = height < plane.half
        worth = float(weights[inside].sum())
        if worth < LEAST_SHARE * total:
            break
        if _height_at(plane, focus) < focus[1] + AIMED_LOW * reach and _is_around(points[inside], focus):
            half = float(np.clip(np.quantile(height[height < 2 * plane.half], 0.9), THINNEST * reach, THICKEST * reach))
            found.append((worth, plane._replace(half=half)))
        points, weights = points[height > 2 * plane.half], weights[height > 2 * plane.half]
    return [plane for _, plane in sorted(found, key=lambda one: -one[0])[:MOST_PLANES]]


def _likeliest(points: Vectors, weights: Vectors, half: float, random: np.random.Generator) -> Plane | None:
    """The level plane with most weight in it."""
    corners = points[random.choice(len(points), (SAMPLES, 3), p=weights / weights.sum())]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    sound = lengths > 1e-12
    normals = normals[sound] / lengths[sound, None]
    normals *= np.where(normals @ UP < 0, -1.0, 1.0)[:, None]
    level = normals @ UP > np.cos(MOST_TILT)
    normals, offsets = normals[level], (normals[level] * corners[sound][level, 0]).sum(axis=1)
    if not len(normals):
        return None
    scores = [(weights * (np.abs(points @ n - o) < half)).sum() for n, o in zip(normals, offsets, strict=True)]
    best = int(np.argmax(scores))
    plane = Plane(normals[best], float(offsets[best]), half)
    for _ in range(4):
        inside = np.abs(plane.height(points)) < half
        if np.count_nonzero(inside) < 10:
            return None
        plane = _through(points[inside], weights[inside], half)
    return plane if plane.normal @ UP > np.cos(MOST_TILT) else None


def _through(points: Vectors, weights: Vectors, half: float) -> Plane:
    """The plane with the least weighted squares of distances."""
    middle = np.average(points, axis=0, weights=weights)
    spread = (points - middle) * np.sqrt(weights)[:, None]
    normal = np.linalg.eigh(spread.T @ spread)[1][:, 0]
    normal = normal if normal @ UP > 0 else -normal
    return Plane(normal, float(normal @ middle), half)


def _height_at(plane: Plane, place: Vectors) -> float:
    """The y of a plane above or below a place."""
    return float((plane.offset - plane.normal[0] * place[0] - plane.normal[2] * place[2]) / plane.normal[1])


def _is_around(points: Vectors, focus: Vectors) -> bool:
    """Whether points lie all around below the focus, and not in a strip."""
    angles = np.arctan2(points[:, 0] - focus[0], points[:, 2] - focus[2])
    counts = np.bincount(((angles + np.pi) / (2 * np.pi) * SIDES).astype(int) % SIDES, minlength=SIDES)
    width, length = np.sqrt(np.linalg.eigvalsh(np.cov(points[:, [0, 2]].T)))
    return int(np.count_nonzero(counts > 0.01 * len(points))) >= LEAST_SIDES and bool(width > NARROWEST * length)
