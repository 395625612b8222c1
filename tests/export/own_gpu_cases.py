"""Exports on our own arrays, on a GPU of one thread a block, drawn by the processor: what a CPU's export makes, as near
as a larger palette lets it be. Not collected by itself: `render/test_gpu_array.py` runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.cpu_on_own_arrays import CpuOnOwnArrays
from support.exports import Told

from splatworker.export import export as export_module
from splatworker.export.export import export
from splatworker.export.warm_up import warm_up

WANTED = ["spz", "sog", "quality", "poster", "cleaned_ply"]


def both(monkeypatch: pytest.MonkeyPatch, model: Path, scene: Path, told: Told, folder: Path) -> list[dict[str, Any]]:
    """The results of an export on a CPU, and on our own arrays, and their figures beside them."""
    results = [export(model, scene, folder / "cpu", WANTED, told, device="cpu")]
    monkeypatch.setattr(export_module, "renderer_for", lambda device: CpuOnOwnArrays())
    results.append(export(model, scene, folder / "own", WANTED, told, device="cuda"))
    return results


def test_it_is_that_of_a_cpu(
    model: Path, scene: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu, own = both(monkeypatch, model, scene, told, tmp_path)
    assert told.warnings == []
    assert set(own["outputs"]) == set(WANTED)
    assert own["cleaning"] == cpu["cleaning"]
    for name in ("splat.spz", cpu["outputs"]["cleaned_ply"]["file"]):
        assert (tmp_path / "own" / name).read_bytes() == (tmp_path / "cpu" / name).read_bytes()
    figures = [json.loads((tmp_path / name / "quality.json").read_text()) for name in ("cpu", "own")]
    assert figures[1]["scores"] == figures[0]["scores"]
    lost = [{loss["name"]: loss["psnr_db"] for loss in each["formats"]} for each in figures]
    assert lost[1] == pytest.approx(lost[0], abs=1.0)


def test_the_warm_up_asks_for_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splatworker.export.warm_up.renderer_for", lambda device: CpuOnOwnArrays())
    warm_up()
