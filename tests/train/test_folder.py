"""A model folder that is trained into twice: the last training is the one that counts, and nothing is mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.model_folders import write_model
from support.scene_folders import truth

from splatworker.errors import InvalidScene
from splatworker.formats.folder_record import RECORD
from splatworker.formats.model_folder import find_splat
from splatworker.formats.ply import read_ply
from splatworker.train import cli


def train(scene: Path, model: Path, *options: Any, iterations: int = 20) -> int:
    words = ["-s", scene, "-m", model, "--iterations", iterations, "--device", "cpu", "--quiet", *options]
    return cli.main([str(word) for word in words])


def files(model: Path) -> set[str]:
    return {str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()} - {RECORD}


def splats(model: Path) -> list[str]:
    return sorted(path.name for path in (model / "point_cloud").iterdir())


def test_the_last_training_counts_however_short(tiny_scene: Path, tmp_path: Path) -> None:
    model = tmp_path / "m"
    assert train(tiny_scene, model, "--eval", "--checkpoint_iterations", 30, iterations=40) == 0
    assert train(tiny_scene, model, "--sh_degree", 0) == 0
    assert files(model) == {
        "cfg_args", "cameras.json", "input.ply", "train_log.jsonl", "point_cloud/iteration_20/point_cloud.ply"
    }  # fmt: skip
    assert read_ply(find_splat(model)).sh_degree == 0


def test_a_training_that_writes_nothing_leaves_the_earlier_one_whole(
    tiny_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "m"
    assert train(tiny_scene, model) == 0
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}

    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("splatworker.train.optimisation.learning_rates", interrupt)
    assert train(tiny_scene, model, "--sh_degree", 0, iterations=500) == 130
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


def test_one_that_goes_on_keeps_what_it_goes_on_from(tiny_scene: Path, tmp_path: Path) -> None:
    model = tmp_path / "m"
    some = ["--save_iterations", 10, 30, "--checkpoint_iterations", 10, 20, 30]
    assert train(tiny_scene, model, *some, iterations=40) == 0
    assert train(tiny_scene, model, "--start_checkpoint", model / "chkpnt20.npz", iterations=25) == 0
    assert splats(model) == ["iteration_10", "iteration_25"]
    assert {path.name for path in model.glob("chkpnt*")} == {"chkpnt10.npz", "chkpnt20.npz"}
    assert find_splat(model).parent.name == "iteration_25"


def test_another_makers_model_is_refused_before_any_work(
    tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "m", truth())
    (model / "train_log.jsonl").unlink()  # which no other trainer writes
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    assert train(tiny_scene, model) == 1
    told = capsys.readouterr().err
    assert "which splatworker did not make" in told
    assert told.strip().endswith("[invalid_job]")
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


def test_a_splat_that_somebody_has_changed_is_refused(
    tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "m"
    assert train(tiny_scene, model) == 0
    find_splat(model).write_bytes(b"edited for hours")
    assert train(tiny_scene, model, iterations=30) == 1
    assert "was changed after splatworker wrote it" in capsys.readouterr().err
    assert find_splat(model).read_bytes() == b"edited for hours"


def test_a_model_of_a_version_without_records_is_replaced(tiny_scene: Path, tmp_path: Path) -> None:
    model = tmp_path / "m"
    assert train(tiny_scene, model, iterations=30) == 0
    (model / RECORD).unlink()
    (model / "notes.txt").write_text("mine")
    assert train(tiny_scene, model) == 0
    assert splats(model) == ["iteration_20"]
    assert (model / "notes.txt").read_text() == "mine"


def test_the_splat_of_another_trainer_that_came_later_counts(tiny_scene: Path, tmp_path: Path) -> None:
    model = tmp_path / "m"
    assert train(tiny_scene, model, iterations=30) == 0
    later = model / "point_cloud" / "iteration_7" / "point_cloud.ply"
    later.parent.mkdir()
    later.write_bytes(find_splat(model).read_bytes())
    assert find_splat(model) == later


def test_an_interrupted_first_training_is_replaced(
    tiny_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "m"
    with monkeypatch.context() as patched:
        patched.setattr("splatworker.train.milestones.write_splat", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(tiny_scene, model)
    with pytest.raises(InvalidScene):
        find_splat(model)
    assert train(tiny_scene, model, "--sh_degree", 0) == 0
    assert json.loads((model / RECORD).read_text())["files"]["cfg_args"]
