"""How many Gaussians memory holds, and that density control listens."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.gaussian_scenes import random_gaussians

from splatworker.machine.limits import available_memory
from splatworker.train import memory
from splatworker.train.density import GradientDensity
from splatworker.train.memory import free_bytes, gaussian_capacity, is_out_of_memory
from splatworker.train.model import Model
from splatworker.train.options import Options

FLOATS = 59  # of a Gaussian of degree 3


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="needs Linux")
def test_memory_is_what_the_kernel_says() -> None:
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    available = available_memory()
    assert available is not None
    assert 0 < available <= total
    assert free_bytes(torch.device("cpu")) is not None


def _holds(monkeypatch: pytest.MonkeyPatch, available: int, count: int = 10) -> int:
    monkeypatch.setattr(memory, "available_memory", lambda: available)
    return gaussian_capacity(Model(random_gaussians(count)))


def test_what_fits_grows_with_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight copies of each more, and three of those that are there, while they are moved."""
    assert _holds(monkeypatch, 0) == 10
    assert _holds(monkeypatch, 4 * FLOATS * (3 * 10 + 8 * 5)) == 15
    assert _holds(monkeypatch, 2**30) > 500_000


def test_density_control_adds_no_more_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * FLOATS * (3 * 10 + 8 * 4))
    model = Model(random_gaussians(10, opacity_logit=5.0))
    model.statistics.gradient_norm_sum.fill_(1.0)
    model.statistics.view_count.fill_(1.0)
    options = Options(source_path=Path("s"), model_path=Path("m"), densify_from_iter=1, densification_interval=1)
    density = GradientDensity(options, 1000.0, torch.Generator())
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
