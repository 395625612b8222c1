"""The handler where something fails that is not the job's: disks, stores, a stage, a GPU, time."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from support.answers import assert_error
from support.jobs import do, local_job

from splatworker.errors import DiskFull
from splatworker.pipeline import stage_calls, transfers
from splatworker.stages import workspace
from splatworker.stages.process import StageRunner


def test_an_upload_that_is_refused(
    photos: list[Path], tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    httpserver.expect_request("/a.ply", method="PUT").respond_with_data("no", status=403)
    url = httpserver.url_for("/a.ply?X-Amz-Signature=abcdef")
    answer = do(local_job(photos, url))
    assert_error(answer, "upload_refused", "403")
    assert answer["stage"] == "deliver"
    assert "abcdef" not in json.dumps(answer)
    assert len(httpserver.log) == 1


def test_a_full_disk_during_training(
    photos: list[Path], tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(small_disk))
    for module, name in ((workspace, "LEAST_DISK"), (stage_calls, "TRAINING_DISK")):
        monkeypatch.setattr(module, name, 0)
    answer = do(local_job(photos, tmp_path / "a.ply"), "train=full-disk")
    assert_error(answer, "disk_full", "disk is full")
    assert answer["stage"] == "train"
    assert not (tmp_path / "a.ply").exists()
    assert list(small_disk.iterdir()) == []


def test_a_disk_nearly_full_is_refused_before_the_work(
    photos: list[Path], tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(small_disk))
    answer = do(local_job(photos, tmp_path / "a.ply"))
    assert_error(answer, "disk_full", "MiB")
    assert list(small_disk.iterdir()) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stage", ["photos", "sfm", "train"])
def test_a_disk_that_is_full_when_a_stage_that_waits_could_go_on(
    stage: str, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage's process is there and waits for its input: it must not wait for ever."""

    def check(workspace: Path, name: str, needed: int) -> None:
        if name == stage and needed > 0:
            raise DiskFull("The disk is nearly full.", hint="Free some space.", stage=stage)

    monkeypatch.setattr(stage_calls, "check_room", check)
    answer = do(local_job(photos, tmp_path / "a.ply"), "gpu=yes")
    assert_error(answer, "disk_full", "nearly full")
    assert answer["stage"] == stage


def test_a_crash_shows_the_end_of_the_log_without_secrets(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply"), "train=silent")
    assert_error(answer, "stage_crashed", "train", "3")
    assert "the last words" in answer["traceback"]
    assert "abc123" not in json.dumps(answer)


def test_a_webhook_for_which_there_is_no_room_is_a_warning(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the splat has been delivered: the log of the telling cannot be opened."""
    real = StageRunner.run

    async def run(runner: StageRunner, stage: str, *arguments: list[Any], **options: Any) -> Any:
        if stage == "notify":
            raise OSError(errno.ENOSPC, "No space left on device")
        return await real(runner, stage, *arguments, **options)

    monkeypatch.setattr(StageRunner, "run", run)
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    answer = do(local_job(photos, tmp_path / "a.ply", webhook_url="http://127.0.0.1:9/hook"))
    assert answer["status"] == "success"
    assert any("No space left" in warning for warning in answer["warnings"])


def test_a_machine_that_fails_the_worker_itself_is_told_by_its_kind(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", link)
    assert_error(do(local_job(photos, tmp_path / "a.ply")), "disk_full")


def test_a_webhook_may_take_what_is_left_of_the_job() -> None:
    assert transfers.webhook_seconds(None) == transfers.WEBHOOK_SECONDS
    now = time.monotonic()
    assert transfers.webhook_seconds(now + 3600) == transfers.WEBHOOK_SECONDS
    assert transfers.webhook_seconds(now + 60) == pytest.approx(60, abs=5)
    assert transfers.webhook_seconds(now - 60) == transfers.LEAST_WEBHOOK_SECONDS


def test_a_gpu_that_is_gone_replaces_the_worker(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply"), "train=gpu-lost")
    assert_error(answer, "gpu_failed")
    assert answer["refresh_worker"] is True


def test_a_job_out_of_time(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply", deadline_s=6.0), "photos=hang")
    assert_error(answer, "deadline_exceeded", "photos")
