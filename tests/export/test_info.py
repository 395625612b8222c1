"""`splatworker info`: right numbers of splats, models and scenes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.scene_folders import write_scene

from splatworker.errors import InvalidScene
from splatworker.export.info import describe, main
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import write_ply


def _splat(count: int = 1001) -> Gaussians:
    """Centers on a line of length 10 along x, opacities 0.5, largest scales from 1 to e^2."""
    ramp = np.linspace(0, 1, count, dtype=np.float32)
    zeros = np.zeros((count, 3), np.float32)
    log_scales = np.stack([2 * ramp, ramp - 1, ramp - 2], axis=1)
    quaternions = np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1))
    means = np.stack([10 * ramp, 0 * ramp, 0 * ramp], axis=1)
    return Gaussians(means, quaternions, log_scales, 0 * ramp, zeros, np.zeros((count, 8, 3), np.float32))


def test_splat(tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", _splat())
    result = describe(tmp_path / "a.ply")
    assert (result["gaussians"], result["sh_degree"], result["not_finite"]) == (1001, 2, 0)
    assert result["file_bytes"] == (tmp_path / "a.ply").stat().st_size
    assert result["center"] == [5.0, 0.0, 0.0]
    assert result["extent_90"] == pytest.approx([9.0, 0, 0])
    assert result["opacity"] == {"0%": 0.5, "5%": 0.5, "50%": 0.5, "95%": 0.5, "100%": 0.5}
    assert result["largest_scale"]["50%"] == pytest.approx(np.e, rel=1e-4)
    assert result["largest_scale"]["100%"] == pytest.approx(np.e**2, rel=1e-4)


def test_not_finite_are_counted_and_left_out(tmp_path: Path) -> None:
    splat = _splat(11)
    splat.means[3, 1] = np.nan
    splat.log_scales[4, 0] = np.inf
    write_ply(tmp_path / "a.ply", splat)
    result = describe(tmp_path / "a.ply")
    assert result["not_finite"] == 2
    assert np.isfinite(result["center"]).all()


def test_empty_splat(tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", _splat(0))
    assert describe(tmp_path / "a.ply")["gaussians"] == 0


def test_latest_iteration_of_a_model_folder(tmp_path: Path) -> None:
    for iteration, count in ((900, 3), (7000, 5), (30, 7)):
        write_ply(tmp_path / "point_cloud" / f"iteration_{iteration}" / "point_cloud.ply", _splat(count))
    assert describe(tmp_path)["gaussians"] == 5


def test_scene(tmp_path: Path) -> None:
    result = describe(write_scene(tmp_path / "scene", count=4, distance=4.0))
    assert (result["photos"], result["sizes"], result["points"]) == (4, ["48x36"], 60)
    assert result["camera_extent"][::2] == pytest.approx([8.0, 8.0], rel=0.01)
    assert result["photos_per_point"] == 2.0


def test_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidScene, match="neither"):
        describe(tmp_path)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ply(tmp_path / "a.ply", _splat())
    assert main([str(tmp_path / "a.ply")]) == 0
    assert "gaussians  1001" in capsys.readouterr().out
    assert main([str(tmp_path / "a.ply"), "--json"]) == 0
    event = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (event["stage"], event["result"]["gaussians"]) == ("info", 1001)
    assert main([str(tmp_path / "none.ply")]) == 1
    assert "neither a PLY nor a model folder" in capsys.readouterr().err
