"""The disk is full, in the workspace or where the splat should go: an answer says so, and nothing is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.jobs import do, local_job, slow, write_photos
from support.traces import Traces

from splatworker.pipeline import stage_calls
from splatworker.stages import workspace


@pytest.mark.parametrize("stage", ["train", *slow("fetch", "photos", "sfm")])
def test_the_disk_fills_up(
    stage: str, job: dict[str, Any], traces: Traces, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(workspace, "LEAST_DISK", 0)
        patch.setattr(stage_calls, "TRAINING_DISK", 0)
        patch.setenv("SPLATWORKER_WORKSPACE", str(small_disk))
        answer = do(job, f"{stage}=full-disk")
    assert answer["code"] == "disk_full"
    assert list(small_disk.iterdir()) == []


def test_the_disk_fills_up_over_what_is_wanted_besides(
    job: dict[str, Any], traces: Traces, small_disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    event = {**job, "input": job["input"] | {"outputs": {"splat": str(tmp_path / "a.splat")}}}
    with monkeypatch.context() as patch:
        patch.setattr(workspace, "LEAST_DISK", 0)
        patch.setattr(stage_calls, "TRAINING_DISK", 0)
        patch.setenv("SPLATWORKER_WORKSPACE", str(small_disk))
        answer = do(event, "export=full-disk")
    assert answer["status"] == "success"
    assert any("disk is full" in warning for warning in answer["warnings"])
    assert list(small_disk.iterdir()) == []


def test_the_disk_fills_up_while_photos_arrive(
    tmp_path: Path, traces: Traces, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = write_photos(tmp_path / "large", 6, size=(4000, 3000))
    monkeypatch.setattr(workspace, "LEAST_DISK", 0)
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(small_disk))
    assert do(local_job(large, tmp_path / "a.ply"))["code"] == "disk_full"
    assert list(small_disk.iterdir()) == []


def test_the_disk_is_full_where_the_splat_should_go(photos: list[Path], traces: Traces, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes((4 << 20) - 8192))
    assert do(local_job(photos, small_disk / "a.ply"))["code"] == "disk_full"
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_workspace_that_cannot_be_made_is_answered(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(tmp_path / "missing"))
    answer = do(local_job(photos, tmp_path / "a.ply"))
    assert answer["status"] == "error"
    assert isinstance(answer["error"], str)
