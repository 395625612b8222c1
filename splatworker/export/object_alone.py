"""The object alone: of a splat of a whole scene what all cameras look at, without what it stands on and what is around.

The scene is trained whole, since its background carries the cameras and what the photos have in it must not end up in
the object; the object is cut from it afterwards.

1. Where the cameras' axes meet is the focus (`single_subject`).
2. What lies in a level plane below it is its support, and goes (`surfaces`, `support_plane`).
3. Of what is left the connected piece at the focus is the object (`connected`); where it touches its support, colours
   tell them apart (`contact`).
4. Every photo votes on every Gaussian near that piece: does it show it where it shows the object (`votes`)?

Whatever is in doubt is no single subject, and the whole scene stays: half an object is worse than a scene.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.export.connected import Grid, grid_of, piece_at, share_in, without_scraps
from splatworker.export.contact import sides_by_colour
from splatworker.export.shadow import shadow
from splatworker.export.single_subject import (
    Ring,
    demand_alone,
    demand_one_thing,
    demand_shown,
    no_single_subject,
    ring_of,
    seen_by,
)
from splatworker.export.support_plane import Plane, planes_below
from splatworker.export.surfaces import seen_surfaces
from splatworker.export.votes import Votes, vote
from splatworker.formats import regions
from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.render.interface import GaussianTensors, Renderer
from splatworker.render.tensors import for_renderer

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

REGION = 0.7
"""Of the cameras' distance: how far from the focus an object may reach."""

CELL = 0.02
"""Of the cameras' distance: the side of a cell, at first."""

CELLS_ACROSS, FINEST = 40, 0.3
"""Cells along the object's longest side when it is looked at again, and how fine they may become, of the first ones."""

AT_FOCUS = 0.15
"""Of the cameras' distance: matter so far from the focus counts half of that at it."""

MOST_BEYOND = 0.01
"""The share of a piece that may lie at the border of that region: an object ends before it."""

SEEN = 1 / 3
"""The share of the photos in which a part of the object lies, at least."""

FULL = 0.08
"""A cell is full when it colours this share of the pixels that a surface in it would."""

FACES = 1 / 4
"""The share of the photos that see a surface of a thing that they surround."""

MOST_LOOKS, WIDE_ENOUGH = 24, 0.9
"""Photos whose surfaces are looked at for a support, and how far from the focus, of the cameras' distance."""

HAZE = 0.15
"""Of the cameras' distance: a Gaussian larger than this is no part of an object."""

CONTACT = 0.05
"""Of the cameras' distance: so far above and below the plane colours are asked whose a Gaussian is."""

THICKEST, PLANE_SHARE = 0.025, 0.97
"""Of the cameras' distance: how thick to each side a support may be; it is as thick as so many of its Gaussians say."""

MOST_BY_COLOUR = 0.1
"""The share of an object that may look like its support: where it is more, colours tell nothing."""

MOST_VIEWS = 48
"""Photos that vote at most."""

VOTE = 0.5
"""The share of a Gaussian's weight that lies where photos show the object, at least."""

LEAST_INSIDE = 0.6
"""How much of a Gaussian lies in the piece, at least: what sticks out of it was hidden by what is gone."""

FAINT = 0.3
"""What is less opaque belongs to a piece only where that is full: about it hangs a haze of what was behind."""

LEAST_PIECE = 0.05
"""The share of an object that a part by itself has, at least."""

TURNS = 2
"""How often they vote: what the first vote has found is what the second is about."""

FEWEST = 50
"""Gaussians of an object at least."""


@dataclass(frozen=True)
class ObjectAlone:
    """An object that was found.

    Attributes:
        keep: (N,) its Gaussians.
        masks: (H, W) each, what the photos that vote show of it, from 0 to 1.
        plane: what it stands on, or None where nothing was found.
        ring: the cameras about it.
    """

    keep: Mask
    masks: Sequence[npt.NDArray[np.float32]]
    plane: Plane | None
    ring: Ring


def voters(photos: int) -> slice:
    """Which of so many photos vote."""
    return slice(None, None, -(-photos // MOST_VIEWS))


def isolate(
    gaussians: Gaussians,
    cameras: Sequence[Camera],
    points: Vectors,
    renderer: Renderer,
    progress: Callable[[float], None] = lambda share: None,
) -> ObjectAlone:
    """Find the object that all cameras look at.

    Args:
        gaussians, points: a splat of the whole scene and its sparse points, upright (y up).
        cameras: of the photos, at the size at which they are asked.

    Raises:
        NoSingleSubject: there is no such object, or it cannot be told from what is around.
    """
    ring = ring_of(cameras, points)
    asked = list(cameras[voters(len(cameras))])
    tensors = for_renderer(gaussians, renderer)
    seen = vote(renderer, tensors, np.zeros(len(gaussians), bool), asked, lambda share: progress(0.3 * share))
    weights = np.where(gaussians.scales.max(axis=1) < HAZE * ring.reach, seen.weight, 0.0).astype(np.float64)
    near = np.linalg.norm(gaussians.means - ring.focus, axis=1) < 1.2 * REGION * ring.reach
    near[near] = seen_by(cameras, gaussians.means[near]) >= SEEN
    weights[~near] = 0.0
    looked = list(cameras[:: -(-len(cameras) // MOST_LOOKS)])
    surfaces = seen_surfaces(renderer, tensors, looked, ring.focus, WIDE_ENOUGH * ring.reach)
    planes = planes_below(surfaces, ring.focus, ring.reach)
    candidates: list[Plane | None] = [*planes] or [None]
    for plane in candidates:
        found = _piece(gaussians, weights, plane, ring, asked)
        if found is None:  # the plane was the top of the object itself: the next one is below it
            continue
        demand_one_thing(found.grid, found.piece, ring)
        keep, votes = _voted(
            renderer, gaussians, tensors, found, weights, asked, lambda share: progress(0.35 + 0.65 * share)
        )
        demand_shown(gaussians.means[keep], votes.weight[keep], votes.masks, asked, ring)
        return ObjectAlone(keep, votes.masks, plane, ring)
    raise no_single_subject("there is nothing where the cameras look")


class _Found(NamedTuple):
    """The cells of a piece, and (N,) which Gaussians may be the object's, as far as its support goes."""

    grid: Grid
    piece: Mask
    above: Mask


def _piece(
    gaussians: Gaussians, weights: Vectors, plane: Plane | None, ring: Ring, cameras: Sequence[Camera]
) -> _Found | None:
    """The connected piece of cells at the focus, or None where there is nothing above the plane.

    It is found above the plane in coarse cells, which tells the colours of either; and again in fine ones.
    """
    middle, radius, cell = ring.focus, REGION * ring.reach, CELL * ring.reach
    above = plane.height(gaussians.means) > plane.half if plane is not None else np.ones(len(gaussians), bool)
    grid, full, piece = _piece_in(gaussians, np.where(above, weights, 0.0), ring, cameras, middle, radius, cell)
    if not piece.any():
        return None
    cells = grid.centers()[piece.ravel()]
    beyond = np.linalg.norm(cells - ring.focus, axis=1) > radius - 2 * cell
    if grid.matter[piece][beyond].sum() > MOST_BEYOND * grid.matter[piece].sum():
        raise no_single_subject("what the cameras look at goes on beyond what they surround")
    demand_alone(grid, full, piece)
    low, high = cells.min(axis=0), cells.max(axis=0)
    middle, radius = (low + high) / 2, 0.6 * float(np.linalg.norm(high - low)) + 3 * cell
    if plane is not None:
        above = _above(gaussians, weights, plane, grid, piece, ring)
    cell = float(np.clip((high - low).max() / CELLS_ACROSS, FINEST * cell, cell))
    grid, _, piece = _piece_in(gaussians, np.where(above, weights, 0.0), ring, cameras, middle, radius, cell)
    return _Found(grid, piece, above) if piece.any() else None


def _piece_in(
    gaussians: Gaussians,
    weights: Vectors,
    ring: Ring,
    cameras: Sequence[Camera],
    middle: Vectors,
    radius: float,
    cell: float,
) -> tuple[Grid, Mask, Mask]:
    """A grid of what weighs, its full cells, and of these the piece at the focus."""
    grid = grid_of(gaussians, weights, middle, radius, cell)
    full = grid.matter > FULL * _pixels_of(cell, ring, cameras)
    return grid, full, piece_at(grid, full, ring.focus, AT_FOCUS * ring.reach)


def _above(gaussians: Gaussians, weights: Vectors, plane: Plane, grid: Grid, piece: Mask, ring: Ring) -> Mask:
    """(N,) what is not the support: what lies above it, less what has its colours, and near it what has the object's.

    Where both have the same colours, the plane and what stands on it decide.
    """
    height = plane.height(gaussians.means)
    contact = CONTACT * ring.reach
    cells = grid.centers()[piece.ravel()]
    in_shadow = shadow(cells, plane, grid.cell, contact)(gaussians.means)
    near = np.linalg.norm(gaussians.means - cells.mean(axis=0), axis=1) < 2 * np.linalg.norm(np.ptp(cells, axis=0)) / 2
    aside = near & ~in_shadow & (weights > 0)
    # What the cameras see of a support is smoother than its Gaussians, and a little beside their middles.
    of_plane = aside & (np.abs(height) < 2 * THICKEST * ring.reach)
    inner = of_plane & (np.abs(height) < plane.half)
    height = height - (float(np.median(height[inner])) if inner.any() else 0.0)
    spread = float(np.quantile(np.abs(height[of_plane]), PLANE_SHARE)) if of_plane.any() else 0.0
    half = float(np.clip(spread, plane.half, THICKEST * ring.reach))
    in_plane = aside & (np.abs(height) < half)
    sides = sides_by_colour(
        gaussians,
        (np.abs(height) < contact) & (weights > 0),
        of_object=grid.at(piece, gaussians.means) & (height > contact) & (weights > 0),
        of_support=in_plane,
    )
    above = height > half
    whole = weights[above & grid.at(piece, gaussians.means)].sum()
    taken = above & sides.support
    if weights[taken & grid.at(piece, gaussians.means)].sum() > MOST_BY_COLOUR * whole:
        taken[:] = False
    lowest = shadow(cells[plane.height(cells) < plane.height(cells).min() + 2.5 * grid.cell], plane, grid.cell)
    top = float(np.quantile(height[in_plane], 0.9)) if in_plane.any() else 0.0
    standing = (height <= half) & (height > top) & lowest(gaussians.means) & sides.rather
    return np.asarray((above & ~taken) | sides.object | standing)


def _pixels_of(cell: float, ring: Ring, cameras: Sequence[Camera]) -> float:
    """Pixels that a surface across a cell covers, in all photos that see it together."""
    sides = [cell * camera.fx / np.linalg.norm(camera.center - ring.focus) for camera in cameras]
    return float(FACES * np.square(sides).sum())


def _voted(
    renderer: Renderer,
    gaussians: Gaussians,
    tensors: GaussianTensors,
    found: _Found,
    weights: Vectors,
    cameras: Sequence[Camera],
    progress: Callable[[float], None],
) -> tuple[Mask, Votes]:
    """(N,) what the photos say belongs to the piece, and their last votes."""
    grid, piece, means = found.grid, found.piece, gaussians.means
    about = regions.grown(piece, 2, corners=True)
    keep = may = found.above & (weights > 0) & (share_in(grid, about, gaussians, grid.at(about, means)) >= LEAST_INSIDE)
    solid = grid.at(piece, means) | (gaussians.opacities > FAINT)
    keep = may = may & solid
    for turn in range(TURNS):
        votes = vote(renderer, tensors, keep, cameras, partial(_of_turn, progress, turn))
        keep = without_scraps(gaussians, weights, may & (votes.share > VOTE), grid, LEAST_PIECE)
    if np.count_nonzero(keep) < FEWEST:
        raise no_single_subject("what the cameras look at is too small")
    return keep, votes


def _of_turn(progress: Callable[[float], None], turn: int, share: float) -> None:
    progress((turn + share) / TURNS)
