"""A worker that gets a signal in the middle of a job: it answers if it may, and nothing of the job lives on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.jobs import local_job, slow
from support.s3 import Store
from support.servers import RawServer
from support.stopping import ROOT, HangsOnce, exporting_ahead, left_something, reaching, started, worker
from support.traces import Traces
from support.waiting import PATIENCE_S, wait_until


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
    receiver = HangsOnce()
    with Store() as store:
        store.intercept = receiver
        running = worker(local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url()))
        wait_until(lambda: receiver.told)
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=PATIENCE_S)
        receiver.gone.set()
        assert json.loads(output)["status"] == "success"
        assert store.statuses() == ["completed"]
        assert len(set(receiver.told)) == 1
        assert len(receiver.told) == 2


def test_sigterm_again_and_again_is_one_answer_and_one_webhook(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The platform's cancel and the machine's end may both come while the first is being obeyed."""
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    with Store() as store:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url())
        running = worker(event, "train=grandchild-and-hang")
        wait_until(lambda: left_something(traces))
        while running.poll() is None:
            running.send_signal(signal.SIGTERM)
            time.sleep(0.05)
            if store.hooks:
                break
        output, _ = running.communicate(timeout=PATIENCE_S)
        assert json.loads(output)["code"] == "cancelled"
        assert store.statuses() == ["failed"]


def test_sigterm_while_the_export_waits_for_the_training(photos: list[Path], traces: Traces, tmp_path: Path) -> None:
    event, _ = reaching("export", local_job(photos, tmp_path / "a.ply"), tmp_path)
    running = worker(event, "gpu=yes", "train=hang")
    wait_until(lambda: exporting_ahead(traces))
    running.send_signal(signal.SIGTERM)
    output, _ = running.communicate(timeout=PATIENCE_S)
    assert json.loads(output)["code"] == "cancelled"
    assert traces.processes() == []


STAGES = [*slow("fetch", "photos", "sfm"), "train", "upload"]
"""Of which the short run takes two."""


@pytest.mark.parametrize("stage", STAGES)
def test_sigkill_of_the_worker_takes_its_children_along(stage: str, job: dict[str, Any], traces: Traces) -> None:
    running = worker(job, f"{stage}=grandchild-and-hang")
    wait_until(lambda: left_something(traces))
    running.kill()
    running.communicate()
    assert traces.wait_until_gone() == []
    (abandoned,) = traces.workspaces()
    long_ago = time.time() - 60
    os.utime(abandoned, (long_ago, long_ago))


def test_sigkill_of_the_worker_takes_the_waiting_export_along(
    job: dict[str, Any], traces: Traces, tmp_path: Path
) -> None:
    event, faults = reaching("warm-export", job, tmp_path)
    running = worker(event, *faults)
    wait_until(lambda: left_something(traces))
    running.kill()
    running.communicate()
    assert traces.wait_until_gone() == []
    (abandoned,) = traces.workspaces()
    os.utime(abandoned, (0, 0))


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
