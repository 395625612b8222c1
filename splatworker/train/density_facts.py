"""What density control has to know of every Gaussian to decide about it: three yes or no.

Told in a byte a Gaussian where they are a GPU's own arrays, in place of the six numbers that say it.
"""

from __future__ import annotations

from typing import NamedTuple

from splatworker.render import gpu_kernels
from splatworker.render.arrays import Array, largest_of_rows
from splatworker.render.gpu_array import GpuArray
from splatworker.render.interface import DensityStatistics

_WANTED, _SMALL, _FITS = 1, 2, 4
"""Bits of the kernel's bytes (kernels/cuda/array_kernels.h)."""


class Facts(NamedTuple):
    """(N,) truth values each, `computable`."""

    wanted: Array
    """Photos want more Gaussians there: its mean gradient reaches the threshold."""
    small: Array
    """It is small enough to be cloned, not split."""
    fits: Array
    """It is not larger than any should be."""


def facts_of(statistics: DensityStatistics, log_scales: Array, gradient: float, small: float, large: float) -> Facts:
    """What is so of N Gaussians.

    Args:
        statistics: what was gathered of them, (N,) each.
        log_scales: (N, 3).
        gradient: the mean norm of the gradients from which on a Gaussian that was seen is wanted.
        small, large: the logarithms of the largest scales that a small one has, and one that fits.
    """
    norms, views = statistics
    if isinstance(log_scales, GpuArray):
        facts = gpu_kernels.density_facts(norms, views, log_scales, gradient, small, large)
        return Facts(*((facts & bit) != 0 for bit in (_WANTED, _SMALL, _FITS)))
    largest = largest_of_rows(log_scales)
    wanted = (mean_gradients(statistics) >= gradient) & (views > 0)
    return Facts(wanted, largest <= small, largest <= large)


def mean_gradients(statistics: DensityStatistics) -> Array:
    """(N,) the mean gradient norm of each Gaussian over the photos that saw it, of `computable` statistics."""
    return statistics.gradient_norm_sum / statistics.view_count.clip(1, None)
