"""Photos and their cameras as a training takes them: each ready for a step when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import overload

import numpy as np
import numpy.typing as npt

from splatworker.machine.limits import available_cpus
from splatworker.render import gpu_kernels
from splatworker.render.arrays import (
    Array,
    Device,
    beside,
    cast,
    computable,
    fetched_soon,
    library,
    on_host,
    to_device,
    to_device_soon,
    to_host,
    to_numpy,
)
from splatworker.render.device import is_gpu
from splatworker.render.gpu_array import GpuArray
from splatworker.render.ignored import left_out
from splatworker.render.interface import Ignored, View
from splatworker.train.falloff import Falloff, evened


class Views(Sequence[View]):
    """Photos and their cameras, each ready for a training step when it is asked for.

    Args:
        views: the photos, on the device that trains, or in main memory.
        device: where photos that stay in main memory are brought when they are asked for; None: they are there.
        holes: (H, W) uint8 beside each photo, 255 where it is transparent; None for opaque ones. It lies where the
            photo is needed.
        background: the grey in [0, 255] that the photos lie on where they are transparent.
    """

    def __init__(
        self,
        views: list[View],
        device: Device | None = None,
        holes: Sequence[Array | None] | None = None,
        background: int = 0,
    ) -> None:
        self._device = device
        self._views = views
        self._holes: list[Array | None] = list(holes) if holes is not None else [None for _ in views]
        self._background = background
        if device is not None and is_gpu(device):
            # From pages that the system cannot move, the GPU fetches a photo by itself while the host goes on.
            self._views = [View(view.camera, fetched_soon(view.photo, device), view.ignored) for view in views]

    @overload
    def __getitem__(self, index: int) -> View: ...
    @overload
    def __getitem__(self, index: slice) -> Views: ...
    def __getitem__(self, index: int | slice) -> View | Views:
        if isinstance(index, slice):
            return self.like(self._views[index], self._holes[index])
        view = self._views[index]
        if self._device is None:
            return view
        return View(view.camera, to_device_soon(view.photo, self._device), view.ignored)

    def __len__(self) -> int:
        return len(self._views)

    def hole(self, index: int) -> Array | None:
        """(H, W) uint8: 255 where a photo is transparent; None if it is so nowhere."""
        return self._holes[index]

    def over(self, index: int, colour: Array) -> View:
        """A view whose photo lies on a colour, (3,) in [0, 1], where it is transparent."""
        view, hole = self[index], self._holes[index]
        if hole is None:
            return view
        if isinstance(view.photo, GpuArray):
            ignored = None if view.ignored is None else view.ignored.pixels
            photo = gpu_kernels.laid_over(view.photo, hole, ignored, colour, self._background)
            return View(view.camera, photo, view.ignored)
        change = (255 * colour - self._background)[:, None, None]
        laid = cast(view.photo, "float32") + cast(hole, "float32") * (1 / 255) * change
        if view.ignored is not None:
            laid = left_out(laid, view.ignored)
        return View(view.camera, cast(laid.round().clip(0, 255), "uint8"), view.ignored)

    def ignored(self, index: int) -> Ignored | None:
        """What is ignored of a photo; None where all of it counts."""
        return self._views[index].ignored

    @property
    def as_kept(self) -> Sequence[View]:
        """The views, none brought anywhere: of those in main memory, the photo is there."""
        return self._views

    def ignoring(self, masks: Mapping[int, npt.NDArray[np.bool_]]) -> Views:
        """The same, but that of some photos, by index, what (H, W) masks say is ignored, too."""
        changed = list(self._views)
        for index, mask in masks.items():
            view = self._views[index]
            hidden = mask if view.ignored is None else mask | (to_numpy(view.ignored.pixels) != 0)
            pixels = to_numpy(view.photo).copy()
            pixels[:, hidden] = 0
            where = (255 * hidden).astype(np.uint8)
            if self._device is None:
                changed[index] = View(view.camera, beside(pixels, view.photo), Ignored(beside(where, view.photo)))
            else:
                placed = to_host(pixels, self._device)
                placed = fetched_soon(placed, self._device) if is_gpu(self._device) else placed
                changed[index] = View(view.camera, placed, Ignored(to_device(where, self._device)))
        return self.like(weighted(changed), self._holes)

    @property
    def have_holes(self) -> bool:
        """Whether a photo is transparent anywhere."""
        return any(hole is not None for hole in self._holes)

    @property
    def streams(self) -> bool:
        """Whether photos stay in main memory."""
        return self._device is not None

    @property
    def largest(self) -> tuple[int, int]:
        """The largest width and the largest height of a photo, in pixels."""
        return max(view.camera.width for view in self._views), max(view.camera.height for view in self._views)

    @property
    def smallest_side(self) -> int:
        """The smallest width or height of a photo, in pixels."""
        return min(min(view.camera.width, view.camera.height) for view in self._views)

    def at(self, indices: list[int]) -> Views:
        """The views of these indices."""
        return self.like([self._views[index] for index in indices], [self._holes[index] for index in indices])

    def each(self, change: Callable[[View], View]) -> Views:
        """What `change` makes of every view, kept where these are."""
        if self._device is None and isinstance(self._views[0].photo, np.ndarray):
            with ThreadPoolExecutor(available_cpus()) as pool:
                changed = list(pool.map(change, self._views))
        else:
            changed = [change(view) for view in self]
        if self._device is not None:
            changed = [View(view.camera, on_host(view.photo), view.ignored) for view in changed]
        holes = [
            None if hole is None else change(View(view.camera, hole.reshape(1, *hole.shape))).photo[0]
            for view, hole in zip(self._views, self._holes, strict=True)
        ]
        return Views(changed, self._device, holes, self._background)

    def divided(self, gains: npt.NDArray[np.float64], falloffs: Sequence[Falloff | None] = ()) -> Views:
        """The photos, (N, 3) gains of red, green and blue taken out of each, and the (N) falls of their lenses where
        there are any: those on the host, the others on the device where they are.
        """
        falls = list(falloffs) or [None] * len(self)
        with ThreadPoolExecutor(available_cpus()) as pool:
            even = pool.map(self._without_fall, range(len(self)), falls, gains)
            changed = [
                self._divided(index, gain) if view is None else view
                for index, (view, gain) in enumerate(zip(even, gains, strict=True))
            ]
        return Views(changed, self._device, self._holes, self._background)

    def _divided(self, index: int, gain: npt.NDArray[np.float64]) -> View:
        """A view, gains taken out of it."""
        if (gain == 1).all():
            return self._views[index]
        view = self[index]
        photo = _scaled(view.photo, beside((1 / gain).astype(np.float32), view.photo))
        return View(view.camera, photo if self._device is None else on_host(photo), view.ignored)

    def _without_fall(self, index: int, falloff: Falloff | None, gain: npt.NDArray[np.float64]) -> View | None:
        """A view, its lens's fall and gains taken out of it; None where its lens has none."""
        if falloff is None:
            return None
        view = self._views[index]
        pixels = evened(to_numpy(view.photo), view.camera, falloff, gain)
        photo = beside(pixels, view.photo) if self._device is None else to_host(pixels, self._device)
        return View(view.camera, photo, view.ignored)

    def like(self, views: list[View], holes: list[Array | None]) -> Views:
        """Some of these views, or others that are kept as these are."""
        part = Views(views, None, holes, self._background)
        part._device = self._device
        return part


def _scaled(photo: Array, factors: Array) -> Array:
    """A (3, H, W) photo, each channel times a factor, (3,)."""
    if isinstance(photo, GpuArray):
        return gpu_kernels.scaled_photo(photo, factors)
    scaled = cast(photo, "float32") * factors[:, None, None]
    return cast(library(scaled).round(scaled).clip(0, 255), "uint8")


def weighted(views: list[View]) -> list[View]:
    """Ignored pixels' views with the weight that makes up for what all of them together leave out.

    One for all: every pixel that counts then counts alike, and gradients are as large as if photos had been cropped.
    """
    masks = [view.ignored.pixels for view in views if view.ignored is not None]
    kept = sum(int((computable(pixels) == 0).sum()) for pixels in masks)
    weight = sum(math.prod(pixels.shape) for pixels in masks) / max(1, kept)
    return [
        view if view.ignored is None else replace(view, ignored=view.ignored._replace(weight=weight)) for view in views
    ]
