"""What a worker looks at before it takes its first job; a machine that is not fit is named, and replaced."""

from __future__ import annotations

import asyncio
import threading
import types
from pathlib import Path
from typing import Any

import pytest
from support.jobs import stand_in
from support.waiting import PATIENCE_S

from splatworker.errors import DiskFull, DriverTooOld, GpuFailed, OutOfMemory, SplatError
from splatworker.machine import limits
from splatworker.pipeline import fitness
from splatworker.render.backend import cuda_is_usable
from splatworker.stages import workspace
from splatworker.worker import platform_sdk, runpod_queue


@pytest.fixture(autouse=True)
def own_workspaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(tmp_path))
    monkeypatch.setattr(fitness, "available_memory", lambda: 8 << 30)  # what else runs here may have most of it
    monkeypatch.delenv(runpod_queue.ALLOW_CPU, raising=False)


def check(*faults: Any) -> None:
    asyncio.run(runpod_queue.check_machine(stand_in(*faults)))


def test_a_fit_machine() -> None:
    check("gpu=yes")


def test_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GpuFailed, match="no GPU"):
        check("gpu=gone")
    monkeypatch.setenv(runpod_queue.ALLOW_CPU, "1")
    check("gpu=gone")


def test_an_old_driver() -> None:
    with pytest.raises(DriverTooOld, match=r"supports CUDA 11\.8, and 12\.0 is needed \(driver 525") as caught:
        check("gpu=old-driver")
    assert "525.60.13" in caught.value.hint


def test_a_gpu_that_the_kernels_do_not_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # There is one, as far as the driver says; what is drawn is drawn by this machine's own torch and kernels.
    if cuda_is_usable():
        pytest.skip("they do run here")
    with pytest.raises(GpuFailed, match="kernels do not run on the GPU"):
        check("gpu=without-kernels")
    monkeypatch.setenv(runpod_queue.ALLOW_CPU, "1")
    check("gpu=without-kernels")


@pytest.mark.parametrize("stage", ["check-kernels", "check-colmap"])
def test_kernels_or_colmap_that_cannot_be_used(stage: str) -> None:
    with pytest.raises(SplatError, match=stage):
        check("gpu=yes", f"{stage}=segfault")


def test_too_little_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitness, "FITNESS_DISK", 1 << 60)
    with pytest.raises(DiskFull, match="nearly full"):
        check("gpu=yes")


def test_too_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitness, "available_memory", lambda: 3 << 30)
    with pytest.raises(OutOfMemory, match="3072 MiB"):
        check("gpu=yes")


def test_memory_is_looked_at_before_every_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "available_memory", lambda: workspace.LEAST_MEMORY - 1)
    with pytest.raises(OutOfMemory, match="before sfm"):
        workspace.check_room(tmp_path, "sfm", 0)
    monkeypatch.setattr(workspace, "available_memory", lambda: None)  # not known: nothing is refused
    workspace.check_room(tmp_path, "sfm", 0)


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({"meminfo": "MemTotal: 9 kB\nMemAvailable: 5 kB\n"}, 5 * 1024),
        ({}, None),
        (
            {
                "meminfo": "MemAvailable: 1000 kB\n",
                "memory.max": "4096\n",
                "memory.current": "3000\n",
                "memory.stat": "anon 1\ninactive_file 100\n",
            },
            1196,
        ),
        (
            {
                "meminfo": "MemAvailable: 1000 kB\n",
                "memory.limit_in_bytes": "4096\n",
                "memory.usage_in_bytes": "3000\n",
            },
            1096,
        ),
    ],
)
def test_memory_of_the_machine_and_of_its_container(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, str], memory: int | None
) -> None:
    monkeypatch.setattr(limits, "_text", lambda path: files.get(path.rpartition("/")[2], ""))
    assert limits.available_memory() == memory


@pytest.mark.parametrize("fault", [None, DiskFull("The disk is full.", hint="Empty it.")])
def test_the_machine_is_looked_at_while_the_sdk_is_imported(
    fault: SplatError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    sdk = types.ModuleType("sdk")

    def imported() -> types.ModuleType:
        assert looked.wait(PATIENCE_S), "nothing else went on"
        return sdk

    async def check_machine(command: Any) -> None:
        looked.set()
        if fault:
            raise fault

    monkeypatch.setenv("RUNPOD_WEBHOOK_GET_JOB", "http://127.0.0.1:9/")
    monkeypatch.setattr(platform_sdk, "imported", imported)
    monkeypatch.setattr(runpod_queue, "check_machine", check_machine)
    assert asyncio.run(runpod_queue._load_and_check(stand_in())) == (sdk, fault)


def test_off_the_platform_the_machine_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNPOD_WEBHOOK_GET_JOB", raising=False)
    monkeypatch.setattr(fitness, "available_memory", lambda: 3 << 30)
    runpod, unfit = asyncio.run(runpod_queue._load_and_check(stand_in("gpu=gone")))
    assert callable(runpod.serverless.start)
    assert unfit is None
