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


def test_it_is_drawn_with_antialiasing_where_the_splat_says_so(tiny_scene: Path, tmp_path: Path) -> None:
    small = truth()._replace(log_scales=truth().log_scales - 3)
    pictures = {}
    for antialiased in (False, True):
        write_ply(tmp_path / "a.ply", to_gaussians(small, antialiased=antialiased))
        out = tmp_path / str(antialiased)
        assert cli.main([str(tmp_path / "a.ply"), "-s", str(tiny_scene), "-o", str(out), "--device", "cpu"]) == 0
        pictures[antialiased] = np.asarray(Image.open(out / "photo000.png")).astype(int)
    renderer = CpuRenderer()
    renderer.antialiasing = True
    expected = renderer.render(small, read_scene(tiny_scene).photos[0].camera, torch.zeros(3), 0)
    assert np.abs(pictures[True] - (expected.clamp(0, 1) * 255).permute(1, 2, 0).numpy()).max() <= 0.5001
    assert 0 < pictures[True].mean() < 0.7 * pictures[False].mean()


def test_what_is_no_number_is_left_out_and_told(
    tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splat = to_gaussians(truth())
    splat.sh_dc[::2] = np.inf
    write_ply(tmp_path / "a.ply", splat)
    command = [str(tmp_path / "a.ply"), "-s", str(tiny_scene), "-o", str(tmp_path / "out"), "--split", "test"]
    assert cli.main(command) == 0
    assert "30 Gaussians contained NaN, infinity" in capsys.readouterr().err
    splat.means[...] = np.nan
    write_ply(tmp_path / "a.ply", splat)
    assert cli.main(command) == 1
    assert "a.ply has no Gaussians" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["0", "-2", "x"])
def test_a_resolution_that_is_none_is_a_wrong_command_line(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["a.ply", "-s", "scene", "-o", "out", "-r", given])
    assert left.value.code == 2
    assert "-r/--resolution" in capsys.readouterr().err


def test_psnr_is_its_formula() -> None:
    photo = torch.full((3, 4, 5), 51, dtype=torch.uint8)  # 0.2
    assert abs(psnr(torch.full((3, 4, 5), 0.3), photo) - 20.0) < 1e-4
    assert abs(psnr(torch.full((3, 4, 5), -7.0), photo) + 10 * np.log10(0.04)) < 1e-4
    assert psnr(photo / 255, photo) == float("inf")
