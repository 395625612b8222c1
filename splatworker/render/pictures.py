"""What a renderer has drawn, as bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.render import gpu_kernels
from splatworker.render.arrays import Array, cast, contiguous, library, to_numpy
from splatworker.render.gpu_array import GpuArray


def to_picture(image: Array) -> npt.NDArray[np.uint8]:
    """(H, W, 3) bytes of a (3, H, W) image in [0, 1], rounded; values outside are cut off."""
    if isinstance(image, GpuArray):
        return gpu_kernels.picture(image)
    return to_numpy(contiguous(library(image).moveaxis(cast((image.clip(0, 1) * 255).round(), "uint8"), 0, -1)))
