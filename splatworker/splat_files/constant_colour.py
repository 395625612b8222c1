"""Constant colours that make up, towards the cameras, for what a file loses of the other harmonics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from splatworker.formats.gaussians import Gaussians
from splatworker.render.interface import SH_C0
from splatworker.render.spherical_harmonics import basis
from splatworker.splat_files.lines_of_sight import LinesOfSight

FloatArray = npt.NDArray[np.float32]

INERTIA = 1.0
"""Pixels in all views together that stand for a constant colour as it was: what is hardly seen changes little."""


def constant_colours(gaussians: Gaussians, stored: FloatArray, lines: LinesOfSight, device: torch.device) -> FloatArray:
    """The best `sh_dc` beside harmonics that are not quite right, in the mean square over all that the views show.

    Args:
        stored: (N, K - 1, 3) what a file has for `sh_rest`.
        lines: from where the Gaussians are seen, and how much of each.
        device: where it is worked out.

    Returns:
        (N, 3)
    """
    means, sh_dc = (torch.from_numpy(array).to(device) for array in (gaussians.means, gaussians.sh_dc))
    lost = torch.from_numpy(stored - gaussians.sh_rest).to(device)
    centers, weights = (torch.from_numpy(array).to(device) for array in lines)
    seen, error = torch.full((len(means), 1), INERTIA, device=device), torch.zeros_like(means)
    for center, weight in zip(centers, weights, strict=True):
        values = basis(F.normalize(means - center, dim=-1), gaussians.sh_degree)[:, 1:]
        error += weight[:, None] * torch.einsum("nk,nkc->nc", values, lost)
        seen += weight[:, None]
    found: FloatArray = (sh_dc - error / seen / SH_C0).cpu().numpy()
    return found
