"""Constant colours that make up, towards the cameras, for what a file loses of the other harmonics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.formats.gaussians import Gaussians
from splatworker.render import gpu_kernels
from splatworker.render.arrays import Array, Device, library, normalised, to_device, to_numpy
from splatworker.render.device import is_gpu
from splatworker.render.gpu_array import OwnGpu
from splatworker.render.interface import SH_C0
from splatworker.render.spherical_harmonics import basis
from splatworker.splat_files.lines_of_sight import LinesOfSight

FloatArray = npt.NDArray[np.float32]

INERTIA = 1.0
"""Pixels in all views together that stand for a constant colour as it was: what is hardly seen changes little."""

AT_ONCE = 8192
"""Gaussians that a processor looks at together: their numbers stay in its cache. A GPU takes all."""


def constant_colours(gaussians: Gaussians, stored: FloatArray, lines: LinesOfSight, device: Device) -> FloatArray:
    """The best `sh_dc` beside harmonics that are not quite right, in the mean square over all that the views show.

    Args:
        stored: (N, K - 1, 3) what a file has for `sh_rest`.
        lines: from where the Gaussians are seen, and how much of each.
        device: where it is worked out.

    Returns:
        (N, 3)
    """
    if isinstance(device, OwnGpu):
        given = gaussians.means, stored - gaussians.sh_rest, lines.centers, lines.weights
        means, lost, centers, weights = (to_device(array, device) for array in given)
        error = gpu_kernels.mean_error(means, lost, centers, weights, INERTIA)
        return np.asarray(gaussians.sh_dc - error / np.float32(SH_C0))
    step = len(gaussians) if is_gpu(device) else AT_ONCE
    centers, errors = to_device(lines.centers, device), []
    for begin in range(0, len(gaussians), step):
        some = slice(begin, begin + step)
        arrays = gaussians.means[some], stored[some] - gaussians.sh_rest[some]
        means, lost = (to_device(_number_by_number(array), device) for array in arrays)
        weights = to_device(lines.weights[:, some], device)
        errors.append(to_numpy(_mean_error(means, lost, centers, weights, gaussians.sh_degree)))
    found: FloatArray = gaussians.sh_dc - np.concatenate(errors, dtype=np.float32) / np.float32(SH_C0)
    return found


def _number_by_number(array: FloatArray) -> FloatArray:
    """The same with what belongs to one Gaussian far apart: numpy works along rows of memory ten times as fast."""
    return np.asfortranarray(array)


def _mean_error(means: Array, lost: Array, centers: Array, weights: Array, degree: int) -> Array:
    """(N, 3) how much the lost harmonics (N, K - 1, 3) show in the views, (V, 3) and (V, N), on average."""
    xp = library(means)
    seen, error = xp.full_like(means[:, :1], INERTIA), xp.zeros_like(means)
    for center, weight in zip(centers, weights, strict=True):
        values = basis(normalised(means - center), degree)[:, 1:]
        error += weight[:, None] * xp.einsum("nk,nkc->nc", values, lost)
        seen += weight[:, None]
    return error / seen
