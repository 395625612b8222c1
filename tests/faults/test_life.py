"""A job's life and death: whatever happens to a stage, the worker lives on, and nothing is left of the stage."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.jobs import do, local_job, slow, stand_in
from support.s3 import Store
from support.servers import RawServer
from support.traces import Traces
from support.waiting import PATIENCE_S, Leap, wait_until

import handler
from splatworker.pipeline import transfers
from splatworker.stages import ending, follow, process, workspace
from splatworker.stages.progress import Silent
from splatworker.worker.session import WorkerSettings

ROOT = Path(__file__).parents[2]


STAGES = [*slow("fetch", "photos", "sfm"), "train", "upload"]
"""Of which the short run takes two."""


A_LAST_WORD_S = 60.0
"""Seconds for the webhook of a job that is cancelled: its process takes some to start where much else is to do."""

UNDER_WAY_S = 0.5
"""And for one that was sent before, and that nobody answers."""


def started(traces: Traces, stage: str) -> bool:
    return any(f"-- {stage}" in line or f" {stage} " in line for line in traces.processes())


async def cancel_when(condition: Callable[[], object], task: asyncio.Task[Any]) -> None:
    """Cancel a task when the condition holds, and wait for its end."""
    while not condition():
        assert not task.done(), task.result()
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(PATIENCE_S):  # what hangs here does so for an hour
            await task


def reaching(stage: str, job: dict[str, Any], tmp_path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A job that comes to this stage, and the faults that it takes to hang there with a process of its own left."""
    more = {
        "export": {"outputs": {"splat": str(tmp_path / "a.splat")}},
        "warm-export": {"outputs": {"splat": str(tmp_path / "a.splat")}},
        "notify": {"webhook_url": "http://127.0.0.1:9/"},
    }.get(stage, {})
    gpu = {"warm": ["gpu=yes"], "warm-export": ["gpu=yes", "train=hang"]}.get(stage, [])
    return {**job, "input": job["input"] | more}, (*gpu, f"{stage}=grandchild-and-hang")


EVERY_STAGE = ["sfm", "train", "upload", "warm", "warm-export", *slow("fetch", "photos", "probe", "export", "notify")]


@pytest.mark.parametrize("stage", EVERY_STAGE)
def test_cancel_in_each_stage(
    stage: str, job: dict[str, Any], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    # Whoever waited for that, rather than for the supervisor that obeys, would not come back in time.
    monkeypatch.setattr(ending, "KILL_GRACE_S", 2 * PATIENCE_S)
    event, faults = reaching(stage, job, tmp_path)

    async def scene() -> None:
        await cancel_when(
            lambda: any("time.sleep" in line for line in traces.processes()),
            asyncio.create_task(handler.handler(event, WorkerSettings(local=True, command=stand_in(*faults)))),
        )

    asyncio.run(scene())
    assert traces.processes() == []
    assert traces.workspaces() == []


def test_a_cancelled_job_says_so_to_its_webhook(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")

    async def scene(store: Store) -> None:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url(), project_id="p")
        task = asyncio.create_task(handler.handler(event, WorkerSettings(local=True, command=stand_in("sfm=hang"))))
        await cancel_when(lambda: started(traces, "sfm"), task)

    monkeypatch.setattr(transfers, "LAST_WORD_SECONDS", A_LAST_WORD_S)
    with Store() as store:
        asyncio.run(scene(store))
    ((_, message),) = store.hooks
    assert (message["status"], message["code"], message["project_id"]) == ("failed", "cancelled", "p")


def test_a_job_cancelled_while_its_webhook_hears_of_the_end_is_told_again(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    told: list[str] = []

    def hang_once(request: BaseHTTPRequestHandler, body: bytes) -> bool:
        told.append(request.headers["webhook-id"])
        if first := len(told) == 1:
            hung.wait(PATIENCE_S)  # Whoever sent this one has gone by then: it is never answered, and never counts.
        return first

    async def scene(store: Store) -> None:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url())
        task = asyncio.create_task(handler.handler(event, WorkerSettings(local=True, command=stand_in())))
        await cancel_when(lambda: bool(told), task)
        hung.set()

    hung = threading.Event()
    monkeypatch.setattr(transfers, "LAST_WORD_SECONDS", A_LAST_WORD_S)
    monkeypatch.setattr(transfers, "UNDER_WAY_SECONDS", UNDER_WAY_S)
    with Store() as store:
        store.intercept = hang_once
        asyncio.run(scene(store))
        assert store.statuses() == ["completed"]
    assert len(told) == 2
    assert len(set(told)) == 1


WORKER = """
import asyncio, json, signal, sys
import handler
from splatworker.pipeline import transfers
from splatworker.worker.session import WorkerSettings
signal.signal(signal.SIGTERM, lambda *_: None)  # as the platform's SDK has it: before a job and after it, too
event, command, transfers.LAST_WORD_SECONDS, transfers.UNDER_WAY_SECONDS = map(json.loads, sys.argv[1:])
print(json.dumps(asyncio.run(handler.handler(event, WorkerSettings(local=True, command=command)))))
"""


def worker(event: dict[str, Any], *faults: str) -> subprocess.Popen[bytes]:
    """A worker in a process of its own, at one job."""
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *map(json.dumps, (event, stand_in(*faults), A_LAST_WORD_S, UNDER_WAY_S))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_sigterm_ends_the_job_with_an_answer_and_a_failed_webhook(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    with Store() as store:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url())
        running = worker(event, "train=hang")
        wait_until(lambda: started(traces, "train"))
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=PATIENCE_S)  # its stage would take an hour
    assert json.loads(output)["code"] == "cancelled"
    assert store.statuses() == ["failed"]


def test_sigterm_while_the_webhook_hears_of_a_success(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The splat is there: the answer stays a success, and the message is sent again under its id."""
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    told: list[str] = []

    def hang_once(request: BaseHTTPRequestHandler, body: bytes) -> bool:
        told.append(request.headers["webhook-id"])
        if first := len(told) == 1:
            hung.wait(PATIENCE_S)  # Whoever sent this one has gone by then: it is never answered, and never counts.
        return first

    hung = threading.Event()
    with Store() as store:
        store.intercept = hang_once
        running = worker(local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url()))
        wait_until(lambda: told)
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=PATIENCE_S)
        hung.set()
        assert json.loads(output)["status"] == "success"
        assert store.statuses() == ["completed"]
        assert len(set(told)) == 1
        assert len(told) == 2


def test_sigterm_again_and_again_is_one_answer_and_one_webhook(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The platform's cancel and the machine's end may both come while the first is being obeyed."""
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    with Store() as store:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url())
        running = worker(event, "train=grandchild-and-hang")
        wait_until(lambda: any("time.sleep" in line for line in traces.processes()))
        while running.poll() is None:
            running.send_signal(signal.SIGTERM)
            time.sleep(0.05)
            if store.hooks:
                break
        output, _ = running.communicate(timeout=PATIENCE_S)
        assert json.loads(output)["code"] == "cancelled"
        assert store.statuses() == ["failed"]


@pytest.mark.parametrize("stage", STAGES)
def test_sigkill_of_the_worker_takes_its_children_along(stage: str, job: dict[str, Any], traces: Traces) -> None:
    running = worker(job, f"{stage}=grandchild-and-hang")
    wait_until(lambda: any("time.sleep" in line for line in traces.processes()))
    running.kill()
    running.communicate()
    assert traces.wait_until_gone() == []
    (abandoned,) = traces.workspaces()
    long_ago = time.time() - 60
    os.utime(abandoned, (long_ago, long_ago))
    # The next job, which the fixture does, sweeps it away.


def test_a_workspace_in_use_is_not_swept_away(traces: Traces) -> None:
    with workspace.private_workspace() as first:
        os.utime(first, (0, 0))
        with workspace.private_workspace() as second:
            assert first.is_dir()
            assert first.stat().st_mode & 0o077 == 0
            assert second != first


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


def test_the_trainer_warms_up_while_photos_arrive(job: dict[str, Any], traces: Traces) -> None:
    async def scene() -> None:
        setting = WorkerSettings(local=True, command=stand_in("gpu=yes", "fetch=hang"))
        task = asyncio.create_task(handler.handler(job, setting))
        await cancel_when(lambda: started(traces, "fetch") and started(traces, "warm"), task)

    asyncio.run(scene())


def exporting_ahead(traces: Traces) -> bool:
    return any("-- warm export" in line for line in traces.processes())


def test_the_export_warms_up_while_the_splat_is_trained_and_not_before(
    job: dict[str, Any], traces: Traces, tmp_path: Path
) -> None:
    event, _ = reaching("export", job, tmp_path)

    def begun(task: asyncio.Task[Any]) -> bool:
        assert not exporting_ahead(traces)
        return started(traces, "sfm")

    async def scene(fault: str, condition: Callable[[asyncio.Task[Any]], bool]) -> None:
        setting = WorkerSettings(local=True, command=stand_in("gpu=yes", fault))
        task = asyncio.create_task(handler.handler(event, setting))
        await cancel_when(lambda: condition(task), task)

    asyncio.run(scene("sfm=hang", begun))
    asyncio.run(scene("train=hang", lambda task: exporting_ahead(traces)))
    assert traces.processes() == []


@pytest.mark.parametrize("faults", [("gpu=yes",), ()], ids=["without outputs", "without a GPU"])
def test_there_is_nothing_to_warm_up_for(
    faults: tuple[str, ...], job: dict[str, Any], traces: Traces, tmp_path: Path
) -> None:
    event = job if faults else reaching("export", job, tmp_path)[0]
    answer = do(
        event, *faults, "train=slow:1", "warm-export=segfault", "export=segfault" if faults else "export=slow:0"
    )
    assert answer["status"] == "success"
    assert answer["warnings"] == [warning for warning in answer["warnings"] if "output" not in warning]
    assert ("export" in answer["timings"]) == (not faults)


def test_sigterm_while_the_export_waits_for_the_training(photos: list[Path], traces: Traces, tmp_path: Path) -> None:
    event, _ = reaching("export", local_job(photos, tmp_path / "a.ply"), tmp_path)
    running = worker(event, "gpu=yes", "train=hang")
    wait_until(lambda: exporting_ahead(traces))
    running.send_signal(signal.SIGTERM)
    output, _ = running.communicate(timeout=PATIENCE_S)
    assert json.loads(output)["code"] == "cancelled"
    assert traces.processes() == []


def test_sigkill_of_the_worker_takes_the_waiting_export_along(
    job: dict[str, Any], traces: Traces, tmp_path: Path
) -> None:
    event, faults = reaching("warm-export", job, tmp_path)
    running = worker(event, *faults)
    wait_until(lambda: any("time.sleep" in line for line in traces.processes()))
    running.kill()
    running.communicate()
    assert traces.wait_until_gone() == []
    (abandoned,) = traces.workspaces()
    os.utime(abandoned, (0, 0))


def test_an_upload_that_hangs_is_cancelled_at_once(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")

    async def scene(server: RawServer) -> None:
        task = asyncio.create_task(
            handler.handler(local_job(photos, server.url("/k")), WorkerSettings(local=True, command=stand_in()))
        )
        await cancel_when(lambda: server.connections, task)

    monkeypatch.setattr(ending, "KILL_GRACE_S", 2 * PATIENCE_S)
    with RawServer(lambda connection, number: server.stopping.wait(2 * PATIENCE_S)) as server:
        asyncio.run(scene(server))


def test_a_child_that_asks_for_input_gets_none(job: dict[str, Any]) -> None:
    assert do(job, "sfm=read-input")["status"] == "success"


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


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_ends_a_job_file_quietly(
    times: int, traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    with RawServer(lambda connection, number: server.stopping.wait(PATIENCE_S)) as server:
        photos = [server.url(f"/{number}.jpg") for number in range(5)]
        (tmp_path / "job.json").write_text(json.dumps({"image_urls": photos, "upload_url": str(tmp_path / "a.ply")}))
        running = subprocess.Popen(
            [sys.executable, "handler.py", str(tmp_path / "job.json")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        wait_until(lambda: server.connections >= 5)
        for _ in range(times):
            running.send_signal(signal.SIGINT)
            time.sleep(0.02)
        out, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130, err
    assert json.loads(out)["code"] == "cancelled"
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("Error: The job was stopped.")
    assert traces.wait_until_gone() == []
    assert traces.workspaces() == []
