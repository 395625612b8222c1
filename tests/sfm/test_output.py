"""Where a scene may be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from support.sfm_runs import Run

from splatworker.sfm.output import scene_to_write


def test_a_folder_with_something_else_in_it_is_not_overwritten(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("dear")
    run = sfm(room_photos[0], tmp_path / "letters")
    assert run.error["code"] == "invalid_job"
    assert (tmp_path / "letters" / "love.txt").read_text() == "dear"


def test_an_older_scene_of_ours_is_replaced_as_a_whole(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    scene = tmp_path / "scene"
    with scene_to_write(scene, room_photos[0]) as part:
        (part / "sparse" / "0").mkdir(parents=True)
        (part / "images").mkdir()
        (part / "images" / "old.jpg").write_bytes(b"old")
    assert sfm(room_photos[0], scene).result["registered"] == 10
    assert not (scene / "images" / "old.jpg").exists()


def test_another_makers_scene_is_not_overwritten(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    scene = tmp_path / "scene"
    (scene / "sparse" / "0").mkdir(parents=True)
    (scene / "sparse" / "0" / "cameras.bin").write_bytes(b"another's")
    for option in ([], ["--overwrite"]):
        run = sfm(room_photos[0], scene, *option)
        assert run.error["code"] == "invalid_job"
        assert "cameras.bin" in run.error["message"]
    assert (scene / "sparse" / "0" / "cameras.bin").read_bytes() == b"another's"
    assert [path.name for path in scene.iterdir()] == ["sparse"]
