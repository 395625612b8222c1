"""More points to start from, where photos are few: found by their pixels, each confirmed by a second photo.

The cameras' own points are corners that the features happened to find, some hundreds a photo. A splat of many photos
grows what lies between them; one of few learns the photos by heart instead. A plane sweep (`plane_sweep`) finds how far
away every pixel with some structure is. What it says is believed where it agrees with what the sweep of another photo
says of the same place, and a place that several photos show becomes one point.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.near_depth import near_depth
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Array, cast, computable, device_of, fill, library, to_numpy
from splatworker.render.device import is_gpu
from splatworker.render.interface import View
from splatworker.train.options import Options
from splatworker.train.plane_sweep import UNKNOWN, DepthMap, Picture, depth_map
from splatworker.train.resolution import halved

LONGEST_SIDE, LARGER = 320, 1.4
"""Pixels of the pictures that are swept, about: photos are halved until they are at most so many times as large."""

NEIGHBOURS, WITNESSES = 4, 8
"""Other photos that one is compared with, and that are asked whether they agree, at most."""

BEST_ANGLE, NARROWER, WIDER = 5.0, 1.0, 10.0
"""Degrees between the rays of two photos to a point at which it is worth most that both see it, and how fast that falls
on either side (Yao et al. 2018, "MVSNet", section 4.1, whose view selection this is, over the points in sight)."""

LEAST_WORTH = 1.0
"""In points at the best angle: of others that share less a photo learns nothing."""

FEWEST_IN_SIGHT = 5
"""Points that tell between which depths a photo's are."""

NEAREST, FARTHEST = 0.7, 1.3
"""Of the depths of the near and far points in sight: where the sweep begins and ends."""

LEAST_SCORE = 0.6
"""Correlation: what is less alike is not believed."""

LEAST_OTHER_SCORE = 0.5
"""The same of the photo that confirms it."""

SAME_DEPTH = 0.015
"""Two photos agree on a place by so large a share of its depth."""

FARTHER = 0.05
"""By so large a share of its depth is farther what contradicts a place: one sees through it."""

SURE = 0.85
VOTES_FOR_THE_UNSURE = 2
"""So many more photos have to agree with a place than contradict it; one, where it is as alike as `SURE`."""

MOST_POINTS = 20_000
"""To start from, the scene's own included; half of `max_gaussians` where that is less. 50 000 were no better."""

LEAST_COVERAGE = 0.26
"""Of the photos' pixels: where dense points cover fewer, "auto" leaves it at the cameras' own. What is small from the
start covers nothing of the rest, which large Gaussians before the cameras then do (docs/lab-log/cameras-and-cpu.md,
"Few photos")."""

FEW_PHOTOS = 32
"""With more, "auto" leaves it at the cameras' own points: 24 photos gain 0.3 to 0.7 dB, fox's 43 nothing."""


class Swept(NamedTuple):
    """A small photo, its depths, and the photos that are asked about them."""

    view: View
    map: DepthMap
    witnesses: list[int]


class Found(NamedTuple):
    """New points, of which each was seen by two photos, and the share of the photos' pixels that they cover."""

    points: Points
    coverage: float


def more_points(options: Options, views: Sequence[View], points: Points) -> Found | None:
    """`dense_points` where the options want them; None where training starts from the scene's own points alone."""
    if options.start_points == "sparse" or (options.start_points == "auto" and len(views) > FEW_PHOTOS):
        return None
    most = min(MOST_POINTS, options.max_gaussians // 2) if options.max_gaussians else MOST_POINTS
    found = dense_points(views, points, max(0, most - len(points.xyz)))
    return found if options.start_points == "dense" or found.coverage >= LEAST_COVERAGE else None


def dense_points(views: Sequence[View], points: Points, most: int = MOST_POINTS) -> Found:
    """Points of the surfaces that photos show, beside those that they have.

    Args:
        views: the photos, on the device that trains.
        points: the scene's.
        most: how many are wanted at most; chosen by chance where there are more.
    """
    pictures = [_small(view) for view in views]
    cameras = [view.camera for view, _ in pictures]
    neighbours = [neighbours_of(index, cameras, points.xyz) for index in range(len(cameras))]

    def sweep(index: int) -> Swept | None:
        view, picture = pictures[index]
        ends = [near_depth(picture.camera, points.xyz, quantile, FEWEST_IN_SIGHT) for quantile in (0.01, 0.99)]
        if not neighbours[index] or ends[0] is None or ends[1] is None:
            return None
        others = [pictures[other][1] for other in neighbours[index][:NEIGHBOURS]]
        found = depth_map(picture, others, NEAREST * ends[0], FARTHEST * ends[1])
        if view.ignored is not None:
            fill(found.score, view.ignored.pixels != 0, UNKNOWN)
        return Swept(view, found, neighbours[index])

    on_gpu = is_gpu(device_of(pictures[0][1].grey))
    with ThreadPoolExecutor(1 if on_gpu else available_cpus()) as pool:
        swept = list(pool.map(sweep, range(len(cameras))))
    believed = confirmed(swept)
    coverage = sum(float(to_numpy(one).mean()) for one in believed if one is not None) / len(believed)
    xyz, rgb = _merged(swept, believed)
    if len(xyz) > most:
        chosen = np.sort(np.random.default_rng(0).permutation(len(xyz))[:most])
        xyz, rgb = xyz[chosen], rgb[chosen]
    return Found(Points(xyz, rgb, np.full(len(xyz), 2, np.int64)), coverage)


def _small(view: View) -> tuple[View, Picture]:
    """A view halved until it is about `LONGEST_SIDE`, and its grey picture."""
    while max(view.photo.shape) > LARGER * LONGEST_SIDE:
        view = halved(view)
    ignored = view.ignored and view.ignored._replace(pixels=computable(view.ignored.pixels))
    view = View(view.camera, computable(view.photo), ignored)  # arrays of our own are swept by processors
    red, green, blue = cast(view.photo, "float32")
    return view, Picture((red + green + blue) / (3 * 255), view.camera)


def neighbours_of(index: int, cameras: Sequence[Camera], xyz: npt.NDArray[np.float64]) -> list[int]:
    """The other photos that tell most of one, those first that see most of its points from about the best angle."""
    seen = xyz[in_sight(cameras[index], xyz)]
    own = _directions(cameras[index], seen)
    worth = np.zeros(len(cameras))
    for other, camera in enumerate(cameras):
        if other == index:
            continue
        both = in_sight(camera, seen)
        angle = np.degrees(np.arccos((own[both] * _directions(camera, seen[both])).sum(axis=1).clip(-1, 1)))
        off = (angle - BEST_ANGLE) / np.where(angle < BEST_ANGLE, NARROWER, WIDER)
        worth[other] = np.exp(-(off**2) / 2).sum()
    order = np.argsort(-worth, kind="stable")[:WITNESSES]
    return [int(other) for other in order if worth[other] >= LEAST_WORTH]


def in_sight(camera: Camera, xyz: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """(N,) which of (N, 3) points in the world project into a camera's picture."""
    x, y, z = (xyz @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    u, v = camera.fx * x + camera.cx * z, camera.fy * y + camera.cy * z
    inside: npt.NDArray[np.bool_] = (z > 0) & (u > 0) & (u < camera.width * z) & (v > 0) & (v < camera.height * z)
    return inside


def _directions(camera: Camera, xyz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rays = xyz - camera.center
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True).clip(1e-12, None))


def confirmed(swept: Sequence[Swept | None]) -> list[Array | None]:
    """(H, W) bool for each photo: where its depth is believed. None where the photo has no depths.

    Other photos agree with a place, contradict it, or say nothing of it: one that sees what lies farther away in the
    same direction would not, were the place not empty. More have to agree than contradict, by one or two.
    """
    return [None if one is None else _believed(one, [swept[index] for index in one.witnesses]) for one in swept]


def _believed(one: Swept, others: Sequence[Swept | None]) -> Array:
    world = _in_world(one)
    votes = 0 * one.map.score
    for other in others:
        if other is not None:
            said = _said(world, other)
            votes = votes + cast(said.same, "float32") - cast(said.farther, "float32")
    return ((one.map.score >= SURE) & (votes >= 1)) | ((one.map.score >= LEAST_SCORE) & (votes >= VOTES_FOR_THE_UNSURE))


def _merged(
    swept: Sequence[Swept | None], believed: Sequence[Array | None]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
    """(M, 3) places that photos are believed, and their colours: once each, of the first photo that shows them."""
    places, colours = [np.zeros((0, 3))], [np.zeros((0, 3), np.uint8)]
    for index, (one, keep) in enumerate(zip(swept, believed, strict=True)):
        if one is None or keep is None:
            continue
        world, fresh = _in_world(one), keep
        for before in (witness for witness in one.witnesses if witness < index):
            other, kept = swept[before], believed[before]
            if other is not None and kept is not None:
                said = _said(world, other)
                fresh = fresh & ~(said.same & library(kept).take(kept.reshape(-1), said.pixel))
        chosen = to_numpy(fresh)
        places.append(np.stack([to_numpy(axis)[chosen] for axis in world], axis=1).astype(np.float64))
        colours.append(to_numpy(one.view.photo)[:, chosen].T)
    return np.concatenate(places), np.concatenate(colours)


def _in_world(swept: Swept) -> tuple[Array, Array, Array]:
    """(H, W) x, y and z in the world of a photo's pixels."""
    camera, depth = swept.view.camera, swept.map.depth
    xp = library(depth)
    height, width = depth.shape
    there = {} if isinstance(depth, np.ndarray) else {"device": depth.device}
    x = (xp.arange(width, dtype=xp.float32, **there)[None, :] + (0.5 - camera.cx)) / camera.fx * depth
    y = (xp.arange(height, dtype=xp.float32, **there)[:, None] + (0.5 - camera.cy)) / camera.fy * depth
    pose = np.linalg.inv(np.vstack([camera.camera_from_world[:3], [0, 0, 0, 1]]))[:3].tolist()
    first, second, third = (line[0] * x + line[1] * y + line[2] * depth + line[3] for line in pose)
    return first, second, third


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
    told, score = (xp.take(of.reshape(-1), pixel) for of in there.map)
    same = inside & (abs(told - z) < SAME_DEPTH * z) & (score >= LEAST_OTHER_SCORE)
    return _Said(same, inside & (told > (1 + FARTHER) * z) & (score >= LEAST_SCORE), pixel)
