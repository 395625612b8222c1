"""What is asked of a machine, one question after the other; the stages that answer are real, but for the driver's."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from support.jobs import stand_in
from support.waiting import PATIENCE_S

from splatworker.pipeline import fitness
from splatworker.pipeline.fitness import Finding
from splatworker.stages.process import StageRunner


def findings(folder: Path, *faults: str, gpu_required: bool = True) -> dict[str, Finding]:
    async def all_of_them() -> list[Finding]:
        runner = StageRunner(folder, stand_in(*faults))
        return [finding async for finding in fitness.examine(runner, gpu_required=gpu_required)]

    return {finding.name: finding for finding in asyncio.run(all_of_them())}


def test_a_fit_machine_is_told_in_words_and_figures(tmp_path: Path) -> None:
    found = findings(tmp_path, "gpu=yes")
    assert [finding.name for finding in found.values() if finding.error] == []
    assert found["GPU"].words == "Pretended GPU, 16 GiB, compute capability 9.0; the driver supports CUDA 13.0"
    assert found["kernels"].words == "a test picture was drawn on the GPU"
    assert found["disk"].facts["folder"] == str(tmp_path.parent)
    assert found["disk"].facts["free_bytes"] > 0


def test_every_question_is_asked_whatever_the_others_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitness, "available_memory", lambda: 3 << 30)
    found = findings(tmp_path, "gpu=old-driver", "check-colmap=segfault")
    codes = {name: finding.error.code for name, finding in found.items() if finding.error}
    assert codes["memory"] == "out_of_memory"
    assert codes["GPU"] == "driver_too_old"
    assert codes["COLMAP"] == "stage_crashed"
    assert "processors" not in codes
    assert found["GPU"].facts["hint"].startswith("Install NVIDIA's driver 525.60.13 or newer")


def test_without_a_gpu_who_needs_none_is_told_why_there_is_none(tmp_path: Path) -> None:
    found = findings(tmp_path, "gpu=gone", gpu_required=False)
    assert found["GPU"].error is None
    assert found["GPU"].words == "none: the NVIDIA driver reports error 999"


def test_colmap_is_loaded_while_the_gpu_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, real = asyncio.Event(), fitness.ask

    async def ask(stage: str, runner: StageRunner) -> dict[str, Any]:
        if stage == "probe":
            await asyncio.wait_for(loaded.wait(), PATIENCE_S)
        answer = await real(stage, runner)
        if stage == "check-colmap":
            loaded.set()
        return answer

    monkeypatch.setattr(fitness, "ask", ask)
    found = findings(tmp_path, "gpu=yes")
    assert list(found) == ["memory", "processors", "disk", "GPU", "kernels", "COLMAP"]
    assert [finding.name for finding in found.values() if finding.error] == []


def test_who_has_heard_enough_leaves_nothing_behind(tmp_path: Path) -> None:
    async def until_the_gpu() -> None:
        runner = StageRunner(tmp_path, stand_in("gpu=gone", "check-colmap=hang"))
        async with aclosing(fitness.examine(runner, gpu_required=True)) as findings:
            async for finding in findings:
                if finding.error:
                    break
        assert finding.name == "GPU"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(until_the_gpu())
