"""Votes of all photos about every Gaussian: of what a photo shows of it, how much lies inside of a mask.

A Gaussian's weight in a pixel is how much of the pixel's colour is its own (`visibility`). Its vote is the mean of the
masks that it is seen through, weighted so: what one mask has got wrong, the others outvote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.export.visibility import LEAST_WEIGHT
from splatworker.formats.camera import Camera
from splatworker.render.arrays import beside, cast, computable, library, to_device, to_numpy
from splatworker.render.interface import SH_C0, GaussianTensors, Renderer
from splatworker.render.tensors import of_one_colour

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
    yes = computable(to_device(np.where(chosen, BRIGHT, FAINT).astype(np.float32), renderer.device))
    xp = library(yes)
    grey = xp.full_like(yes, 0.5)
    colours = (xp.stack([grey, yes, grey], axis=1) - 0.5) / SH_C0
    painted = of_one_colour(gaussians, beside(colours, gaussians.means))
    black = to_device(np.zeros(3, np.float32), renderer.device)
    weight, inside, views = (xp.zeros_like(yes) for _ in range(3))
    masks = []
    for index, camera in enumerate(cameras):
        image = computable(renderer.render(painted, camera, black, 0))
        covered = 2 * image[0]  # how opaque all of them are there
        mask = ((image[1] - FAINT * covered) / (BRIGHT - FAINT)).clip(0, 1)
        inner = cast(mask > 0.5, mask.dtype) if given is None else beside(given[index], mask)
        asked = xp.stack([xp.ones_like(mask), inner, xp.zeros_like(mask)])
        gradients, _ = renderer.backward(beside(asked, gaussians.means))
        here = computable(gradients.sh_dc) / SH_C0
        weight += here[:, 0]
        inside += here[:, 1]
        views += here[:, 0] >= LEAST_WEIGHT
        masks.append(to_numpy(mask))
        progress((index + 1) / len(cameras))
    share = (inside / weight.clip(1e-9, None)).clip(0, 1)
    return Votes(to_numpy(weight), to_numpy(views).astype(np.int64), to_numpy(share), masks)
