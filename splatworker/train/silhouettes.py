"""What photos that are partly transparent say of space: nothing is where they show nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from splatworker.errors import InvalidMasks
from splatworker.formats.camera import Camera
from splatworker.render import gpu_kernels
from splatworker.render.arrays import (
    Array,
    Device,
    area_means,
    cast,
    computable,
    device_of,
    indices,
    library,
    looked_up,
    to_device,
)
from splatworker.render.gpu_array import GpuArray, OwnGpu, uploaded
from splatworker.train.free_space import along, lens
from splatworker.train.model import Model
from splatworker.train.views import Views

SIDE = 256
"""Pixels of width and of height that a photo's alpha is looked up in."""

LEAST_OPAQUE = 0.5
"""A place is the subject's when so large a share of the photos that look there is opaque there, and one photo at least.
All of them are where the subject is cut out well and not cut off by anything before it."""

FEWEST_INSIDE = 20
"""Gaussians of a subject, however small."""

_PAIRS_AT_ONCE = 2_000_000
"""Of a camera and a Gaussian: bounds the memory that a question takes."""


class Silhouettes:
    """The space that cameras see the subject in.

    Args:
        cameras: C of them.
        opacity: (C, SIDE, SIDE) in [0, 1], `computable`, of each one's photo.
        count: how many of the photos are partly transparent.
        counts: (C, SIDE, SIDE) bool, where a photo says anything; None: everywhere.
        device: where Gaussians are asked about; None: where `opacity` is.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        opacity: Array,
        count: int,
        counts: Array | None = None,
        device: Device | None = None,
    ) -> None:
        self.count = count
        device = device_of(opacity) if device is None else device
        matrices = np.array([camera.camera_from_world[:3] for camera in cameras])
        self._camera_from_world = to_device(matrices.astype(np.float32), device)
        lenses = np.array([lens(camera) for camera in cameras], np.float32)
        self._lenses = to_device(lenses, device)
        self._is_opaque = opacity >= 0.5
        self._counts = counts
        if isinstance(device, OwnGpu):
            self._is_opaque = uploaded(self._is_opaque, device)
            self._counts = None if counts is None else uploaded(counts, device)

    @classmethod
    def of(cls, cameras: Sequence[Camera], views: Views) -> Silhouettes | None:
        """Those of the views' first photos, one a camera; None where no photo is transparent anywhere."""
        holes = [views.hole(index) for index in range(len(cameras))]
        some = next((hole for hole in holes if hole is not None), None)
        if some is None:
            return None
        device = device_of(some)
        opaque = computable(to_device(np.ones((SIDE, SIDE), np.float32), device))
        xp = library(opaque)
        opacity = xp.stack([opaque if hole is None else 1 - area_means(hole, SIDE) / 255 for hole in holes])
        count = sum(hole is not None for hole in holes)
        ignored = [views.ignored(index) for index in range(len(cameras))]
        if all(one is None for one in ignored):
            return cls(cameras, opacity, count, device=device)
        counts = [opaque > 0 if one is None else area_means(one.pixels, SIDE, not_zero=True) == 0 for one in ignored]
        return cls(cameras, opacity, count, xp.stack(counts), device)

    def outside(self, means: Array) -> Array:
        """(N,) which of (N, 3) centers in the world are not the subject's; `computable`."""
        if isinstance(means, GpuArray):
            return gpu_kernels.outside(means, self._camera_from_world, self._lenses, self._is_opaque, self._counts)
        xp = library(means)
        seen = xp.zeros_like(means[:, 0], dtype=xp.int32)
        opaque = xp.zeros_like(seen)
        step = max(1, _PAIRS_AT_ONCE // max(1, len(means)))
        for first in range(0, len(self._lenses), step):
            some = slice(first, first + step)
            x, y, z = (along(means, self._camera_from_world[some, axis]) for axis in range(3))
            fx, fy, cx, cy = (self._lenses[some, k, None] for k in range(4))
            depth = z.clip(1e-6, None)
            column = xp.floor((fx * x / depth + cx + 0.5) * SIDE)
            row = xp.floor((fy * y / depth + cy + 0.5) * SIDE)
            inside = (z > 0) & (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
            pixel = cast(row.clip(0, SIDE - 1) * SIDE + column.clip(0, SIDE - 1), "int64")
            if self._counts is not None:
                inside &= looked_up(self._counts[some].reshape(-1, SIDE * SIDE), pixel)
            hits = looked_up(self._is_opaque[some].reshape(-1, SIDE * SIDE), pixel) & inside
            seen += inside.sum(axis=0, dtype=xp.int32)
            opaque += hits.sum(axis=0, dtype=xp.int32)
        return (opaque < LEAST_OPAQUE * seen) | (opaque == 0)

    def demand_subject(self, model: Model) -> None:
        """Refuse what is left of a scene by cutouts that show no one thing, or hide it.

        Raises:
            InvalidMasks: hardly a Gaussian is where most photos show something.
        """
        inside = len(indices(~self.outside(model.parameters.means)))
        if inside < FEWEST_INSIDE:
            raise InvalidMasks(
                "The photos' cutouts, by their masks or their transparency, have hardly anything in common: "
                f"{inside} of {len(model)} Gaussians lie where most of them keep something.",
                hint="A cutout keeps the same thing in every photo. In masks white is what is kept; where black is, "
                "invert_masks.",
                stage="train",
            )

    def clear(self, model: Model) -> None:
        """Take away the Gaussians that are not the subject's, unless none would be left."""
        kept = indices(~self.outside(model.parameters.means))
        if 0 < len(kept) < len(model):
            none = type(model.parameters)(*(array[:0] for array in model.parameters))
            model.rebuild(kept, none)
