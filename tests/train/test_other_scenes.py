"""`train`, `eval` and `render` with scenes of other makers, and with the folder of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from splatworker.export.subject import read_subject
from splatworker.formats import transforms
from splatworker.formats.ply import read_ply
from splatworker.formats.scene import read_scene
from splatworker.render.cli import main as render
from splatworker.splat_files.registry import write_any
from splatworker.train.cli import main as train
from splatworker.train.eval_cli import main as evaluate

FEW = ["--iterations", "3", "--device", "cpu", "--json"]


def told(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], list[str]]:
    """The result that a command told, and its warnings."""
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    result = next(event["result"] for event in events if event["event"] == "result")
    return result, [event["message"] for event in events if event["event"] == "warning"]


@pytest.fixture(scope="module")
def out(tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run: scene/, model/, splat.ply."""
    folder = tmp_path_factory.mktemp("run") / "OUT"
    shutil.copytree(tiny_scene, folder / "scene")
    assert train(["-s", str(folder), "-m", str(folder / "model"), *FEW, "--eval"]) == 0
    shutil.copy(next(folder.rglob("iteration_3/point_cloud.ply")), folder / "splat.ply")
    (folder / "result.json").write_text("{}")
    return folder


def test_a_rendered_scene_is_trained_and_scored(
    tiny_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transforms, "RANDOM_POINTS", 200)
    photos = read_scene(tiny_scene).photos
    for part, chosen in (("train", photos[2:]), ("test", photos[:2])):
        (tmp_path / "scene" / part).mkdir(parents=True)
        frames = []
        for photo in chosen:
            with Image.open(photo.path) as image:
                image.convert("RGBA").save(tmp_path / "scene" / part / photo.name)
            to_world = np.vstack([photo.camera.camera_from_world, [0, 0, 0, 1]])
            matrix = np.linalg.inv(to_world) @ np.diag([1, -1, -1, 1])
            frames.append({"file_path": f"./{part}/{Path(photo.name).stem}", "transform_matrix": matrix.tolist()})
        camera = photos[0].camera
        described = {"camera_angle_x": float(2 * np.arctan(camera.width / 2 / camera.fx)), "frames": frames}
        (tmp_path / "scene" / f"transforms_{part}.json").write_text(json.dumps(described))
    scene, model = tmp_path / "scene", tmp_path / "model"
    assert train(["-s", str(scene), "-m", str(model), "--eval", *FEW]) == 0
    result, warnings = told(capsys)
    assert result["gaussians"] == 200
    assert any("no points" in warning for warning in warnings)
    assert evaluate([str(model), "-s", str(scene), "--device", "cpu", "--json"]) == 0
    scores = told(capsys)[0]["photos"]
    assert {score["name"] for score in scores} == {f"test/{photo.name}" for photo in photos[:2]}


def test_photos_shrunk_beside_the_scene(tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = tmp_path / "scene"
    shutil.copytree(tiny_scene, scene)
    (scene / "images_2").mkdir()
    for photo in read_scene(scene).photos:
        with Image.open(photo.path) as image:
            image.resize((24, 18), Image.Resampling.BOX).save(scene / "images_2" / photo.name)
    assert train(["-s", str(scene), "-i", "images_2", "-m", str(tmp_path / "model"), *FEW]) == 0
    camera = json.loads((tmp_path / "model" / "cameras.json").read_text())[0]
    assert (camera["width"], camera["height"], camera["fx"]) == (24, 18, 25.0)


def test_the_folder_of_a_run_is_understood_by_all(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for splat in (out, out / "model", out / "splat.ply"):
        assert evaluate([str(splat), "-s", str(out), "--device", "cpu", "--json"]) == 0
        assert len(told(capsys)[0]["photos"]) == 2
        assert render([str(splat), "-s", str(out), "-o", str(tmp_path / "drawn"), "--device", "cpu", "--json"]) == 0
        assert told(capsys)[0]["images"] == 12
    subject = read_subject(out, out)
    assert subject.source == out / "splat.ply"
    assert len(subject.held_out) == 2  # as the model's results.json says


@pytest.mark.parametrize("suffix", [".spz", ".sog", ".compressed.ply", ".splat"])
def test_every_format_is_scored_as_the_ply_is(
    out: Path, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splat = tmp_path / f"a{suffix}"
    write_any(splat, read_ply(out / "splat.ply"), "cpu")
    scores = []
    for path in (out / "splat.ply", splat):
        assert evaluate([str(path), "-s", str(out), "--device", "cpu", "--json"]) == 0
        scores.append(told(capsys)[0]["psnr"])
    assert abs(scores[0] - scores[1]) < 0.2
