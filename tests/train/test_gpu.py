"""Whole small trainings on a GPU: they learn, and repeat to the bit when asked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from splatworker.render.interface import Renderer
from splatworker.stages.progress import Silent
from splatworker.train.options import Options

pytestmark = pytest.mark.gpu


@pytest.fixture(params=["torch", "own"])
def renderer_for(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Renderer]:
    """That of the package, for torch's tensors on a GPU and for our own arrays."""
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    from splatworker.render.backend import renderer_for
    from splatworker.render.opening import ARRAYS

    monkeypatch.setenv(ARRAYS, request.param)

    return renderer_for


def _train(renderer: Renderer, options: Options) -> dict[str, Any]:
    from splatworker.train.trainer import train

    return train(options, renderer, Silent())


def test_it_learns_as_on_the_cpu(renderer_for: Callable[..., Renderer], tiny_options: Callable[..., Options]) -> None:
    results = [_train(renderer_for(device), tiny_options()) for device in ("cuda", "cpu")]
    psnr, expected = (result["quality"]["test"]["psnr"] for result in results)
    assert results[0]["device"].startswith("cuda")
    assert psnr == pytest.approx(expected, abs=1.5)
    assert results[0]["gaussians"] == pytest.approx(results[1]["gaussians"], rel=0.2)


def test_deterministic_trainings_repeat_to_the_bit(
    renderer_for: Callable[..., Renderer], tiny_options: Callable[..., Options], tmp_path: Path
) -> None:
    def splat(name: str) -> bytes:
        renderer = renderer_for("cuda", deterministic=True)
        return Path(_train(renderer, tiny_options(model_path=tmp_path / name))["ply"]).read_bytes()

    assert splat("a") == splat("b")


def test_the_peak_of_the_gpus_memory_is_told(
    renderer_for: Callable[..., Renderer], tiny_options: Callable[..., Options]
) -> None:
    assert 1 << 20 < _train(renderer_for("cuda"), tiny_options())["peak_memory_bytes"] < 1 << 34
    assert "peak_memory_bytes" not in _train(renderer_for("cpu"), tiny_options())
