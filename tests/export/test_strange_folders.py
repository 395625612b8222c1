"""Model and scene folders whose files of our names say what no trainer of ours writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.model_folders import write_model

from splatworker.export.account import Account, figures
from splatworker.export.report import Pictures, page
from splatworker.export.subject import read_subject
from splatworker.formats.ply import read_ply
from splatworker.formats.scene import read_scene

DEEP = "[" * 100_000
STRANGE: list[Any] = [None, [], "x", 1e308, -1, {"a": 1}, [1], [{}], [{"name": 1, "reason": None}], True]


@pytest.fixture
def folders(tmp_path: Path, tiny_scene: Path, model: Path) -> tuple[Path, Path]:
    """A model of a few Gaussians, and links to a scene's parts."""
    splat = read_ply(next(model.rglob("point_cloud.ply")))
    folder, scene = write_model(tmp_path / "model", splat), tmp_path / "scene"
    scene.mkdir()
    for part in ("images", "sparse"):
        (scene / part).symlink_to(tiny_scene / part)
    return folder, scene


def told(folders: tuple[Path, Path]) -> dict[str, Any]:
    """The figures and the page of an export, without making what they tell of."""
    subject = read_subject(*folders)
    found = figures(subject, Account(), [], [], None, subject.gaussians, {})
    json.dumps(found, allow_nan=False)
    cameras = [photo.camera for photo in subject.photos]
    centers = np.stack([camera.center for camera in cameras])
    forwards = np.stack([camera.camera_from_world[2, :3] for camera in cameras])
    page(found, Pictures([], subject.points, centers, forwards, [False] * len(cameras)))
    return found


NAMES = {
    "results.json": ("psnr", "ssim", "iteration", "test", "history"),
    "report.json": ("photos", "points", "reprojection_error_px", "track_length", "rung", "rejected"),
    "frame.json": ("axes", "unit", "scale"),
}


@pytest.mark.parametrize("name", NAMES)
def test_strange_values_are_passed_over(folders: tuple[Path, Path], name: str) -> None:
    place = folders[0] if name == "results.json" else folders[1]
    for strange in STRANGE:
        (place / name).write_text(json.dumps(dict.fromkeys(NAMES[name], strange)))
        told(folders)
    for text in (DEEP, "[]", "\xff", '{"photos": NaN, "scale": Infinity, "psnr": NaN}'):
        (place / name).write_text(text, encoding="latin-1")
        told(folders)


def test_a_strange_log_and_strange_cameras(folders: tuple[Path, Path]) -> None:
    model, scene = folders
    lines = [DEEP, "1", '{"iteration": 5, "loss": "x"}', '{"iteration": "5"}']
    (model / "train_log.jsonl").write_text("\n".join(lines))
    assert told(folders)["training"]["log"] == [{"iteration": 5}]
    for text in (DEEP, '[{"width": 1e999, "height": 1}]', "[1]"):
        (model / "cameras.json").write_text(text)
        from splatworker.export.comparison import trained_size

        assert trained_size(model) == 0
    assert len(read_scene(scene).photos) == 12
