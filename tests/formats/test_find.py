"""What a path that a person gives stands for."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.any_splats import random_splat

from splatworker.errors import InvalidScene
from splatworker.export.info import describe
from splatworker.formats.find import find_model, find_scene, find_splat, holds_scene
from splatworker.formats.ply import write_ply


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_a_folder_of_run_holds_all_three(tmp_path: Path) -> None:
    touch(tmp_path / "splat.ply", tmp_path / "scene" / "sparse" / "0" / "cameras.bin", tmp_path / "model" / "cfg_args")
    assert find_splat(tmp_path) == tmp_path / "splat.ply"
    assert find_scene(tmp_path) == tmp_path / "scene"
    assert find_model(tmp_path) == tmp_path / "model"


def test_what_is_one_itself_stands_for_itself(tmp_path: Path) -> None:
    touch(tmp_path / "sparse" / "0" / "cameras.bin", tmp_path / "scene" / "x", tmp_path / "model" / "x")
    assert find_scene(tmp_path) == tmp_path
    touch(tmp_path / "point_cloud" / "iteration_7" / "point_cloud.ply")
    assert find_model(tmp_path) == tmp_path
    assert find_splat(tmp_path) == tmp_path / "point_cloud" / "iteration_7" / "point_cloud.ply"
    assert find_splat(tmp_path / "sparse" / "0" / "cameras.bin").name == "cameras.bin"  # its reader will say what it is


@pytest.mark.parametrize("name", ["transforms.json", "transforms_train.json", "cameras.txt"])
def test_scenes_of_other_makers(tmp_path: Path, name: str) -> None:
    assert not holds_scene(tmp_path)
    touch(tmp_path / name)
    assert holds_scene(tmp_path)


def test_what_is_not_there_or_not_read_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path / ("a" * 5000)):
        with pytest.raises(InvalidScene, match="is not there"):
            find_splat(path)
        with pytest.raises(InvalidScene, match="does not exist"):
            find_scene(path)
    touch(tmp_path / "lod-meta.json")
    with pytest.raises(InvalidScene, match="streamed SOG"):
        find_splat(tmp_path)


def test_the_folder_of_a_run_means_its_splat_and_its_model(tmp_path: Path) -> None:
    out = tmp_path / "OUT"
    write_ply(out / "model" / "point_cloud" / "iteration_30" / "point_cloud.ply", random_splat(3, 0))
    assert find_splat(out) == out / "model" / "point_cloud" / "iteration_30" / "point_cloud.ply"
    write_ply(out / "splat.ply", random_splat(4, 0))
    (out / "result.json").write_text("{}")
    assert find_splat(out) == out / "splat.ply"
    assert find_model(out) == out / "model"
    assert find_model(out / "model") == out / "model"
    assert describe(out)["gaussians"] == 4
