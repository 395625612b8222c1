"""How many Gaussians memory holds, and that density control listens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support.kinds import gaussians_on

from splatworker.machine.limits import available_memory
from splatworker.render.arrays import Device
from splatworker.train import memory
from splatworker.train.density import GradientDensity
from splatworker.train.memory import free_bytes, gaussian_capacity, is_out_of_memory
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import generator

FLOATS = 59  # of a Gaussian of degree 3


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="needs Linux")
def test_memory_is_what_the_kernel_says() -> None:
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    available = available_memory()
    assert available is not None
    assert 0 < available <= total
    assert free_bytes("cpu") is not None
    assert free_bytes(torch.device("cpu")) is not None


def _holds(device: Device, monkeypatch: pytest.MonkeyPatch, available: int, count: int = 10) -> int:
    monkeypatch.setattr(memory, "available_memory", lambda: available)
    return gaussian_capacity(Model(gaussians_on(device, count)))


def test_what_fits_grows_with_memory(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight copies of each more, and three of those that are there, while they are moved."""
    assert _holds(device, monkeypatch, 0) == 10
    assert _holds(device, monkeypatch, 4 * FLOATS * (3 * 10 + 8 * 5)) == 15
    assert _holds(device, monkeypatch, 2**30) > 500_000


def test_density_control_adds_no_more_than_fits(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * FLOATS * (3 * 10 + 8 * 4))
    model = Model(gaussians_on(device, 10, opacity_logit=5.0))
    model.statistics.gradient_norm_sum[...] = 1
    model.statistics.view_count[...] = 1
    options = Options(source_path=Path("s"), model_path=Path("m"), densify_from_iter=1, densification_interval=1)
    density = GradientDensity(options, 1000.0, generator(0, device))
    density.after_step(2, model)
    assert len(model) == 14
    assert density.lacks_memory


def test_which_errors_mean_that_memory_ran_out() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("a bug"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    with pytest.raises(MemoryError) as refused:
        np.empty(2**60, np.uint8)
    assert is_out_of_memory(refused.value)
