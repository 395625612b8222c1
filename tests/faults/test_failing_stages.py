"""Whatever happens to a stage, the worker lives on, and nothing is left of the stage."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path
from typing import Any

import pytest
from support.jobs import do, local_job, slow, stand_in
from support.stopping import started
from support.traces import Traces
from support.waiting import Leap

import handler
from splatworker.stages import follow, process, workspace
from splatworker.stages.progress import Silent
from splatworker.worker.session import WorkerSettings


def test_a_hang_meets_the_deadline(job: dict[str, Any], traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    Leap(monkeypatch, lambda: started(traces, "train"), 600)
    answer = do({**job, "input": {**job["input"], "deadline_s": 600.0}}, "train=hang")
    assert (answer["code"], answer["stage"]) == ("deadline_exceeded", "train")


@pytest.mark.parametrize("stage", ["sfm", *slow("photos", "train")])
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("segfault", "stage_crashed"),
        ("killed", "out_of_memory"),
        ("silent", "stage_crashed"),
        ("no-result", "stage_crashed"),
    ],
)
def test_a_stage_that_dies(stage: str, fault: str, code: str, job: dict[str, Any]) -> None:
    answer = do(job, f"{stage}={fault}")
    assert (answer["status"], answer["code"], answer["stage"]) == ("error", code, stage)


@pytest.mark.parametrize("fault", ["grandchild", "flood"])
def test_a_stage_that_leaves_something_behind_or_floods_its_log(fault: str, job: dict[str, Any]) -> None:
    assert do(job, f"train={fault}")["status"] == "success"


def test_a_log_has_a_bound(tmp_path: Path, traces: Traces) -> None:
    with workspace.private_workspace() as folder:
        asyncio.run(process.run_stage("probe", [], workspace=folder, report=Silent(), command=stand_in("probe=flood")))
        assert (folder / "logs" / "probe.log").stat().st_size < follow.LOG_LIMIT + 1000


def test_cuda_memory_runs_out(job: dict[str, Any]) -> None:
    answer = do(job, "train=cuda-memory")
    assert answer["code"] == "out_of_memory"
    assert "refresh_worker" not in answer


@pytest.mark.parametrize("fault", ["gpu-lost", "cuda-error"])
def test_a_gpu_that_gives_up_replaces_the_worker(job: dict[str, Any], fault: str) -> None:
    answer = do(job, f"train={fault}")
    assert answer["code"] == "gpu_failed"
    assert answer["refresh_worker"] is True


@pytest.mark.parametrize("fault", ["gpu=gone", "probe=segfault"])
def test_a_rented_gpu_that_is_gone_is_no_reason_for_a_preview(job: dict[str, Any], fault: str) -> None:
    answer = do(job, settings=WorkerSettings(local=True, command=stand_in(fault), gpu_required=True))
    assert answer["code"] == "gpu_failed"
    assert answer["refresh_worker"] is True
    assert "GPU" in answer["error"]


def test_a_child_that_asks_for_input_gets_none(job: dict[str, Any]) -> None:
    assert do(job, "sfm=read-input")["status"] == "success"


def test_a_workspace_in_use_is_not_swept_away(traces: Traces) -> None:
    with workspace.private_workspace() as first:
        os.utime(first, (0, 0))
        with workspace.private_workspace() as second:
            assert first.is_dir()
            assert first.stat().st_mode & 0o077 == 0
            assert second != first


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_jobs_good_and_bad_leave_nothing(photos: list[Path], tmp_path: Path, traces: Traces) -> None:
    good = local_job(photos, tmp_path / "a.ply")
    bad = local_job(photos[:3], tmp_path / "b.ply")
    ugly = ["train=silent", "sfm=segfault", "train=cuda-memory", "photos=killed", "sfm=no-reconstruction"]

    def usage() -> tuple[int, int]:
        with Path("/proc/self/statm").open() as file:
            pages = int(file.read().split()[1])
        return pages * resource.getpagesize(), len(list(Path("/proc/self/fd").iterdir()))

    async def scene() -> Any:
        for number in range(200):
            if number == 40:
                before = usage()
            job, faults = [(good, ()), (bad, ()), (good, (ugly[number % 5],))][number % 3]
            answer = await handler.handler(job, WorkerSettings(local=True, command=stand_in(*faults)))
            assert (answer["status"] == "success") == (number % 3 == 0)
        return before, usage()

    (memory, descriptors), (memory_after, descriptors_after) = asyncio.run(scene())
    assert memory_after < memory + (8 << 20)
    assert descriptors_after <= descriptors
