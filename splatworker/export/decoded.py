"""A splat from the numbers that compressed formats hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.gaussians import Gaussians

Array = npt.NDArray[np.floating[Any]]

LEAST_OPACITY = 0.001
"""A byte of opacity can be 0 or 255, whose logits are infinite: they become logits of about -7 and 7."""


def decoded(
    means: Array, quaternions: Array, log_scales: Array, opacities: Array, sh_dc: Array, sh_rest: Array
) -> Gaussians:
    """The Gaussians of arrays as in `Gaussians`, of any precision, and of (N,) opacities in [0, 1]."""
    inside = np.clip(opacities, LEAST_OPACITY, 1 - LEAST_OPACITY)
    arrays = (means, quaternions, log_scales, np.log(inside / (1 - inside)), sh_dc, sh_rest)
    return Gaussians(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))
