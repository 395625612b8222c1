"""The splat that a model is: its Gaussians, and those of the backdrop behind them, which are not trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import joined
from splatworker.render.arrays import Device
from splatworker.render.interface import GaussianTensors
from splatworker.render.tensors import to_gaussians, to_tensors
from splatworker.train.backdrop import Backdrop
from splatworker.train.backdrop_sphere import sphere
from splatworker.train.model import Model


class WholeSplat(NamedTuple):
    """How a splat is made of a model.

    Attributes:
        backdrop: None where nothing is behind it.
        cameras: of the photos to train on.
        extent: of these (`scene_extent`), in the scene's units.
        sh_degree: of the splat.
    """

    backdrop: Backdrop | None
    cameras: Sequence[Camera]
    extent: float
    sh_degree: int

    def of(self, model: Model) -> Gaussians:
        """The splat that the model is now."""
        splat = to_gaussians(model.parameters, antialiased=model.antialiased)
        if self.backdrop is None:
            return splat
        means = splat.means.astype(np.float64)
        return joined(splat, sphere(self.backdrop.harmonics, self.cameras, means, self.extent, self.sh_degree))

    def drawable(self, model: Model, device: Device) -> GaussianTensors:
        """The same for a renderer on the model's device."""
        return to_tensors(self.of(model), device) if self.backdrop else model.parameters
