"""Options that train the small scene in a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from splatworker.render.arrays import Device
from splatworker.train.options import Options


@pytest.fixture
def tiny_options(tiny_scene: Path, tmp_path: Path) -> Callable[..., Options]:
    """Options for the small scene; keywords change them."""

    def make(**changes: Any) -> Options:
        defaults: dict[str, Any] = {
            "source_path": tiny_scene,
            "model_path": tmp_path / "model",
            "iterations": 120,
            "position_lr_max_steps": 120,
            "densify_from_iter": 20,
            "densify_until_iter": 80,
            "densification_interval": 20,
            "sh_degree_interval": 40,
            "sh_degree": 1,
            "eval": True,
        }
        return Options(**(defaults | changes))

    return make


@pytest.fixture(params=["cpu", torch.device("cpu")], ids=["numpy", "torch"])
def device(request: pytest.FixtureRequest) -> Device:
    """Where the test's arrays are: a test that asks for it is done with numpy's, and with torch's."""
    there: Device = request.param
    return there
