"""What photos that are partly transparent say of space: nothing is where they show nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from splatworker.formats.camera import Camera
from splatworker.train.free_space import along, lens
from splatworker.train.model import Model
from splatworker.train.photos import Views

SIDE = 256
"""Pixels of width and of height that a photo's alpha is looked up in."""

LEAST_OPAQUE = 0.5
"""A place is the subject's when so large a share of the photos that look there is opaque there, and one photo at least.
All of them are where the subject is cut out well and not cut off by anything before it."""

_PAIRS_AT_ONCE = 2_000_000
"""Of a camera and a Gaussian: bounds the memory that a question takes."""


class Silhouettes:
    """The space that cameras see the subject in.

    Args:
        cameras: C of them.
        opacity: (C, SIDE, SIDE) in [0, 1], of each one's photo, on the device where Gaussians are asked about.
        count: how many of the photos are partly transparent.
        counts: (C, SIDE, SIDE) bool, where a photo says anything; None: everywhere.
    """

    def __init__(
        self, cameras: Sequence[Camera], opacity: torch.Tensor, count: int, counts: torch.Tensor | None = None
    ) -> None:
        self.count = count
        matrices = np.array([camera.camera_from_world[:3] for camera in cameras])
        self._camera_from_world = torch.tensor(matrices, dtype=torch.float32, device=opacity.device)
        lenses = np.array([lens(camera) for camera in cameras])
        self._lenses = torch.tensor(lenses, dtype=torch.float32, device=opacity.device)
        self._is_opaque = opacity >= 0.5
        self._counts = counts

    @classmethod
    def of(cls, cameras: Sequence[Camera], views: Views) -> Silhouettes | None:
        """Those of the views' first photos, one a camera; None where no photo is transparent anywhere."""
        holes = [views.hole(index) for index in range(len(cameras))]
        some = next((hole for hole in holes if hole is not None), None)
        if some is None:
            return None
        opaque = torch.ones(SIDE, SIDE, device=some.device)
        opacity = [opaque if hole is None else 1 - _shrunk(hole) / 255 for hole in holes]
        count = sum(hole is not None for hole in holes)
        ignored = [views.ignored(index) for index in range(len(cameras))]
        if all(one is None for one in ignored):
            return cls(cameras, torch.stack(opacity), count)
        counts = [opaque > 0 if one is None else _shrunk(one.pixels != 0) == 0 for one in ignored]
        return cls(cameras, torch.stack(opacity), count, torch.stack(counts))

    def outside(self, means: torch.Tensor) -> torch.Tensor:
        """(N,) which of (N, 3) centers in the world are not the subject's."""
        seen = torch.zeros(len(means), dtype=torch.int32, device=means.device)
        opaque = torch.zeros_like(seen)
        step = max(1, _PAIRS_AT_ONCE // max(1, len(means)))
        for first in range(0, len(self._lenses), step):
            some = slice(first, first + step)
            x, y, z = (along(means, self._camera_from_world[some, axis]) for axis in range(3))
            fx, fy, cx, cy = self._lenses[some, :, None].unbind(1)
            depth = z.clamp_min(1e-6)
            column = ((fx * x / depth + cx + 0.5) * SIDE).floor()
            row = ((fy * y / depth + cy + 0.5) * SIDE).floor()
            inside = (z > 0) & (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
            pixel = (row.clamp(0, SIDE - 1) * SIDE + column.clamp(0, SIDE - 1)).long()
            if self._counts is not None:
                inside &= self._counts[some].flatten(1).gather(1, pixel)
            hits = self._is_opaque[some].flatten(1).gather(1, pixel) & inside
            seen += inside.sum(dim=0, dtype=torch.int32)
            opaque += hits.sum(dim=0, dtype=torch.int32)
        return (opaque < LEAST_OPAQUE * seen) | (opaque == 0)

    def clear(self, model: Model) -> None:
        """Take away the Gaussians that are not the subject's, unless none would be left."""
        kept = (~self.outside(model.parameters.means)).nonzero()[:, 0]
        if 0 < len(kept) < len(model):
            none = type(model.parameters)(*(tensor[:0] for tensor in model.parameters))
            model.rebuild(kept, none)


def _shrunk(hole: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.interpolate(hole[None, None].float(), size=(SIDE, SIDE), mode="area")[0, 0]
