"""How alike a drawn image and a photo are."""

from __future__ import annotations

import math

from splatworker.render.arrays import Array, beside, cast, library


def psnr(image: Array, photo: Array, ignored: Array | None = None) -> float:
    """Peak signal-to-noise ratio in decibels of a (3, H, W) image in [0, 1] against a uint8 photo of its shape.

    Values outside [0, 1] count as the nearest that a screen shows; equal images give infinity. Where `ignored`, (H, W)
    uint8, is not 0 nothing is compared.
    """
    error = image.clip(0, 1) - cast(beside(photo, image), image.dtype) / 255
    if ignored is not None:
        error = error[:, beside(ignored, image) == 0]
    mean = float((error**2).mean(dtype=library(image).float64))
    return -10 * math.log10(mean) if mean else math.inf
