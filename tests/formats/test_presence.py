"""Whether a path is there and a file, whatever somebody has put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from splatworker.errors import InvalidScene
from splatworker.formats.find import find_splat, find_splat_of_scene
from splatworker.formats.ownership import demand_names_free, demand_other
from splatworker.formats.presence import demand_file, is_file, is_there


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, Path]:
    """What is no file, by what it is."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "nowhere").symlink_to("nothing")
    names = ("pipe", "folder", "loop", "zero", "nowhere", "nothing")
    return {name: tmp_path / name for name in names} | {"long": tmp_path / ("x" * 5000)}


def test_only_files_are_files(odd: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    assert is_file(tmp_path / "file")
    assert is_file(tmp_path / "link")
    assert not any(map(is_file, odd.values()))
    assert {name for name, path in odd.items() if is_there(path)} == {"pipe", "folder", "zero"}
    for name, path in odd.items():
        with pytest.raises(InvalidScene, match=r" is not (there|a file)\.") as caught:
            demand_file(path, "Do this.", "train")
        assert ("not there" in caught.value.message) == (name in ("nothing", "long"))


def test_what_is_no_splat_is_refused_in_a_sentence_and_not_waited_for(odd: dict[str, Path], tmp_path: Path) -> None:
    for path in odd.values():
        with pytest.raises(InvalidScene):
            find_splat(path)
        with pytest.raises(InvalidScene):
            find_splat_of_scene(path)
    saved = tmp_path / "model" / "point_cloud" / "iteration_5"
    saved.mkdir(parents=True)
    os.mkfifo(saved / "point_cloud.ply")
    with pytest.raises(InvalidScene, match="neither a PLY nor a model folder"):
        find_splat(tmp_path / "model")


def test_an_output_may_be_asked_for_anywhere(odd: dict[str, Path], tmp_path: Path) -> None:
    for path in odd.values():
        demand_other(tmp_path / "out", path / "images", "-o", "train")
        demand_names_free(path / "out", ["a.ply"], "OUT", "convert", given=[path])
