"""Both kinds of arrays that a trainer works with: numpy's, as on a CPU, and torch's, as on a GPU (`render.arrays`)."""

from __future__ import annotations

import pytest
import torch

on_either = pytest.mark.parametrize(
    "device", [pytest.param("cpu", id="numpy"), pytest.param(torch.device("cpu"), id="torch")]
)
"""A test of what must do the same on both; its `device` is where its arrays are."""

with_either = pytest.mark.parametrize("renderer", ["numpy", "torch"], indirect=True)
"""The same of a test whose fixture `renderer` draws: what it takes and gives are arrays of either kind."""
