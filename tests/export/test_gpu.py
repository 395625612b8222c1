"""An export on a GPU makes what one on a CPU makes, as near as it shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from support.exports import Told

from splatworker.export.export import export
from splatworker.export.warm_up import warm_up
from splatworker.render.opening import ARRAYS

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True, params=["torch", "own"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one, on which arrays are torch's, or our own."""
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    monkeypatch.setenv(ARRAYS, request.param)


def test_files_lose_as_little_as_on_a_cpu(model: Path, scene: Path, told: Told, tmp_path: Path) -> None:
    losses = {}
    for device in ("cpu", "cuda"):
        result = export(model, scene, tmp_path / device, ["spz", "sog", "quality"], told, device=device)
        assert set(result["outputs"]) == {"spz", "sog", "quality"}
        figures = json.loads((tmp_path / device / "quality.json").read_text())
        losses[device] = {loss["name"]: loss["psnr_db"] for loss in figures["formats"]}
    assert told.warnings == []
    assert losses["cuda"] == pytest.approx(losses["cpu"], abs=1.0)


def test_the_warm_up_asks_for_what_is_there() -> None:
    warm_up()
