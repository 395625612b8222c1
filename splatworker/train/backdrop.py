"""What is behind everything: one smooth colour of the direction alone, for photos that are few.

A plain wall behind a subject that was turned before it, a studio's paper or the sky has no features, and is in no one
place: to training it is a colour that every photo shows and nothing explains. Where photos are few, each gets haze of
its own for it, close to its camera, where it stands in the way of all others. Over a backdrop nothing is left to
explain: harmonics of the direction of low degree, fitted to those pixels near which no photo shows a scene point. They
are too smooth to learn anything else, and are not trained: what they do not show, Gaussians have to.

The file that is delivered has it as Gaussians on a sphere far behind the scene (`sphere`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.render.arrays import to_numpy
from splatworker.render.interface import SH_C0, View
from splatworker.render.spherical_harmonics import basis
from splatworker.train.options import Options
from splatworker.train.resolution import halved

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

DEGREE = 2
"""Of the harmonics. 0 to 3 differ by half a decibel where the whole is worth four (docs/lab-log/cameras-and-cpu.md,
"Few photos: a backdrop")."""

LONGEST_SIDE = 90
"""Pixels of the pictures that it is fitted to, at most: photos are halved until they are as small."""

MARGIN = 1 / 16
"""Of a picture's longer side: nearer to a scene point than this, along rows and columns, a pixel shows the scene."""

SMOOTHNESS = 0.02 / 36
"""How much the squares of a coefficient of degree l count, times (l (l + 1))^2, the square of the Laplacian on the
sphere, beside the mean square of what is left unexplained: it bounds what is said of directions that no photo shows."""

ROUNDS = 25
"""Of the reweighting that makes squares absolute values (Holland & Welsch 1977, "Robust regression using iteratively
reweighted least-squares"): what stands before the backdrop must not draw it to itself."""

SMALLEST_ERROR = 0.03
"""Sum over the colours, from 0 to 3: a smaller one counts as if it were this large."""

EXPLAINED = 0.15
"""The same: a pixel that differs by less is explained."""

LEAST_EXPLAINED = 0.4
"""Of the pixels without scene points: "auto" takes a backdrop that explains no fewer. Real sets are at 0.5 to 0.72
where it brings decibels, and at 0.3 and less elsewhere."""

LEAST_EMPTY = 0.05
"""Of all pixels, that are to have no scene points."""

MOST_AT_POINTS = 0.2
"""Of the pixels of scene points, which have a place: "auto" takes no backdrop that explains more of these, too. It is
the colour of what the points are on then, a carpet that fills the photos, which loses its place over it. A wall is at
0.03 and less, a carpet at 0.45 and more."""

FEW_PHOTOS = 32
"""With more, "auto" goes without: what is behind a scene then has parallax enough to be learnt."""

STEPS = 1024
"""Coefficients are whole multiples of one over this: processors that round sums otherwise find the same ones."""

GAUSSIANS = 1024
"""Of the sphere: they are as far from each other as they are large, and let less than a thousandth through."""

OPACITY = 0.99

FAR = 10.0
"""The sphere's radius in extents of the cameras: so far that their places make little difference..."""

BEYOND, MOST_WITHIN = 1.2, 0.999
"""... and so much farther than the distance that so many of the Gaussians are within."""


class Backdrop(NamedTuple):
    """What is behind everything.

    Attributes:
        harmonics: ((DEGREE + 1)^2, 3) float32, a background of `Renderer.render`.
        empty: the share of the photos' pixels near which there are no scene points.
        explained: the share of these that it explains.
        black: the share of these that black explains, which is behind a scene without a backdrop.
        at_points: the share of the pixels of scene points that it explains, too; 0 where there are none.
    """

    harmonics: npt.NDArray[np.float32]
    empty: float
    explained: float
    black: float
    at_points: float

    @property
    def is_needed(self) -> bool:
        """Whether there is enough that it explains, and neither black nor what has points looks like it."""
        explains = self.empty >= LEAST_EMPTY and self.explained >= max(LEAST_EXPLAINED, 2 * self.black)
        return explains and self.at_points <= MOST_AT_POINTS

    def in_figures(self) -> dict[str, Any]:
        """For the stage's result."""
        return {"empty": round(self.empty, 3), "explained": round(self.explained, 3), "gaussians": GAUSSIANS}


def find_backdrop(options: Options, views: Sequence[View], points: Floats) -> Backdrop | None:
    """The backdrop that the options want; None where training goes without.

    Args:
        views: the photos to train on, on the device that trains.
        points: (N, 3) the scene's.
    """
    auto = options.backdrop == "auto"
    if options.backdrop == "off" or (auto and (len(views) > FEW_PHOTOS or _has_a_background(options))):
        return None
    found = fitted(views, points)
    return None if found is None or (auto and not found.is_needed) else found


def _has_a_background(options: Options) -> bool:
    return options.white_background or options.random_background


def fitted(views: Sequence[View], points: Floats) -> Backdrop | None:
    """The backdrop that explains most of what has no scene points; None where everything has."""
    small = [_small(view) for view in views]
    away = [~near_points(view.camera, points) for view in small]
    values, colours = _samples(small, away)
    if not len(colours):
        return None
    degrees = np.repeat(np.arange(DEGREE + 1), 2 * np.arange(DEGREE + 1) + 1)
    bound = np.diag(SMOOTHNESS * len(values) * (degrees * (degrees + 1.0)) ** 2)
    weight = np.ones(len(values))
    for _ in range(ROUNDS):
        weighted = values * weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ values + weight.mean() * bound, weighted.T @ (colours - 0.5))
        error = np.abs(values @ coefficients + 0.5 - colours).sum(axis=1)
        weight = 1 / np.maximum(error, SMALLEST_ERROR)
    values_at_points, colours_at_points = _samples(small, [near_points(view.camera, points, 0) for view in small])
    error_at_points = np.abs(values_at_points @ coefficients + 0.5 - colours_at_points).sum(axis=1)
    return Backdrop(
        (np.round(coefficients * STEPS) / STEPS).astype(np.float32),
        empty=float(np.mean([_counted(view, where).mean() for view, where in zip(small, away, strict=True)])),
        explained=float(np.mean(error < EXPLAINED)),
        black=float(np.mean(colours.sum(axis=1) < EXPLAINED)),
        at_points=float(np.mean(error_at_points < EXPLAINED)) if len(error_at_points) else 0.0,
    )


def _small(view: View) -> View:
    while max(view.camera.width, view.camera.height) > LONGEST_SIDE:
        view = halved(view)
    return view


def _samples(views: Sequence[View], where: Sequence[Mask]) -> tuple[Floats, Floats]:
    """(P, (DEGREE + 1)^2) harmonics and (P, 3) colours of the pixels that are meant, (H, W) a view, and that count."""
    values, colours = [], []
    for view, meant in zip(views, where, strict=True):
        counted = _counted(view, meant)
        values.append(basis(directions(view.camera)[counted], DEGREE))
        colours.append(to_numpy(view.photo)[:, counted].T / 255.0)
    return np.concatenate(values), np.concatenate(colours)


def _counted(view: View, meant: Mask) -> Mask:
    """(H, W) which of the pixels that are meant are not ignored."""
    return meant if view.ignored is None else meant & (to_numpy(view.ignored.pixels) == 0)


def directions(camera: Camera) -> Floats:
    """(H, W, 3) unit vectors in the world, from the camera through the centers of its pixels."""
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    rays = np.stack([(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones_like(rows)], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    return rays @ camera.camera_from_world[:3, :3]


def near_points(camera: Camera, points: Floats, margin: float = MARGIN) -> Mask:
    """(H, W) which pixels have a point within a margin, along rows and along columns; 0: only where one is."""
    x, y, z = (points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    before = z > 0
    u, v = (camera.fx * x / np.where(before, z, 1) + camera.cx), (camera.fy * y / np.where(before, z, 1) + camera.cy)
    inside = before & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    near: Mask = np.zeros((camera.height, camera.width), bool)
    near[v[inside].astype(np.int64), u[inside].astype(np.int64)] = True
    reach = round(margin * max(near.shape))
    return _spread(_spread(near, reach).T, reach).T


def _spread(mask: Mask, reach: int) -> Mask:
    """True also where something in the same column is, within so many rows."""
    counts = np.cumsum(np.pad(mask.astype(np.int64), ((reach + 1, reach), (0, 0))), axis=0)
    return counts[2 * reach + 1 :] > counts[: -2 * reach - 1]


def sphere(backdrop: Backdrop, cameras: Sequence[Camera], means: Floats, extent: float, sh_degree: int) -> Gaussians:
    """The backdrop as Gaussians: evenly spread over a sphere about the cameras, each of the colour of its direction.

    Args:
        cameras: of the photos.
        means: (N, 3) of the Gaussians that it is to be behind.
        extent: of the cameras (`scene_extent`), in the scene's units.
    """
    center = np.mean([camera.center for camera in cameras], axis=0)
    distance = np.quantile(np.linalg.norm(means - center, axis=1), MOST_WITHIN) if len(means) else 0.0
    radius = max(FAR * extent, BEYOND * float(distance))
    towards = _evenly_spread(GAUSSIANS)
    colours = 0.5 + basis(towards, DEGREE) @ backdrop.harmonics.astype(np.float64)
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
