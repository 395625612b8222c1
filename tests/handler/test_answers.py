"""The handler, with instant stages in place of the slow ones: the contract, and every kind of bad input."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from support.answers import assert_error
from support.jobs import do, local_job, stand_in, write_photos
from support.platform_server import is_running
from support.waiting import Leap

from splatworker.errors import DiskFull
from splatworker.formats.ply import read_ply
from splatworker.pipeline import stage_calls, transfers
from splatworker.stages import workspace
from splatworker.stages.process import StageRunner
from splatworker.worker.session import JobSession, WorkerSettings

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("own_workspaces")


def test_success_keeps_the_contract(photos: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "out" / "point_cloud.ply"
    answer = do(local_job(photos, target, project_id="p-1", params={"eval": True}))
    assert answer["status"] == "success"
    assert answer["project_id"] == "p-1"
    assert answer["file_size"] == target.stat().st_size > 0
    assert answer["message"] == "Gaussian Splatting completed successfully"
    assert answer["photos"] == {"given": 6, "used": 6, "registered": 6, "rejected": []}
    assert answer["gaussians"] == 40
    assert answer["quality"]["psnr"] == 25.0
    assert list(answer["timings"]) == ["fetch", "photos", "sfm", "train", "upload", "total"]
    assert all(seconds > 0 for seconds in answer["timings"].values())
    assert answer["peak_memory_bytes"]["host"] > 1 << 20
    assert isinstance(answer["warnings"], list)
    json.dumps(answer)


def test_public_url_is_what_model_url_says(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply", public_url="https://cdn.example/a.ply"))
    assert answer["model_url"] == "https://cdn.example/a.ply"


def test_the_inputs_wrapper_is_optional(photos: list[Path], tmp_path: Path) -> None:
    job = local_job(photos, tmp_path / "a.ply")["input"]
    assert do(job)["status"] == "success"


def test_a_preview_is_announced_where_there_is_no_gpu(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply"))
    if answer["device"] != "cpu":
        pytest.skip("this machine has a GPU")
    assert answer["quality"]["preview"] is True
    assert any("no GPU" in warning for warning in answer["warnings"])


def test_more_than_there_is_becomes_the_most_there_is_with_a_word(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply", params={"sh_degree": 4, "scaling_lr": 3, "iterations": 50.0}))
    assert answer["status"] == "success", answer
    said = [warning for warning in answer["warnings"] if "the most there is" in warning]
    assert sorted(
        name for warning in said for name in ("sh_degree", "scaling_lr", "iterations") if name in warning
    ) == ["scaling_lr", "sh_degree"]  # fmt: skip
    assert read_ply(tmp_path / "a.ply").sh_degree == 3
    assert answer["iterations"] == {"asked": 50, "trained": 50, "stopped_early": False}


@pytest.mark.parametrize(
    ("params", "schedule"), [({}, "own"), ({"densify_until_iter": 900}, "own"), ({"schedule": "original"}, "original")]
)
def test_the_answer_says_whose_schedule_it_was(
    photos: list[Path], tmp_path: Path, params: dict[str, Any], schedule: str
) -> None:
    assert do(local_job(photos, tmp_path / "a.ply", params=params))["schedule"] == schedule


def test_params_without_use_are_named_in_a_warning(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply", params={"depth_l1_weight_init": 0.5, "source_path": "/etc"}))
    assert answer["status"] == "success"
    assert any("depth_l1_weight_init, source_path" in warning for warning in answer["warnings"])


def test_no_photos(tmp_path: Path) -> None:
    assert_error(do(local_job([], tmp_path / "a.ply")), "too_few_photos", "0 photos", "5")


def test_fewer_than_five(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 4)
    assert_error(do(local_job(photos, tmp_path / "a.ply")), "too_few_photos", "4", "5")


def test_text_files(tmp_path: Path) -> None:
    files = [tmp_path / f"note{i}.jpg" for i in range(6)]
    for file in files:
        file.write_text("no photo at all\n")
    answer = do(local_job(files, tmp_path / "a.ply"))
    assert_error(answer, "no_photos", "0001_note0.jpg", "not a JPEG")
    assert not (tmp_path / "a.ply").exists()


def test_a_truncated_photo_among_good_ones_is_dropped_and_named(photos: list[Path], tmp_path: Path) -> None:
    photos[2].write_bytes(photos[2].read_bytes()[:1500])
    answer = do(local_job(photos, tmp_path / "a.ply"))
    assert answer["status"] == "success"
    assert answer["photos"]["used"] == 5
    (rejected,) = answer["photos"]["rejected"]
    assert rejected["index"] == 2
    assert "truncated" in rejected["reason"]
    assert any("IMG_0003" in warning for warning in answer["warnings"])


def test_a_file_that_is_not_there_counts_as_rejected(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job([*photos, tmp_path / "missing.jpg"], tmp_path / "a.ply"))
    assert answer["status"] == "success"
    assert answer["photos"]["rejected"] == [{"index": 6, "reason": "the file does not exist"}]


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"iteratoins": 7000}, "unknown_param", ["iteratoins", "'iterations'"]),
        ({"iterations": 0}, "invalid_param", ["iterations", "7000"]),
        ({"iterations": True}, "invalid_param", ["iterations"]),
        ({"opacity_lr": True}, "invalid_param", ["opacity_lr"]),
        ({"iterations": "7000"}, "invalid_param", ["iterations"]),
        ({"opacity_lr": math.nan}, "invalid_param", ["opacity_lr"]),
        ({"opacity_lr": math.inf}, "invalid_param", ["opacity_lr"]),
        ({"opacity_lr": 1e400}, "invalid_param", ["opacity_lr"]),
        ({"white_background": 1}, "invalid_param", ["white_background"]),
        ({"dropout": -0.1}, "invalid_param", ["dropout"]),
        ({"max_gaussians": 7000.5}, "invalid_param", ["max_gaussians"]),
        ({"final_rate": None}, "invalid_param", ["final_rate"]),
        ({"schedule": "theirs"}, "invalid_param", ["schedule"]),
        ({"save_iterations": 7000}, "invalid_param", ["save_iterations"]),
        ({"resolution": 3}, "invalid_param", ["resolution"]),
        ([], "invalid_job", ["params"]),
    ],
)
def test_bad_params(
    photos: list[Path], tmp_path: Path, params: dict[str, Any] | list[Any], code: str, words: list[str]
) -> None:
    assert_error(do(local_job(photos, tmp_path / "a.ply", params=params)), code, *words)


@pytest.mark.parametrize(
    "params",
    [
        {"lambda_dssim": 1.5},
        {"sh_degree": -1},
        {"opacity_lr": -0.1},
        {"position_lr_init": 0},
        {"iterations": 7000.5},
        {"iterations": None},
    ],
)
def test_what_a_page_lets_its_user_type_is_a_splat_and_a_warning(
    photos: list[Path], tmp_path: Path, params: dict[str, Any]
) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply", params=params))
    assert answer["status"] == "success"
    assert any(f"'{next(iter(params))}'" in warning for warning in answer["warnings"])


@pytest.mark.parametrize("value", [None, [], "text", 7, {}, {"image_urls": []}])
def test_what_is_no_job_at_all(value: Any) -> None:
    assert do({"id": "x", "input": value})["code"] in ("invalid_job", "too_few_photos")


def test_paths_are_refused_on_the_platform(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply"), settings=WorkerSettings(local=False, command=stand_in()))
    assert_error(answer, "invalid_job", "image_urls[0]")


def test_no_reconstruction_says_what_to_do(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply"), "sfm=no-reconstruction")
    assert_error(answer, "no_reconstruction", "More.")
    assert answer["stage"] == "sfm"


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


def test_a_failed_job_tells_what_became_of_each_photo(photos: list[Path], tmp_path: Path) -> None:
    photos[1].write_bytes(photos[1].read_bytes()[:500])
    photos[4].write_text("<html>")
    answer = do(local_job(photos, tmp_path / "a.ply"))
    assert_error(answer, "too_few_photos")
    rejected = answer["photos"]["rejected"]
    assert [photo["index"] for photo in rejected] == [1, 4]
    assert "truncated" in rejected[0]["reason"]
    assert len(answer["warnings"]) == 2

    more = write_photos(tmp_path / "more", 2, seed=9)
    later = do(local_job([*photos[:4], photos[5], *more], tmp_path / "a.ply"), "sfm=no-reconstruction")
    assert_error(later, "no_reconstruction")
    assert [photo["index"] for photo in later["photos"]["rejected"]] == [1]


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


def test_two_local_jobs_have_two_names() -> None:
    names = {JobSession({"input": {}}, WorkerSettings(local=True)).job_id for _ in range(2)}
    assert len(names) == 2


def test_a_webhook_may_take_what_is_left_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    assert transfers.webhook_seconds(None) == transfers.WEBHOOK_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    assert transfers.webhook_seconds(1000.0 + 3600) == transfers.WEBHOOK_SECONDS
    assert transfers.webhook_seconds(1000.0 + 60) == 60
    assert transfers.webhook_seconds(1000.0 - 60) == transfers.LEAST_WEBHOOK_SECONDS


def test_a_gpu_that_is_gone_replaces_the_worker(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply"), "train=gpu-lost")
    assert_error(answer, "gpu_failed")
    assert answer["refresh_worker"] is True


def test_a_job_out_of_time(photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Leap(monkeypatch, lambda: is_running("photos", tmp_path / "workspaces"), 600)
    answer = do(local_job(photos, tmp_path / "a.ply", deadline_s=600.0), "photos=hang")
    assert_error(answer, "deadline_exceeded", "photos")


def run_file(job: object, tmp_path: Path, **environment: Any) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job))
    return subprocess.run(
        [sys.executable, ROOT / "handler.py", file],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
    )


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_job_file_ends_with_status_1_and_prints_the_answer(tmp_path: Path, wrapped: bool) -> None:
    job = {"image_urls": [], "upload_url": str(tmp_path / "a.ply")}
    done = run_file({"input": job} if wrapped else job, tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "too_few_photos"
    assert done.stderr.splitlines()[-1].endswith("[too_few_photos]")


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text("{")
    done = subprocess.run([sys.executable, ROOT / "handler.py", file], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "JSON" in done.stderr


def test_the_worker_imports_neither_torch_nor_pycolmap() -> None:
    code = "import sys, handler; sys.exit(bool({'torch', 'pycolmap', 'runpod'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_stand_in_takes_no_option_that_the_real_stage_does_not() -> None:
    from support.stand_in_stages import sfm_parser

    command = [sys.executable, "-P", "-m", "splatworker", "sfm", "--help"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    real = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
    options = {word for action in sfm_parser()._actions for word in action.option_strings if word.startswith("--")}
    assert {"--matcher", "--output", "--json"} <= options
    assert [word for word in sorted(options) if word not in real] == []
