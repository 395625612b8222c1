"""Between a splat as numpy arrays, as files hold it, and as tensors, as renderers take it."""

from __future__ import annotations

import torch

from splatworker.formats.gaussians import Gaussians
from splatworker.render.interface import GaussianTensors


def to_tensors(gaussians: Gaussians, device: torch.device) -> GaussianTensors:
    """Copies of a splat's arrays as float32 tensors on a device."""
    return GaussianTensors(
        *(
            torch.tensor(array, device=device)
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


def to_gaussians(tensors: GaussianTensors) -> Gaussians:
    """Copies of a splat's tensors as numpy arrays."""
    return Gaussians(*(tensor.detach().to("cpu", copy=True).numpy() for tensor in tensors))
