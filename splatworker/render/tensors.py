"""Between a splat as files hold it and as renderers take it: on their device, in memory of its own."""

from __future__ import annotations

import numpy as np

from splatworker.formats.gaussians import FloatArray, Gaussians
from splatworker.render.arrays import Array, Device, empty_like_row, library, to_device, to_numpy
from splatworker.render.gpu_array import GpuArray
from splatworker.render.interface import GaussianTensors, Renderer


def to_tensors(gaussians: Gaussians, device: Device) -> GaussianTensors:
    """Copies of a splat's arrays as float32 arrays on a device."""
    return GaussianTensors(
        *(
            _copy(array, device)
            for array in (
                gaussians.means,
                gaussians.quaternions,
                gaussians.log_scales,
                gaussians.opacity_logits,
                gaussians.sh_dc,
                gaussians.sh_rest,
            )
        )
    )


def for_renderer(gaussians: Gaussians, renderer: Renderer) -> GaussianTensors:
    """The splat on a renderer's device, and the renderer drawing as the splat is to be drawn."""
    renderer.antialiasing = gaussians.antialiased
    return to_tensors(gaussians, renderer.device)


def _copy(array: FloatArray, device: Device) -> Array:
    copy = empty_like_row(array, len(array))
    copy[...] = array
    return to_device(copy, device)


def to_gaussians(tensors: GaussianTensors, *, antialiased: bool = False) -> Gaussians:
    """Copies of a splat's arrays as numpy arrays on the CPU, and how they are to be drawn."""
    return Gaussians(*(np.array(to_numpy(array)) for array in tensors), antialiased=antialiased)


def of_one_colour(gaussians: GaussianTensors, sh_dc: Array) -> GaussianTensors:
    """The same Gaussians in colours, (N, 3) `sh_dc`, that are the same from everywhere."""
    rest = gaussians.sh_rest
    if isinstance(rest, GpuArray):
        none: Array = GpuArray(rest.device, (len(rest), 0, 3), rest.dtype)
    else:
        none = library(rest).zeros_like(rest[:, :0])
    return gaussians._replace(sh_dc=sh_dc, sh_rest=none)
