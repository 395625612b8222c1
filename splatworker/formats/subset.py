"""Some of a splat's Gaussians, or those of two."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.formats.gaussians import ARRAYS, LARGEST, LARGEST_LOG_SCALE, Gaussians


def take(gaussians: Gaussians, chosen: npt.NDArray[Any]) -> Gaussians:
    """The Gaussians that a boolean mask (N,) marks, or those of given indices, in their order."""
    chosen_rows = (getattr(gaussians, name)[chosen] for name in ARRAYS)
    return Gaussians(*chosen_rows, antialiased=gaussians.antialiased)


def joined(first: Gaussians, more: Gaussians) -> Gaussians:
    """Both as one splat, those of the first before the others, drawn as these; their harmonics are of one degree."""
    pairs = ((getattr(first, name), getattr(more, name)) for name in ARRAYS)
    return Gaussians(*(np.concatenate(pair) for pair in pairs), antialiased=first.antialiased)


def finite(gaussians: Gaussians) -> npt.NDArray[np.bool_]:
    """(N,) which Gaussians are made of numbers that can be computed with, and have a rotation: only PLY holds others.

    An infinite logit is a number here: it is an opacity of 1, or of 0. A number too large to be squared is none.
    """
    mask: npt.NDArray[np.bool_] = np.any(gaussians.quaternions != 0, axis=1)
    for name in ARRAYS:
        values = getattr(gaussians, name)
        match name:
            case "opacity_logits":
                numbers = ~np.isnan(values)
            case "quaternions":
                numbers = np.isfinite(values)
            case "log_scales":
                numbers = (values > -LARGEST) & (values < LARGEST_LOG_SCALE)
            case _:
                numbers = np.abs(values) < LARGEST
        if not numbers.all():  # nearly always all are, and this is much faster than row by row
            mask &= numbers.all(axis=tuple(range(1, numbers.ndim)))
    return mask
