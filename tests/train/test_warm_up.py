"""The warm-up asks for what is there: it must not be what fails."""

from __future__ import annotations

import pytest
import torch

from splatworker.render.interface import GaussianTensors
from splatworker.train.model import Model
from splatworker.train.warm_up import COUNT, warm_up, warming_up


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    warm_up.cache_clear()  # it may have been done for another test
    return torch.device(request.param)


def test_gaussians_are_added_and_removed(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_and_added = []
    rebuild = Model.rebuild

    def noted(model: Model, kept: torch.Tensor, added: GaussianTensors) -> None:
        kept_and_added.append((len(kept), len(added.means)))
        rebuild(model, kept, added)

    monkeypatch.setattr(Model, "rebuild", noted)
    warm_up(device)
    assert len(kept_and_added) == 3
    assert kept_and_added[0][0] < COUNT  # some split in two, or too transparent
    assert all(added for _, added in kept_and_added)


def test_on_a_gpu_it_is_over_when_the_block_is(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed_up: list[torch.device] = []
    monkeypatch.setattr("splatworker.train.warm_up.warm_up", warmed_up.append)
    with warming_up(device):
        pass
    assert warmed_up == ([device] if device.type == "cuda" else [])
