"""The folders of versions that left no record: what is certainly theirs."""

from __future__ import annotations

import json
import os
from pathlib import Path

from splatworker.formats.folder_kinds import earlier_model, earlier_run, earlier_scene, is_of_scene

SCENE_REPORT = {"registered": 1, "rung": "incremental", "pairs": 1, "attempts": [], "cameras": [{"photos": ["a.jpg"]}]}


def write(folder: Path, name: str, text: str = "x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_scene_is_what_its_report_names_and_nothing_newer(tmp_path: Path) -> None:
    for name in ("images/a.jpg", "images/mine.jpg", "sparse/0/cameras.bin"):
        write(tmp_path, name)
    report = write(tmp_path, "report.json", json.dumps(SCENE_REPORT))
    assert set(earlier_scene(tmp_path)) == {"images/a.jpg", "sparse/0/cameras.bin", "report.json"}
    changed = report.stat().st_mtime + 100
    os.utime(tmp_path / "images" / "a.jpg", (changed, changed))
    assert "images/a.jpg" not in earlier_scene(tmp_path)


def test_a_report_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "outside.jpg")
    folder = tmp_path / "scene"
    out = SCENE_REPORT | {"cameras": [{"photos": ["../../outside.jpg", str(tmp_path / "outside.jpg"), 7]}, 7]}
    write(folder, "report.json", json.dumps(out))
    assert earlier_scene(folder) == ["report.json"]


def test_a_run_is_what_its_result_names(tmp_path: Path) -> None:
    result = {"gaussians": 1, "photos": {}, "quality": {}, "timings": {}, "ply": "splat.ply"}
    for name in ("splat.ply", "viewer.html", "mine.txt"):
        write(tmp_path, name)
    write(tmp_path, "result.json", json.dumps(result | {"outputs": {"viewer": "/elsewhere/viewer.html"}}))
    assert set(earlier_run(tmp_path)) == {"splat.ply", "viewer.html", "result.json"}


def test_files_of_these_names_by_other_makers_are_nobodys(tmp_path: Path) -> None:
    for name in ("result.json", "report.json", "train_log.jsonl"):
        write(tmp_path, name, '{"accuracy": 1}')
    assert earlier_run(tmp_path) == earlier_scene(tmp_path) == earlier_model(tmp_path) == []


def test_a_model_is_what_a_trainer_writes(tmp_path: Path) -> None:
    for name in ("cfg_args", "point_cloud/iteration_7/point_cloud.ply", "notes.txt"):
        write(tmp_path, name)
    write(tmp_path, "train_log.jsonl", '{"iteration": 1, "loss": 0.5, "gaussians": 3}\n')
    assert set(earlier_model(tmp_path)) == {"cfg_args", "point_cloud/iteration_7/point_cloud.ply", "train_log.jsonl"}


def test_where_a_scene_may_have_files() -> None:
    assert all(map(is_of_scene, ("images", "images/a/b.jpg", "sparse/0/cameras.bin", "frame.json", "report.json")))
    assert not any(map(is_of_scene, ("imagesx/a.jpg", "notes.txt", "model/report.json")))
