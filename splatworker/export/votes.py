"""Votes of all photos about every Gaussian: of what a photo shows of it, how much lies inside of a mask.

A Gaussian's weight in a pixel is how much of the pixel's colour is its own (`visibility`). Its vote is the mean of the
masks that it is seen through, weighted so: what one mask has got wrong, the others outvote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from splatworker.export.visibility import LEAST_WEIGHT
from splatworker.formats.camera import Camera
from splatworker.render.interface import SH_C0, GaussianTensors, Renderer

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

FAINT, BRIGHT = 0.25, 0.75
"""Colours that stand for no and yes: what is quite black would have no gradient."""


class Votes(NamedTuple):
    """What a set of views says about N Gaussians.

    Attributes:
        weight: (N,) the sum of its weights over all pixels of all views.
        views: (N,) in how many views it weighs at least `LEAST_WEIGHT`.
        share: (N,) how much of its weight lies inside of the masks, from 0 to 1.
        masks: (H, W) each, of what a view shows the share that belongs to the chosen.
    """

    weight: Floats
    views: npt.NDArray[np.int64]
    share: Floats
    masks: list[Floats]


def vote(
    renderer: Renderer,
    gaussians: GaussianTensors,
    chosen: Mask,
    cameras: Sequence[Camera],
    progress: Callable[[float], None] = lambda share: None,
    given: Sequence[Floats] | None = None,
) -> Votes:
    """Draw where each view shows the chosen Gaussians, with all the others before and behind; and ask it about all.

    Args:
        chosen: (N,) the Gaussians whose pixels are the masks.
        given: (H, W) in [0, 1] each, somebody else's masks of the views, to ask about instead of those.
    """
    count = len(gaussians.means)
    yes = torch.from_numpy(np.where(chosen, BRIGHT, FAINT).astype(np.float32)).to(renderer.device)
    grey = torch.full_like(yes, 0.5)
    colours = (torch.stack([grey, yes, grey], dim=1) - 0.5) / SH_C0
    painted = gaussians._replace(sh_dc=colours, sh_rest=torch.zeros_like(gaussians.sh_rest[:, :0]))
    black = torch.zeros(3, device=renderer.device)
    weight, inside, views = (torch.zeros(count, device=renderer.device) for _ in range(3))
    masks = []
    for index, camera in enumerate(cameras):
        image = renderer.render(painted, camera, black, 0)
        covered = 2 * image[0]  # how opaque all of them are there
        mask = ((image[1] - FAINT * covered) / (BRIGHT - FAINT)).clamp(0, 1)
        inner = (mask > 0.5).to(mask.dtype) if given is None else torch.from_numpy(given[index]).to(mask)
        asked = torch.stack([torch.ones_like(mask), inner, torch.zeros_like(mask)])
        gradients, _ = renderer.backward(asked)
        here = gradients.sh_dc / SH_C0
        weight += here[:, 0]
        inside += here[:, 1]
        views += here[:, 0] >= LEAST_WEIGHT
        masks.append(mask.cpu().numpy())
        progress((index + 1) / len(cameras))
    share = (inside / weight.clamp(min=1e-9)).clamp(0, 1)
    return Votes(weight.cpu().numpy(), views.cpu().numpy().astype(np.int64), share.cpu().numpy(), masks)
