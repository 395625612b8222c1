"""Coarse to fine: the first iterations see shrunk photos, which cost a quarter and show what is large first.

Early Gaussians are too few to show detail anyway. Schedules of this kind are reported to train 1.7 times faster at
equal or better held-out quality (Chen et al. 2025, "DashGaussian"; the schedule here is simpler).
"""

from __future__ import annotations

import functools
import operator
from dataclasses import replace

import numpy as np

from splatworker.formats.camera import Camera
from splatworker.render import gpu_kernels
from splatworker.render.arrays import Array, cast, filled
from splatworker.render.gpu_array import GpuArray
from splatworker.render.interface import View
from splatworker.train.views import Views

LEAST_SIDE = 64
"""Pixels: photos are not shrunk to less."""


def halvings(iteration: int, coarse_iterations: int) -> int:
    """How often photos are halved at an iteration (from 1): twice, then once, then not."""
    if iteration > coarse_iterations:
        return 0
    return 2 if iteration <= coarse_iterations // 2 else 1


class Pyramid:
    """Views at full size and halved, again and again.

    Args:
        views: the views at full size.
        coarse_iterations: iterations before the full size; the first half of them at a quarter, the rest at half.
    """

    def __init__(self, views: Views, coarse_iterations: int) -> None:
        self._coarse_iterations = coarse_iterations
        self._levels = [views]
        for _ in range(2 if coarse_iterations else 0):
            if self._levels[-1].smallest_side < 2 * LEAST_SIDE:
                break
            self._levels.append(self._levels[-1].each(halved))

    def view(self, index: int, iteration: int, over: Array | None = None) -> View:
        """A view, at the size for an iteration (from 1); where its photo is transparent on another colour, (3,)."""
        level = self._levels[min(halvings(iteration, self._coarse_iterations), len(self._levels) - 1)]
        return level[index] if over is None else level.over(index, over)


def halved(view: View) -> View:
    """A view at half its width and height, rounded down: each pixel the mean of four, ignored where any of them is."""
    height, width = view.photo.shape[1] // 2, view.photo.shape[2] // 2
    ignored = view.ignored
    if ignored is not None:
        ignored = ignored._replace(pixels=_halved_mask(ignored.pixels, height, width))
    photo = _halved_photo(view.photo, None if ignored is None else ignored.pixels, height, width)
    return View(halved_camera(view.camera), photo, ignored)


def halved_camera(camera: Camera) -> Camera:
    """Of a view that is `halved`. An odd last column or row falls away, so that all of it halves exactly."""
    inside = {name: getattr(camera, name) / 2 for name in ("fx", "fy", "cx", "cy")}
    return replace(camera, width=camera.width // 2, height=camera.height // 2, **inside)


def _halved_photo(photo: Array, ignored: Array | None, height: int, width: int) -> Array:
    if isinstance(photo, GpuArray):
        return gpu_kernels.halved_photo(photo, ignored)
    if isinstance(photo, np.ndarray):
        # The nearest whole number, and of two the even one, as a float is rounded: adding 1 does all but half of these.
        total: Array = functools.reduce(
            operator.add, (part.astype(np.uint16) for part in _quarters(photo, height, width))
        )
        half: Array = ((total + 1 + ((total >> 2) & 1)) >> 2).astype(np.uint8)
    else:
        upper_left, *others = _quarters(cast(photo, "float32"), height, width)
        total = sum(others, upper_left)
        half = cast((total / 4).round(), "uint8")
    return half if ignored is None else filled(half, ignored != 0, 0)


def _halved_mask(mask: Array, height: int, width: int) -> Array:
    if isinstance(mask, GpuArray):
        return gpu_kernels.halved_mask(mask)
    first, *others = _quarters(mask != 0, height, width)
    return cast(functools.reduce(operator.or_, others, first), "uint8")


def _quarters(picture: Array, height: int, width: int) -> list[Array]:
    """The upper left, upper right, lower left and lower right ones of so many squares of four pixels, (..., H, W)."""
    return [picture[..., y : 2 * height : 2, x : 2 * width : 2] for y in range(2) for x in range(2)]
