"""A smooth backdrop, for tests of what finds one, trains over it and delivers it."""

from __future__ import annotations

import numpy as np
import torch
from support.gaussian_scenes import random_gaussians

from splatworker.formats.camera import Camera
from splatworker.render.arrays import to_numpy
from splatworker.render.cpu import CpuRenderer

HARMONICS = np.array(
    [[0.1, 0.4, 0.9], [0.05, 0, 0.1], [-0.1, 0.1, 0], [0.1, 0, -0.1], *np.full((5, 3), 0.04)], np.float32
)
"""Of a bluish wall, darker on one side; between 0 and 1 everywhere."""


def behind_all(camera: Camera, harmonics: np.ndarray = HARMONICS) -> np.ndarray:
    """(3, H, W) what a camera sees of it alone."""
    return to_numpy(CpuRenderer(1).render(random_gaussians(0), camera, torch.from_numpy(harmonics), 0))
