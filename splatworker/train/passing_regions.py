"""Which pixels of shrunk photos show somebody who passed, from by how much each photo disagrees with the others.

A passer-by is a region, not a pixel: large enough, different all over, and gone from the place when the next photo was
taken. A thing that stands still and has not been learnt yet, since no start points lie on it, disagrees too, but from
every side: then there is a place in space at which the regions of most photos that see it meet, and it is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from splatworker.formats.regions import closed, filled, grown, pieces
from splatworker.machine.limits import available_cpus
from splatworker.train.agreement import Look, Map, Mask

SEED = 0.1
"""In shares of a channel's range: a region has a core of which the mean of 5 x 5 pixels differs by more."""

EDGE = 0.03
"""A region reaches as far as the mean of 3 x 3 pixels differs by more."""

LEAST_MEAN = 0.07
"""Over all of it a region differs by this at least, or it is a faint fringe of haze or gloss."""

STRIKING, STRIKING_TO_A_CLOSE_LOOK = 0.28, 0.12
"""A tenth of a region differs by more: gloss on a table, or fur, seen as no other photo sees it, is nearly always
fainter. The second, which finds the grey before the grey, and much that is nobody, is for where that is asked for."""

STRIKING_PART = 0.1

LEAST_CORE = 0.0006
"""Of a photo's pixels, what the core covers at least: a head, far away."""

BRIDGED = 3
"""Pixels: stripes and the like so far apart belong together."""

MARGIN = 2
"""Pixels around a region that are left out, too: its edge is soft, and has a shadow."""

DEPTHS = 48
"""Places along a line of sight that are tried."""

STANDS = 0.3
"""Of the photos that see a place, so many must find a region there if something stands in it..."""

FEWEST_MEET = 3
"""... and so many at least, the one that is asked about among them."""

SAMPLES = 24
"""Lines of sight that are tried of a region."""

STANDING_LINES = 0.4
"""Of them, so many must meet something that stands."""


def regions(differs: Map, *, strict: bool = True) -> tuple[npt.NDArray[np.int32], int]:
    """(H, W) the number of the region that each pixel is in, from 1, or 0; and how many there are.

    Args:
        differs: (H, W), from `agreement.disagreement`.
        strict: only those that are striking.
    """
    height, width = differs.shape
    least_core = max(4, LEAST_CORE * height * width)
    core = _mean_around(differs, 5, "constant") > SEED
    if np.count_nonzero(core) < least_core:
        return np.zeros((height, width), np.int32), 0
    labels, count = pieces(closed(_mean_around(differs, 3, "symmetric") > EDGE, BRIDGED))
    striking = differs > (STRIKING if strict else STRIKING_TO_A_CLOSE_LOOK)
    area, cores, total, strikes = (
        np.bincount(labels.ravel(), None if of is None else of.ravel(), minlength=count + 1)
        for of in (None, core, differs, striking)
    )
    kept = (cores >= least_core) & (total >= LEAST_MEAN * area) & (strikes >= STRIKING_PART * area)
    kept[0] = False
    numbers = np.cumsum(kept) * kept
    return numbers[labels].astype(np.int32), int(numbers.max())


def _mean_around(differs: Map, side: int, beyond: Literal["constant", "symmetric"]) -> Map:
    """(H, W) the mean of side x side pixels about each; beyond the border is nothing, or what a mirror there shows."""
    for _ in range(2):  # down the columns, and once they are rows again
        padded = np.pad(differs, ((side // 2, side // 2), (0, 0)), beyond).astype(np.float64)
        sums = padded[: len(differs)].copy()
        for row in range(1, side):
            sums += padded[row : row + len(differs)]
        differs = (sums / side).astype(np.float32).T
    return differs


def passing(looks: Sequence[Look], maps: Sequence[Map], *, strict: bool = True) -> list[Mask]:
    """(H, W) of each photo, where it shows somebody who passed.

    Args:
        maps: (H, W) each, from `agreement.disagreement`.
        strict: as for `regions`.
    """
    with ThreadPoolExecutor(available_cpus()) as pool:
        found = list(pool.map(partial(regions, strict=strict), maps))
        anywhere = list(pool.map(_with_margin, (labels > 0 for labels, _ in found)))

        def of(index: int) -> Mask:
            labels, count = found[index]
            parts = [labels == number for number in range(1, count + 1)]
            return _whole([part for part in parts if not stands(part, index, looks, anywhere)], labels.shape)

        return list(pool.map(of, range(len(looks))))


def _whole(parts: Sequence[Mask], shape: tuple[int, ...]) -> Mask:
    """Some regions, each without holes, and a margin around them."""
    return _with_margin(np.logical_or.reduce([filled(part) for part in parts])) if parts else np.zeros(shape, bool)


def _with_margin(mask: Mask) -> Mask:
    return grown(mask, MARGIN)


def stands(region: Mask, index: int, looks: Sequence[Look], anywhere: Sequence[Mask]) -> bool:
    """Whether a region of a photo is that of a thing that other photos find in the same place.

    Args:
        region: (H, W), of the photo `index`.
        anywhere: (H, W) of each photo, all its regions.
    """
    camera = looks[index].camera
    row, column = np.nonzero(region)
    some = np.linspace(0, len(row) - 1, min(SAMPLES, len(row))).astype(np.int64)
    rays = np.stack(
        [
            (column[some] + 0.5 - camera.cx) / camera.fx,
            (row[some] + 0.5 - camera.cy) / camera.fy,
            np.ones(len(some)),
        ],
        axis=1,
    )
    places = rays[:, None] * depths(camera.center, looks)[:, None]  # (lines, depths, 3), seen by this camera
    rotation, shift = camera.camera_from_world[:, :3], camera.camera_from_world[:, 3]
    world = (places - shift) @ rotation
    seen, met = np.ones(world.shape[:2]), np.ones(world.shape[:2])
    for other, (look, mask) in enumerate(zip(looks, anywhere, strict=True)):
        if other == index:
            continue
        x, y, z = np.moveaxis(
            world @ look.camera.camera_from_world[:, :3].T + look.camera.camera_from_world[:, 3], 2, 0
        )
        depth = np.maximum(z, 1e-9)
        u = np.floor(look.camera.fx * x / depth + look.camera.cx)
        v = np.floor(look.camera.fy * y / depth + look.camera.cy)
        inside = (z > 0) & (u >= 0) & (u < look.camera.width) & (v >= 0) & (v < look.camera.height)
        seen += inside
        at = v[inside].astype(np.int64), u[inside].astype(np.int64)
        met[inside] += mask[at]
    meets = ((met >= FEWEST_MEET) & (met >= STANDS * seen)).any(axis=1)
    return bool(meets.mean() >= STANDING_LINES)


def depths(center: npt.NDArray[np.float64], looks: Sequence[Look]) -> npt.NDArray[np.float64]:
    """(DEPTHS,) of the places that are tried before a camera at `center`, in even steps of their inverse."""
    others = np.array([look.camera.center for look in looks])
    reach = float(np.linalg.norm(others - center, axis=1).max()) or 1.0
    return 1 / np.linspace(1 / (0.1 * reach), 1 / (5 * reach), DEPTHS)
