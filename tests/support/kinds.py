"""Both kinds of arrays that a trainer works with: numpy's, as on a CPU, and torch's, as on a GPU (`render.arrays`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.gaussian_scenes import random_gaussians

from splatworker.render.arrays import Array, Device, to_device
from splatworker.render.interface import GaussianTensors

on_either = pytest.mark.parametrize(
    "device", [pytest.param("cpu", id="numpy"), pytest.param(torch.device("cpu"), id="torch")]
)
"""A test of what must do the same on both; its `device` is where its arrays are."""

with_either = pytest.mark.parametrize("renderer", ["numpy", "torch"], indirect=True)
"""The same of a test whose fixture `renderer` draws: what it takes and gives are arrays of either kind."""


def gaussians_on(device: Device, *args: Any, **kwargs: Any) -> GaussianTensors:
    """`random_gaussians` as arrays of a device."""
    made = random_gaussians(*args, **kwargs)
    return made if not isinstance(device, str) else GaussianTensors(*(tensor.numpy() for tensor in made))


def numbers_on(device: Device, values: Any, dtype: str = "float32") -> Array:
    """Numbers as an array of a device."""
    return to_device(np.array(values, dtype), device)
