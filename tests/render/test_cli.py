"""`splatworker render`: one PNG a photo, the renderer's pixels in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.scene_folders import truth

from splatworker.formats.ply import write_ply
from splatworker.formats.scene import read_scene
from splatworker.render import cli
from splatworker.render.cpu import CpuRenderer
from splatworker.render.metrics import psnr
from splatworker.render.tensors import to_gaussians


def test_pictures_are_the_photos_when_the_splat_is_the_truth(
    tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ply(tmp_path / "truth.ply", to_gaussians(truth()))
    out = tmp_path / "out"
    assert cli.main([str(tmp_path / "truth.ply"), "-s", str(tiny_scene), "-o", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert (result["images"], result["gaussians"]) == (12, 60)
    for photo in read_scene(tiny_scene).photos:
        drawn = np.asarray(Image.open(out / photo.name)).astype(int)
        assert np.abs(drawn - np.asarray(Image.open(photo.path))).max() <= 2  # the reference drew the photos


def test_split_size_and_background(tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ply(tmp_path / "truth.ply", to_gaussians(truth()))
    command = [str(tmp_path / "truth.ply"), "-s", str(tiny_scene), "-o", str(tmp_path), "--split", "test", "-r", "2"]
    assert cli.main(["-w", *command]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == f"{tmp_path}: 2 pictures"
    drawn = np.asarray(Image.open(tmp_path / "photo008.png"))
    assert drawn.shape == (18, 24, 3)
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["photo000.png", "photo008.png"]
    renderer = CpuRenderer()
    camera = read_scene(tiny_scene).photos[8].camera.resized(24, 18)
    expected = renderer.render(truth(), camera, torch.ones(3), 0)
    assert np.abs(drawn - (expected.clamp(0, 1) * 255).permute(1, 2, 0).numpy()).max() <= 0.5001


def test_psnr_is_its_formula() -> None:
    photo = torch.full((3, 4, 5), 51, dtype=torch.uint8)  # 0.2
    assert abs(psnr(torch.full((3, 4, 5), 0.3), photo) - 20.0) < 1e-4
    assert abs(psnr(torch.full((3, 4, 5), -7.0), photo) + 10 * np.log10(0.04)) < 1e-4
    assert psnr(photo / 255, photo) == float("inf")
