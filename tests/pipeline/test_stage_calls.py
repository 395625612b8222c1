"""What the stages are called with, and what is kept of what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from splatworker.contract.job import recipe
from splatworker.errors import GpuFailed, StageCrashed
from splatworker.pipeline.stage_calls import JobRun, probe
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall

GPU = {"name": "H100"}


class Warnings:
    """A sink that keeps what it is warned of."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def update(self, percent: float | None, stage: str, step: str) -> None:
        pass

    def warning(self, message: str) -> None:
        self.heard.append(message)


class Probed(StageRunner):
    """A runner whose probe comes to what it is given."""

    found: ClassVar[object] = None

    async def run(self, stage: str, arguments: Sequence[object] = (), **options: Any) -> Any:
        assert stage == "probe"
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def probing(tmp_path: Path, found: object, *, gpu_required: bool = False) -> Any:
    """The GPUs that are found, and the warnings."""
    runner = type("Found", (Probed,), {"found": found})(tmp_path)
    sink = Warnings()
    job = JobRun(recipe({}), runner, Overall([sink], {}), gpu_required, False, lambda: None)
    return asyncio.run(probe(job)), sink.heard


def probed(gpus: Sequence[Any] = (), kernels: bool = True, reason: str = "", code: str = "") -> dict[str, Any]:
    return {"gpus": list(gpus), "kernels": kernels, "reason": reason, "code": code}


def test_a_gpu_is_used_without_a_word(tmp_path: Path) -> None:
    assert probing(tmp_path, probed([GPU]), gpu_required=True) == ([GPU], [])


@pytest.mark.parametrize("code", ["no_driver", "no_gpu"])
def test_a_machine_without_a_gpu_is_nothing_to_warn_of(tmp_path: Path, code: str) -> None:
    assert probing(tmp_path, probed(reason="there is none", code=code)) == ([], [])


def test_a_gpu_that_cannot_be_used_is_a_warning_with_the_reason(tmp_path: Path) -> None:
    gpus, (warning,) = probing(tmp_path, probed(reason="the driver is too old", code="driver_too_old"))
    assert gpus == []
    assert warning == "The CPU is used, because the driver is too old."
    assert "no kernels" in probing(tmp_path, probed([GPU], kernels=False))[1][0]
    assert "does not answer" in probing(tmp_path, StageCrashed("It hangs."))[1][0]


@pytest.mark.parametrize("found", [probed(reason="it is gone", code="no_gpu"), StageCrashed("It hangs.")])
def test_a_worker_rented_for_its_gpu_fails_without_it(tmp_path: Path, found: StageCrashed | dict[str, Any]) -> None:
    with pytest.raises(GpuFailed, match="has lost its GPU"):
        probing(tmp_path, found, gpu_required=True)


def test_seconds_and_the_largest_memory_of_all_stages_are_kept(tmp_path: Path) -> None:
    job = JobRun(recipe({}), StageRunner(tmp_path), Overall([], {}), False, False, lambda: None)
    job.note("sfm", 0.0, {"process": {"peak_rss_bytes": 500}})
    job.note("train", 0.0, {"process": {"peak_rss_bytes": 100}})
    job.note("photos", 0.0, {"process": {}})
    assert list(job.timings) == ["sfm", "train", "photos"]
    assert job.peaks == {"host": 500}
