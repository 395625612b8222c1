"""Which depths of a photo are believed: those with which other photos agree, and fewer contradict.

Another photo agrees with a place where it shows something at the same depth; it contradicts where it shows what lies
farther away in the same direction, which it would not, were the place not empty; else it says nothing. For our own
arrays on a GPU kernels do the same, with the same bits (`kernels/cuda/dense_points.cu`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.render.arrays import Array, cast, library
from splatworker.render.interface import View
from splatworker.train.plane_sweep import ALONE, TOGETHER, DepthMap

LEAST_SCORE = TOGETHER
"""Correlation: what is less alike is not believed."""

LEAST_OTHER_SCORE = 0.5
"""The same of the photo that confirms it."""

SAME_DEPTH = 0.015
"""Two photos agree on a place by so large a share of its depth."""

FARTHER = 0.05
"""By so large a share of its depth is farther what contradicts a place: one sees through it."""

SURE = ALONE
VOTES_FOR_THE_UNSURE = 2
"""So many more photos have to agree with a place than contradict it; one, where it is as alike as `SURE`."""


class Swept(NamedTuple):
    """A small photo, its depths, and the photos that are asked about them."""

    view: View
    map: DepthMap
    witnesses: list[int]


class Judged(NamedTuple):
    """(H, W) depths of a small photo, and what is known of them; numpy's.

    Which of several other photos one alone tells, which are believed, and which of these are those of no photo before.
    """

    view: View
    depth: npt.NDArray[np.float32]
    two_view: npt.NDArray[np.bool_]
    believed: npt.NDArray[np.bool_]
    fresh: npt.NDArray[np.bool_]


def confirmed(swept: Sequence[Swept | None], each: Callable[..., Iterable[Array | None]] = map) -> list[Array | None]:
    """(H, W) bool for each photo: where its depth is believed. None where the photo has no depths.

    More have to agree than contradict, by one or two.

    Args:
        each: calls a function for each of a sequence, as `map`.
    """

    def believe(one: Swept | None) -> Array | None:
        return None if one is None else _believed(one, [swept[index] for index in one.witnesses])

    return list(each(believe, swept))


def _believed(one: Swept, others: Sequence[Swept | None]) -> Array:
    world = _in_world(one)
    votes = 0 * one.map.score
    for other in others:
        if other is not None:
            said = _said(world, other)
            votes = votes + cast(said.same, "float32") - cast(said.farther, "float32")
    return ((one.map.score >= SURE) & (votes >= 1)) | ((one.map.score >= LEAST_SCORE) & (votes >= VOTES_FOR_THE_UNSURE))


def fresh(index: int, swept: Sequence[Swept | None], believed: Sequence[Array | None]) -> Array:
    """(H, W) bool: where a photo that has depths is believed, and no photo before it is that shows the same."""
    one, left = swept[index], believed[index]
    assert one is not None
    world = _in_world(one)
    for before in (witness for witness in one.witnesses if witness < index):
        other, kept = swept[before], believed[before]
        if other is not None and kept is not None:
            said = _said(world, other)
            left = left & ~(said.same & library(kept).take(kept.reshape(-1), said.pixel))
    return left


def _in_world(swept: Swept) -> tuple[Array, Array, Array]:
    """(H, W) x, y and z in the world of a photo's pixels."""
    depth = swept.map.depth
    xp = library(depth)
    height, width = depth.shape
    there = {} if isinstance(depth, np.ndarray) else {"device": depth.device}
    column, row = (xp.arange(length, dtype=xp.float32, **there) for length in (width, height))
    return place(swept.view.camera, column[None, :], row[:, None], depth)


def place(camera: Camera, column: Array, row: Array, depth: Array) -> tuple[Array, Array, Array]:
    """x, y and z in the world of what pixels, by their numbers, show at depths."""
    x = (column + (0.5 - camera.cx)) / camera.fx * depth
    y = (row + (0.5 - camera.cy)) / camera.fy * depth
    first, second, third = (
        line[0] * x + line[1] * y + line[2] * depth + line[3] for line in world_from_camera(camera).tolist()
    )
    return first, second, third


def world_from_camera(camera: Camera) -> npt.NDArray[np.float64]:
    """The inverse of `camera_from_world`, (3, 4)."""
    return np.asarray(np.linalg.inv(np.vstack([camera.camera_from_world[:3], [0, 0, 0, 1]]))[:3])


class _Said(NamedTuple):
    """What a photo says of (H, W) places: it shows the same, or what is farther away; and the index of its pixel."""

    same: Array
    farther: Array
    pixel: Array


def _said(world: tuple[Array, Array, Array], there: Swept) -> _Said:
    camera = there.view.camera
    rows, columns = there.map.depth.shape
    x, y, z = (
        line[0] * world[0] + line[1] * world[1] + line[2] * world[2] + line[3]
        for line in camera.camera_from_world[:3].tolist()
    )
    depth = z.clip(1e-6, None)
    xp = library(z)
    column, row = xp.floor(camera.fx * x / depth + camera.cx), xp.floor(camera.fy * y / depth + camera.cy)
    inside = (z > 0) & (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    pixel = cast(row.clip(0, rows - 1) * columns + column.clip(0, columns - 1), "int64")
    told, score = (xp.take(of.reshape(-1), pixel) for of in (there.map.depth, there.map.score))
    same = inside & (abs(told - z) < SAME_DEPTH * z) & (score >= LEAST_OTHER_SCORE)
    return _Said(same, inside & (told > (1 + FARTHER) * z) & (score >= LEAST_SCORE), pixel)
