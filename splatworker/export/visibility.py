"""What the training cameras see of every Gaussian: the reason for keeping it, and what a small file must keep of it.

A Gaussian's weight in a pixel is how much of the pixel's colour is its own: alpha times the light that reaches it. The
gradient of a picture by a Gaussian's colour is the sum of its weights, so the renderer's own backward pass counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.render.arrays import Array, beside, computable, constant_like, copied, library, to_device, to_numpy
from splatworker.render.ignored import left_out
from splatworker.render.interface import SH_C0, GaussianTensors, Ignored, Renderer
from splatworker.render.tensors import of_one_colour
from splatworker.splat_files.lines_of_sight import LinesOfSight


class Visibility(NamedTuple):
    """What a set of views shows of N Gaussians; (N,) each.

    Attributes:
        weight: the sum of its weights over all pixels of all views.
        peak: the largest sum of its weights over one view.
        views: in how many views it weighs at least `LEAST_WEIGHT`.
        lines: the weights view by view, of some of the views.
    """

    weight: Array
    peak: Array
    views: Array
    lines: LinesOfSight


LEAST_WEIGHT = 1.0
"""Pixels: a Gaussian that colours less of a view than one whole pixel is not seen in it."""

MOST_LINES = 64
"""Views whose weights are kept one by one, at most: 256 bytes a Gaussian."""


def measure_visibility(
    renderer: Renderer,
    gaussians: GaussianTensors,
    cameras: Sequence[Camera],
    progress: Callable[[float], None] = lambda share: None,
    ignored: Callable[[int], npt.NDArray[np.uint8] | None] = lambda index: None,
) -> Visibility:
    """Count the weights of all Gaussians over some views, at least one.

    Pixels of a view whose (H, W) `ignored` is not 0 say nothing, and so show nothing.
    """
    # Grey, the same from everywhere: colours under 0 are cut off, and would have no gradient.
    grey = of_one_colour(gaussians, constant_like(gaussians.sh_dc, 0.0))
    background = to_device(np.zeros(3, np.float32), renderer.device)
    count = len(gaussians.means)
    zeros = constant_like(computable(gaussians.opacity_logits), 0.0)
    weight, peak, views = (copied(zeros) for _ in range(3))
    xp = library(zeros)
    step = -(-len(cameras) // MOST_LINES)
    chosen = cameras[::step]
    lines = np.empty((len(chosen), count), np.float32)
    for index, camera in enumerate(cameras):
        image = renderer.render(grey, camera, background, 0)
        counts, hole = constant_like(image, 1.0), ignored(index)
        if hole is not None:
            counts = left_out(counts, Ignored(beside(hole, counts)))
        gradients, _ = renderer.backward(counts)
        here = computable(gradients.sh_dc).mean(axis=1) / SH_C0
        weight += here
        peak = xp.maximum(peak, here)
        views += here >= LEAST_WEIGHT
        if index % step == 0:
            lines[index // step] = to_numpy(here)
        progress((index + 1) / len(cameras))
    centers = np.array([camera.center for camera in chosen], np.float32)
    return Visibility(weight, peak, views, LinesOfSight(centers, lines))
