"""Ignored pixels (`interface.Ignored`), for backends whose kernels know nothing of them: before a loss and after it."""

from __future__ import annotations

import math

from splatworker.formats.camera import Camera
from splatworker.render import gpu_kernels
from splatworker.render.arrays import Array, beside, cast, computable, copied, filled, library
from splatworker.render.gpu_array import GpuArray
from splatworker.render.interface import NEAR_PLANE, DensityStatistics, Ignored, Loss


def left_out(picture: Array, ignored: Ignored, scale: float = 1.0) -> Array:
    """A (3, H, W) picture, or its gradient, `scale` times as large and 0 where pixels are ignored."""
    if isinstance(picture, GpuArray):
        return gpu_kernels.without_ignored(picture, ignored.pixels, scale)
    return filled(picture * scale, beside(ignored.pixels, picture) != 0, 0)


def weighted(loss: Loss, weight: float) -> Loss:
    """The loss over the pixels that count, from that over all, and how much they weigh (`Ignored.weight`)."""
    l1, ssim = weight * loss.l1, 1 - weight * (1 - loss.ssim)
    return Loss(weight * loss.total, l1, ssim)


def alone(ignored: Ignored | None) -> Ignored | None:
    """The same, weighted for the scores of one picture: means over its own pixels that count."""
    if ignored is None:
        return None
    return ignored._replace(
        weight=math.prod(ignored.pixels.shape) / max(1, int((computable(ignored.pixels) == 0).sum()))
    )


def hides(means: Array, camera: Camera, ignored: Ignored) -> Array:
    """(N,) bool: whether the photo is ignored where the (N, 3) means are projected. Our own arrays have bytes."""
    if isinstance(means, GpuArray):
        return gpu_kernels.hides(means, camera, NEAR_PLANE, ignored.pixels)
    xp = library(means)
    x, y, z = (
        means[:, 0] * a + means[:, 1] * b + means[:, 2] * c + d for a, b, c, d in camera.camera_from_world.tolist()
    )
    depth = z.clip(NEAR_PLANE, None)
    column, row = xp.floor(camera.fx * x / depth + camera.cx), xp.floor(camera.fy * y / depth + camera.cy)
    inside = (z > NEAR_PLANE) & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    at = cast(row.clip(0, camera.height - 1) * camera.width + column.clip(0, camera.width - 1), "int64")
    return inside & (beside(ignored.pixels, means).reshape(-1)[at] != 0)


class Uncounted:
    """The statistics of Gaussians that a view says nothing of, put back after the view's step.

    Args:
        statistics: what the step will add to.
        hidden: (N,) bool, from `hides`, before the step moves the Gaussians.
    """

    def __init__(self, statistics: DensityStatistics, hidden: Array) -> None:
        self._statistics, self._hidden = statistics, hidden
        self._before = copied(statistics.gradient_norm_sum), copied(statistics.view_count)

    def put_back(self) -> None:
        """Forget what the step has added for them."""
        for now, before in zip(
            (self._statistics.gradient_norm_sum, self._statistics.view_count), self._before, strict=True
        ):
            if isinstance(now, GpuArray):
                gpu_kernels.put_back(self._hidden, before, now)
                continue
            now[...] = library(now).where(self._hidden, before, now)
