"""Two trainers, one command line: ours warmed up on a GPU, and the original where it is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.jobs import do, local_job, stand_in, write_photos

from splatworker.formats.ply import read_ply
from splatworker.worker.session import WorkerSettings

ORIGINAL = Path(__file__).parents[1] / "support" / "original_train.py"


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    return local_job(write_photos(tmp_path / "photos"), tmp_path / "a.ply")


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a `train.py`, as INRIA_DIR names it."""
    folder = tmp_path / "gaussian-splatting"
    folder.mkdir()
    (folder / "train.py").write_text(f"import runpy\nrunpy.run_path({str(ORIGINAL)!r}, run_name='__main__')\n")
    monkeypatch.setenv("INRIA_DIR", str(folder))
    monkeypatch.setenv("INRIA_PYTHON", sys.executable)


def ask_original(job: dict[str, Any], **params: Any) -> dict[str, Any]:
    job["input"] |= {"trainer": "inria", "params": params}
    return do(job)


def test_the_original_trainer_takes_the_same_arguments(
    job: dict[str, Any], original: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INRIA_TEST_TOLD", str(tmp_path / "told.json"))
    answer = ask_original(job, eval=True, iterations=700, save_iterations=[100], white_background=True, resolution=2,
                          antialiasing=True, optimizer_type="sparse_adam", exposure_lr_init=0.02)  # fmt: skip
    assert answer["status"] == "success", answer
    assert answer["gaussians"] == 40
    assert answer["quality"]["psnr"] == 24.5679
    assert not any("have no effect" in warning for warning in answer["warnings"])
    told = json.loads((tmp_path / "told.json").read_text())
    asked = {"eval": True, "iterations": 700, "save_iterations": [100, 700], "white_background": True, "resolution": 2,
             "antialiasing": True, "optimizer_type": "sparse_adam", "exposure_lr_init": 0.02,
             "opacity_lr": 0.05, "sh_degree": 3}  # fmt: skip
    assert {name: told[name] for name in asked} == asked
    assert read_ply(tmp_path / "a.ply").antialiased  # which its own files do not say


def test_a_splat_of_the_original_without_antialiasing_is_not_marked(
    job: dict[str, Any], original: None, tmp_path: Path
) -> None:
    assert ask_original(job)["status"] == "success"
    assert not read_ply(tmp_path / "a.ply").antialiased


def test_the_original_trainers_progress_is_heard(job: dict[str, Any], original: None) -> None:
    heard: list[float] = []

    class Sink:
        def update(self, percent: float | None, stage: str, step: str) -> None:
            if stage == "train":
                assert percent is not None
                heard.append(percent)

        def warning(self, message: str) -> None:
            pass

    job["input"] |= {"trainer": "inria"}
    assert do(job, settings=WorkerSettings(local=True, sinks=[Sink()], command=stand_in()))["status"] == "success"
    assert heard == sorted(heard)
    assert len(heard) >= 1


def test_where_it_is_not_installed_the_build_flag_is_named(
    job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INRIA_DIR", raising=False)
    answer = ask_original(job)
    assert answer["code"] == "trainer_missing"
    assert "--with-inria" in answer["hint"]


@pytest.mark.parametrize(
    ("last_words", "code"),
    [
        ("RuntimeError: CUDA error: device-side assert triggered", "gpu_failed"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "out_of_memory"),
        ("ValueError: something else", "stage_crashed"),
    ],
)
def test_how_the_original_trainer_dies(
    job: dict[str, Any], original: None, monkeypatch: pytest.MonkeyPatch, last_words: str, code: str
) -> None:
    monkeypatch.setenv("INRIA_TEST_FAULT", last_words)
    answer = ask_original(job)
    assert answer["code"] == code
    assert last_words in answer["traceback"]


def test_with_a_gpu_the_trainer_warms_up_and_gets_its_arguments_later(job: dict[str, Any]) -> None:
    answer = do(job, "gpu=yes")
    assert answer["status"] == "success", answer
    assert answer["quality"]["preview"] is False
    assert answer["quality"]["iterations"] == 7000
    assert answer["timings"]["train"] < answer["timings"]["total"]


def test_a_gpu_that_our_kernels_were_not_built_for_means_a_preview(job: dict[str, Any]) -> None:
    answer = do(job, "gpu=without-kernels")
    assert answer["quality"]["preview"] is True
    assert any("no kernels" in warning for warning in answer["warnings"])


def test_peak_memory_of_the_gpu_is_told(job: dict[str, Any]) -> None:
    assert do(job, "gpu=yes")["peak_memory_bytes"]["gpu"] == 123 << 20
    assert "gpu" not in do(job)["peak_memory_bytes"]


@pytest.mark.parametrize("stage", ["warm", "photos", "sfm"])
def test_a_stage_that_dies_while_photos_arrive_is_not_found_out_after_them(job: dict[str, Any], stage: str) -> None:
    """The fetching would take an hour."""
    answer = do(job, "gpu=yes", f"{stage}=segfault", "fetch=hang")
    assert answer["code"] == "stage_crashed"
    assert stage in answer["error"]


def test_a_gpu_that_fails_in_colmap_replaces_the_worker(job: dict[str, Any]) -> None:
    answer = do(job, "sfm=cuda-error")
    assert (answer["code"], answer["stage"], answer["refresh_worker"]) == ("gpu_failed", "sfm", True)


def test_a_disk_that_colmaps_database_fills(job: dict[str, Any]) -> None:
    answer = do(job, "sfm=database-full")
    assert (answer["code"], answer["stage"]) == ("disk_full", "sfm")


def test_a_trainer_that_cannot_even_warm_up(job: dict[str, Any]) -> None:
    answer = do(job, "gpu=yes", "warm=cuda-error", "sfm=slow:1")
    assert answer["code"] == "gpu_failed"
    assert answer["refresh_worker"] is True


def test_a_job_that_fails_before_training_ends_the_warm_trainer(job: dict[str, Any]) -> None:
    answer = do(job, "gpu=yes", "sfm=no-reconstruction")
    assert answer["code"] == "no_reconstruction"
    assert do(job, "gpu=yes")["status"] == "success"
