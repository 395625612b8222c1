"""How alike a drawn image and a photo are."""

from __future__ import annotations

import torch


def psnr(image: torch.Tensor, photo: torch.Tensor, ignored: torch.Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in decibels of a (3, H, W) image in [0, 1] against a uint8 photo of its shape.

    Values outside [0, 1] count as the nearest that a screen shows; equal images give infinity. Where `ignored`, (H, W)
    uint8, is not 0 nothing is compared.
    """
    error = image.clamp(0, 1) - photo.to(image.dtype) / 255
    if ignored is not None:
        error = error[:, ignored.to(error.device) == 0]
    return float(-10 * torch.log10((error**2).mean(dtype=torch.float64)))
