"""What a job wants besides the splat: made after it, delivered at once, and never the reason for a failure."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.jobs import do, local_job, stand_in, write_photos
from support.platform_server import is_running
from support.s3 import Store
from support.waiting import PATIENCE_S, Leap, wait_until

import handler
from splatworker.contract.outputs import OUTPUTS
from splatworker.pipeline import transfers
from splatworker.worker.session import WorkerSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch, own_workspaces: None) -> None:
    """Stores on this machine; and nothing is left behind."""
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return write_photos(tmp_path / "photos")


class Bucket(Store):
    """A store that remembers the Content-Type of every PUT, and can hold uploads back until several are there."""

    def __init__(self, meet: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.types: dict[str, str] = {}
        self._meeting = threading.Barrier(max(1, len(meet)))

        def look(request: BaseHTTPRequestHandler, body: bytes) -> bool:
            key = request.path.split("?")[0].rpartition("/")[2]
            if request.command == "PUT":
                self.types[key] = request.headers.get("Content-Type", "")
                if key in meet:
                    self._meeting.wait(PATIENCE_S)  # breaks, and so fails the upload, unless all are here at once
            return False

        self.intercept = look

    def outputs(self, *names: str, **more: str) -> dict[str, str]:
        return {name: self.presign("PUT", OUTPUTS[name].file) for name in names} | more


def test_all_arrive_at_once_after_the_splat_each_with_its_type(photos: list[Path]) -> None:
    names = ("spz", "viewer", "poster", "report", "quality", "compressed_ply")
    files = tuple(OUTPUTS[name].file for name in names)
    with Bucket(meet=files) as store:
        urls = store.outputs(*names)
        answer = do(local_job(photos, store.presign("PUT", "a.ply"), outputs=urls, webhook_url=store.hook_url()))
        assert answer["status"] == "success"
        assert list(answer["outputs"]) == list(names)
        assert all(answer["outputs"][name] == urls[name].split("?")[0] for name in names)
        assert (store.puts[0], sorted(store.puts[1:])) == ("a.ply", sorted(files))
        assert {key: store.types[key] for key in files} == {OUTPUTS[n].file: OUTPUTS[n].content_type for n in names}
        assert store.statuses() == ["completed"]
        assert store.objects["viewer.html"].startswith(b"<!doctype html>")
        assert json.loads(store.objects["quality.json"])["photos"]["given"] == 6
        assert store.objects["splat.spz"][:2] == b"\x1f\x8b"
    assert "export" in answer["timings"]
    assert not any("output" in warning for warning in answer["warnings"])
    assert "X-Amz" not in json.dumps(answer)


def test_an_upload_that_is_refused_is_a_warning_by_name(photos: list[Path]) -> None:
    with Bucket() as store:
        urls = store.outputs("spz", "poster")
        urls["spz"] = urls["spz"].replace("X-Amz-Signature=", "X-Amz-Signature=0")
        answer = do(local_job(photos, store.presign("PUT", "a.ply"), outputs=urls))
        assert answer["status"] == "success"
        assert list(answer["outputs"]) == ["poster"]
        assert "splat.spz" not in store.objects
    (warning,) = [warning for warning in answer["warnings"] if "'spz'" in warning]
    assert "not delivered" in warning
    assert "403" in warning
    assert "X-Amz" not in json.dumps(answer)


@pytest.mark.parametrize("fault", ["silent", "killed", "no-result"])
def test_a_stage_that_dies_leaves_the_splat_delivered(photos: list[Path], fault: str) -> None:
    with Bucket() as store:
        job = local_job(photos, store.presign("PUT", "a.ply"), outputs=store.outputs("spz", "viewer"))
        answer = do({**job, "input": {**job["input"], "webhook_url": store.hook_url()}}, f"export={fault}")
        assert store.puts == ["a.ply"]
        assert store.statuses() == ["completed"]
    assert (answer["status"], answer["outputs"]) == ("success", {})
    (warning,) = [warning for warning in answer["warnings"] if "outputs" in warning]
    assert "spz, viewer" in warning


WARM = ("gpu=yes", "train=slow:1")
"""On a machine with a GPU the export's process is started while the splat is trained."""


def test_all_arrive_from_a_process_that_was_started_ahead(photos: list[Path]) -> None:
    with Bucket() as store:
        urls = store.outputs("spz", "splat", "quality")
        answer = do(local_job(photos, store.presign("PUT", "a.ply"), outputs=urls), *WARM)
        assert answer["status"] == "success"
        assert list(answer["outputs"]) == ["spz", "splat", "quality"]
        assert (store.puts[0], sorted(store.puts[1:])) == ("a.ply", ["quality.json", "splat.splat", "splat.spz"])
        timings = json.loads(store.objects["quality.json"])["timings"]
    assert {"train", "upload"} < set(timings)  # the account is that of the finished job
    assert not any("output" in warning for warning in answer["warnings"])


@pytest.mark.parametrize("fault", ["segfault", "killed", "silent"])
def test_one_that_dies_while_it_waits_is_replaced(photos: list[Path], tmp_path: Path, fault: str) -> None:
    job = local_job(photos, tmp_path / "a.ply", outputs={"splat": str(tmp_path / "a.splat")})
    answer = do(job, *WARM, f"warm-export={fault}")
    assert answer["status"] == "success"
    assert list(answer["outputs"]) == ["splat"]
    assert not any("output" in warning for warning in answer["warnings"])


@pytest.mark.parametrize("fault", ["silent", "killed", "no-result"])
def test_one_that_was_started_ahead_and_dies_at_work_leaves_the_splat_delivered(
    photos: list[Path], tmp_path: Path, fault: str
) -> None:
    job = local_job(photos, tmp_path / "a.ply", outputs={"splat": str(tmp_path / "a.splat")})
    answer = do(job, *WARM, f"export={fault}")
    assert (answer["status"], answer["outputs"]) == ("success", {})
    (warning,) = [warning for warning in answer["warnings"] if "outputs" in warning]
    assert "splat" in warning
    assert (tmp_path / "a.ply").is_file()


def test_a_failed_job_leaves_no_process_that_was_started_ahead(photos: list[Path], tmp_path: Path) -> None:
    job = local_job(photos, tmp_path / "a.ply", outputs={"splat": str(tmp_path / "a.splat")})
    answer = do(job, "gpu=yes", "train=cuda-memory", "warm-export=hang")
    assert answer["code"] == "out_of_memory"


def test_no_time_left_for_one_that_was_started_ahead(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = local_job(photos, tmp_path / "a.ply", outputs={"splat": str(tmp_path / "a.splat")}, deadline_s=1000.0)
    Leap(monkeypatch, lambda: exporting(tmp_path / "workspaces"), 1000)
    answer = do(job, *WARM, "warm-export=hang")
    assert (answer["status"], answer["outputs"]) == ("success", {})
    assert any("splat" in warning and "time" in warning for warning in answer["warnings"])


def test_no_time_left_is_no_failure(photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bucket() as store:
        job = local_job(photos, tmp_path / "a.ply", outputs=store.outputs("spz"), deadline_s=1000.0)
        leap = Leap(monkeypatch, lambda: is_running("export", tmp_path / "workspaces"), 1000)
        answer = do(job, "export=hang")
    assert (answer["status"], answer["outputs"]) == ("success", {})
    assert any("spz" in warning and "time" in warning for warning in answer["warnings"])
    assert (tmp_path / "a.ply").is_file()
    assert leap.done


def test_a_job_without_outputs_starts_no_export(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply"), "export=segfault")
    assert answer["status"] == "success"
    assert "outputs" not in answer
    assert "export" not in answer["timings"]
    assert not any("output" in warning for warning in answer["warnings"])


@pytest.mark.slow
def test_local_paths_stand_for_urls_in_a_local_run(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply", outputs={"spz": str(tmp_path / "o" / "b.spz")}))
    assert answer["outputs"] == {"spz": str(tmp_path / "o" / "b.spz")}
    assert (tmp_path / "o" / "b.spz").is_file()


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"gltf": "https://a.example/b"}, ["gltf", "spz"]),
        ({"spz": 5}, ["outputs.spz"]),
        ({"spz": ""}, ["outputs.spz"]),
        (["spz"], ["outputs"]),
        ({"spz": "http://127.0.0.1/"}, ["outputs.spz"]),
        ({"spz": "ftp://a.example/b"}, ["outputs.spz"]),
    ],
)
def test_bad_outputs_are_refused_before_the_work(
    photos: list[Path], monkeypatch: pytest.MonkeyPatch, outputs: dict[str, Any] | list[str], words: list[str]
) -> None:
    monkeypatch.delenv("SPLATWORKER_ALLOW_PRIVATE_URLS")
    job = {"image_urls": ["https://a.example/1.jpg"] * 5, "upload_url": "https://a.example/a.ply", "outputs": outputs}
    answer = do({"id": "j", "input": job}, settings=WorkerSettings(command=stand_in()))
    assert answer["code"] == "invalid_job"
    for word in words:
        assert word in answer["error"] + answer["hint"]


def test_null_means_none(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply", outputs=None))
    assert answer["status"] == "success"
    assert "outputs" not in answer


class Percent:
    """A sink that remembers where the job was."""

    def __init__(self) -> None:
        self.seen: list[tuple[float | None, str]] = []

    def update(self, percent: float | None, stage: str, step: str) -> None:
        self.seen.append((percent, stage))

    def warning(self, message: str) -> None:
        pass


@pytest.mark.parametrize("outputs", [{}, {"spz": "b.spz"}])
def test_progress_has_the_stages_that_the_job_has(photos: list[Path], tmp_path: Path, outputs: dict[str, str]) -> None:
    sink = Percent()
    outputs = {name: str(tmp_path / file) for name, file in outputs.items()}
    job = local_job(photos, tmp_path / "a.ply", outputs=outputs)
    assert do(job, settings=WorkerSettings(local=True, sinks=[sink], command=stand_in()))["status"] == "success"
    assert (sink.seen[-1][0] or 0) > 96  # of a copy to a path, which is the last thing here, there is no progress
    assert ("export" in {stage for _, stage in sink.seen}) == bool(outputs)


def exporting(workspaces: Path) -> bool:
    return bool(list(workspaces.glob(".splat-*/account.json")))


def test_cancelled_during_the_export_is_completed_for_its_webhook(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "LAST_WORD_SECONDS", 60.0)
    workspaces = tmp_path / "workspaces"

    async def scene(store: Bucket) -> None:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url(), outputs=store.outputs("spz"))
        task = asyncio.create_task(handler.handler(event, WorkerSettings(local=True, command=stand_in("export=hang"))))
        while not exporting(workspaces):
            assert not task.done()
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Bucket() as store:
        asyncio.run(scene(store))
        assert store.statuses() == ["completed"]
    assert (tmp_path / "a.ply").is_file()


WORKER = """
import asyncio, json, sys
import handler
from splatworker.pipeline import transfers
from splatworker.worker.session import WorkerSettings
transfers.LAST_WORD_SECONDS = 60.0  # where much else is to do the process that says it takes long to start
event, command = json.loads(sys.argv[1]), json.loads(sys.argv[2])
print(json.dumps(asyncio.run(handler.handler(event, WorkerSettings(local=True, command=command)))))
"""


def test_sigterm_during_the_export_ends_as_the_success_that_it_is(photos: list[Path], tmp_path: Path) -> None:
    with Bucket() as store:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url(), outputs=store.outputs("spz"))
        running = subprocess.Popen(
            [sys.executable, "-c", WORKER, json.dumps(event), json.dumps(stand_in("export=hang"))],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        wait_until(lambda: exporting(tmp_path / "workspaces"))
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=PATIENCE_S)
        answer = json.loads(output)
        assert store.statuses() == ["completed"]
    assert (answer["status"], answer["outputs"]) == ("success", {})
    assert any("spz" in warning and "stopped" in warning for warning in answer["warnings"])
