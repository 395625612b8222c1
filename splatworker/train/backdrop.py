"""What is behind everything: one smooth colour of the direction alone.

A plain wall behind a subject that was turned before it, a studio's paper or the sky has no features, and is in no one
place: to training it is a colour that every photo shows and nothing explains. Few photos each get haze of their own
for it, close to their cameras, where it stands in the way of all others; many photos now and then one, by chance. Over
a backdrop nothing is left to explain: harmonics of the direction of low degree, fitted to those pixels near which no
photo shows a scene point. They are too smooth to learn anything else, and are not trained: what they do not show,
Gaussians have to.

Photos of many people and days have no sky in common: it is blue, white or grey, and what shares its light with the
facade of one photo does not with that of another. There each photo is trained over a backdrop of its own, which may be
as far from what all have in common as its pixels ask for, at a price (`OWN`).

The file that is delivered has what is common as Gaussians on a sphere far behind the scene (`backdrop_sphere`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.render.arrays import to_numpy
from splatworker.render.interface import View
from splatworker.render.spherical_harmonics import basis
from splatworker.train.backdrop_sphere import GAUSSIANS
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

OWN = 0.1
"""How much the square of a coefficient by which a photo's own backdrop differs from the common one counts, beside the
mean square of what is left unexplained of a photo (docs/lab-log/cameras-and-cpu.md, "A sky for each photo")."""

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

LEAST_EXPLAINED_BY_OWN = 0.15
"""The same of the photos' own: clouds and people are not smooth, so less of crowds' photos is: 0.21 to 0.32."""

BY_OWN = 1.25
"""By so much more than by one for all has to be explained by the photos' own, or there is one. Crowds' photos and a
street's under changing clouds are at 1.4 to 2.7, a desk in light changed by chance and a beach from a drone at 1.1."""

MOST_AT_POINTS = 0.2
"""Of the pixels of scene points, which have a place: "auto" takes no backdrop that explains more of these, too. It is
the colour of what the points are on then, a carpet that fills the photos, which loses its place over it. A wall is at
0.03 and less, a carpet at 0.45 and more."""

MOST_ASKED = 32
"""Photos: of more so many, evenly spread, tell what is common to all, which is enough for nine coefficients of each
colour. A photo's own are asked of itself, however many there are."""

STEPS = 1024
"""Coefficients are whole multiples of one over this: processors that round sums otherwise find the same ones."""


class Backdrop(NamedTuple):
    """What is behind everything.

    Attributes:
        harmonics: ((DEGREE + 1)^2, 3) float32, a background of `Renderer.render`.
        empty: the share of the photos' pixels near which there are no scene points.
        explained: the share of these that it explains.
        black: the share of these that black explains, which is behind a scene without a backdrop.
        at_points: the share of the pixels of scene points that it explains, too; 0 where there are none.
        own: (N, (DEGREE + 1)^2, 3) float32, what each photo is trained over, and by which shares are counted; None:
            all are over `harmonics`.
    """

    harmonics: npt.NDArray[np.float32]
    empty: float
    explained: float
    black: float
    at_points: float
    own: npt.NDArray[np.float32] | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is enough that it explains, and neither black nor what has points looks like it."""
        least = LEAST_EXPLAINED if self.own is None else LEAST_EXPLAINED_BY_OWN
        explains = self.empty >= LEAST_EMPTY and self.explained >= max(least, 2 * self.black)
        return explains and self.at_points <= MOST_AT_POINTS

    def of(self, photo: int) -> npt.NDArray[np.float32]:
        """What a photo to train on is trained over."""
        return self.harmonics if self.own is None else self.own[photo]

    def in_figures(self) -> dict[str, Any]:
        """For the stage's result."""
        figures = {"empty": round(self.empty, 3), "explained": round(self.explained, 3), "gaussians": GAUSSIANS}
        return figures if self.own is None else figures | {"photos": len(self.own)}


def find_backdrop(
    options: Options, views: Sequence[View], points: Floats, *, light_differs: bool = False
) -> Backdrop | None:
    """The backdrop that the options want; None where training goes without.

    Args:
        views: the photos to train on, on the device that trains.
        points: (N, 3) the scene's.
        light_differs: the photos were taken in light that differs without rule: each has a backdrop of its own, if that
            explains more.
    """
    auto = options.backdrop == "auto"
    if options.backdrop == "off" or (auto and _has_a_background(options)):
        return None
    found = fitted(_asked(views), points, least_empty=LEAST_EMPTY if auto else 0)
    if found is not None and light_differs:
        own = fitted(views, points, each=True)
        found = own if own is not None and own.explained >= BY_OWN * found.explained else found
    return None if found is None or (auto and not found.is_needed) else found


def _has_a_background(options: Options) -> bool:
    return options.white_background or options.random_background


def _asked(views: Sequence[View]) -> Sequence[View]:
    if len(views) <= MOST_ASKED:
        return views
    return [views[index] for index in np.linspace(0, len(views) - 1, MOST_ASKED).round().astype(int)]


def fitted(views: Sequence[View], points: Floats, *, each: bool = False, least_empty: float = 0.0) -> Backdrop | None:
    """The backdrop that explains most of what has no scene points; None where everything has.

    Args:
        views: the photos.
        points: (N, 3) the scene's.
        each: every photo has one of its own beside what is common to all.
        least_empty: of all pixels; where fewer are without points, None.
    """
    small = [_small(view) for view in views]
    at = [with_points(view.camera, points) for view in small]
    away = [~widened(mask) for mask in at]
    share = float(np.mean([_counted(view, where).mean() for view, where in zip(small, away, strict=True)]))
    if share == 0 or share < least_empty:
        return None
    empty = _samples(small, away)
    common, own = _coefficients(empty if each else [_all(empty)])
    of_photos = [common + one for one in (own if each else np.repeat(own, len(small), axis=0))]
    unexplained = _errors(empty, of_photos)
    at_points = _errors(_samples(small, at), of_photos)
    return Backdrop(
        _rounded(common),
        empty=share,
        explained=float(np.mean(unexplained < EXPLAINED)),
        black=float(np.mean(_all(empty).colours.sum(axis=1) < EXPLAINED)),
        at_points=float(np.mean(at_points < EXPLAINED)) if len(at_points) else 0.0,
        own=_rounded(np.stack(of_photos)) if each else None,
    )


class _Samples(NamedTuple):
    """(P, (DEGREE + 1)^2) harmonics of the directions of pixels, and (P, 3) their colours."""

    values: Floats
    colours: Floats


def _coefficients(parts: Sequence[_Samples]) -> tuple[Floats, Floats]:
    """What is common to all parts, ((DEGREE + 1)^2, 3), and of each by what it differs; 0 where there is but one.

    Least squares, weighted anew in every round, of what is common and of all differences at once; the time grows with
    the pixels, not with the photos' square.
    """
    degrees = np.repeat(np.arange(DEGREE + 1), 2 * np.arange(DEGREE + 1) + 1)
    size, count = len(degrees), sum(len(part.values) for part in parts)
    bound = np.diag(SMOOTHNESS * count * (degrees * (degrees + 1.0)) ** 2)
    price = OWN * count / len(parts) * np.eye(size)
    weights = [np.ones(len(part.values)) for part in parts]
    own = np.zeros((len(parts), size, 3))
    for _ in range(ROUNDS):
        mean = np.concatenate(weights).mean()
        told = np.empty((len(parts), size, size))
        wanted = np.empty((len(parts), size, 3))
        for index, (part, weight) in enumerate(zip(parts, weights, strict=True)):
            weighted = part.values * weight[:, None]
            told[index], wanted[index] = weighted.T @ part.values, weighted.T @ (part.colours - 0.5)
        if len(parts) == 1:
            common = np.linalg.solve(told[0] + mean * bound, wanted[0])
        else:
            common, own = _common_and_own(told, wanted, mean * bound, mean * price)
        weights = [
            1 / np.maximum(_errors([part], [common + one]), SMALLEST_ERROR)
            for part, one in zip(parts, own, strict=True)
        ]
    return common, own


def _common_and_own(told: Floats, wanted: Floats, bound: Floats, price: Floats) -> tuple[Floats, Floats]:
    """What solves the normal equations of a common part and of each part's difference from it, (K, 3) and (N, K, 3).

    No two differences stand in one equation, so all are eliminated, each by itself, and what is common is left: Schur's
    complement of their blocks.

    Args:
        told: (N, K, K) of each part, the products of its values; wanted: (N, K, 3) those of its values and colours.
        bound: (K, K) of the squares of what is common; price: (K, K) of those of a difference.
    """
    eliminated = np.linalg.solve(told + price, np.concatenate([told, wanted], axis=2))
    size = told.shape[1]
    by_common, alone = eliminated[:, :, :size], eliminated[:, :, size:]
    system = bound + (told - told @ by_common).sum(axis=0)
    common: Floats = np.linalg.solve(system, (wanted - told @ alone).sum(axis=0))
    return common, alone - by_common @ common


def _errors(parts: Sequence[_Samples], coefficients: Sequence[Floats]) -> Floats:
    """By how much the colours of pixels differ from the backdrops of their parts, red, green and blue together."""
    found = [
        np.abs(part.values @ of + 0.5 - part.colours).sum(axis=1) for part, of in zip(parts, coefficients, strict=True)
    ]
    return np.concatenate(found)


def _rounded(coefficients: Floats) -> npt.NDArray[np.float32]:
    return (np.round(coefficients * STEPS) / STEPS).astype(np.float32)


def _small(view: View) -> View:
    while max(view.camera.width, view.camera.height) > LONGEST_SIDE:
        view = halved(view)
    return view


def _samples(views: Sequence[View], where: Sequence[Mask]) -> list[_Samples]:
    """Of each view the pixels that are meant, (H, W), and that count."""
    found = []
    for view, meant in zip(views, where, strict=True):
        counted = _counted(view, meant)
        values, colours = basis(directions(view.camera)[counted], DEGREE), to_numpy(view.photo)[:, counted].T / 255.0
        found.append(_Samples(values, colours))
    return found


def _all(parts: Sequence[_Samples]) -> _Samples:
    return _Samples(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _counted(view: View, meant: Mask) -> Mask:
    """(H, W) which of the pixels that are meant are not ignored."""
    return meant if view.ignored is None else meant & (to_numpy(view.ignored.pixels) == 0)


def directions(camera: Camera) -> Floats:
    """(H, W, 3) unit vectors in the world, from the camera through the centers of its pixels."""
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    rays = np.stack([(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones_like(rows)], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    return rays @ camera.camera_from_world[:3, :3]


def with_points(camera: Camera, points: Floats) -> Mask:
    """(H, W) in which pixels a point is."""
    x, y, z = (points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    before = z > 0
    u, v = (camera.fx * x / np.where(before, z, 1) + camera.cx), (camera.fy * y / np.where(before, z, 1) + camera.cy)
    inside = before & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    there: Mask = np.zeros((camera.height, camera.width), bool)
    there[v[inside].astype(np.int64), u[inside].astype(np.int64)] = True
    return there


def widened(mask: Mask) -> Mask:
    """(H, W) where the mask is within a margin, along rows and along columns."""
    reach = round(MARGIN * max(mask.shape))
    return _spread(_spread(mask, reach).T, reach).T


def _spread(mask: Mask, reach: int) -> Mask:
    """True also where something in the same column is, within so many rows."""
    counts = np.cumsum(np.pad(mask.astype(np.int64), ((reach + 1, reach), (0, 0))), axis=0)
    return counts[2 * reach + 1 :] > counts[: -2 * reach - 1]
