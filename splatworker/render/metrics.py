"""How alike a drawn image and a photo are."""

from __future__ import annotations

import math

import numpy as np

from splatworker.render import gpu_kernels
from splatworker.render.arrays import Array, beside, cast, library, to_numpy
from splatworker.render.gpu_array import GpuArray


def psnr(image: Array, photo: Array, ignored: Array | None = None) -> float:
    """Peak signal-to-noise ratio in decibels of a (3, H, W) image in [0, 1] against a uint8 photo of its shape.

    Values outside [0, 1] count as the nearest that a screen shows; equal images give infinity. Where `ignored`, (H, W)
    uint8, is not 0 nothing is compared.
    """
    if isinstance(image, GpuArray):
        photo, ignored = beside(photo, image), None if ignored is None else beside(ignored, image)
        counted = image.size if ignored is None else 3 * int(np.count_nonzero(to_numpy(ignored) == 0))
        return _decibels(gpu_kernels.square_errors(image, photo, ignored) / counted)
    error = image.clip(0, 1) - cast(beside(photo, image), image.dtype) / 255
    if ignored is not None:
        error = error[:, beside(ignored, image) == 0]
    return _decibels(float((error**2).mean(dtype=library(image).float64)))


def _decibels(mean: float) -> float:
    return -10 * math.log10(mean) if mean else math.inf
