"""A path that is empty is none: no command takes it for the folder that somebody happens to be in."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from splatworker import cli
from splatworker.stages.path_arguments import a_path

EMPTY = [
    *(["run", "photos", "-o", ""], ["run", "", "-o", "out"], ["run", "photos", "-o", "out", "--masks", ""]),
    *(
        ["frames", "", "-o", "out"],
        ["frames", "a.mp4", "-o", ""],
        ["photos", "", "-o", "out"],
        ["photos", "in", "-o", ""],
    ),
    *(["sfm", "", "-o", "out"], ["sfm", "images", "-o", ""]),
    *(["train", "-s", "", "-m", "model"], ["train", "-s", "scene", "-m", ""], ["train", "-s", "a", "--masks", ""]),
    *(["object", "", "-s", "scene", "-o", "out"], ["object", "model", "-s", "scene", "-o", ""]),
    *(["export", "model", "-s", "", "-o", "out"], ["export", "model", "-s", "scene", "-o", ""]),
    *(["convert", "", "a.spz"], ["convert", "a.ply", ""], ["view", ""], ["info", ""]),
    *(["render", "a.ply", "-s", "", "-o", "out"], ["render", "a.ply", "-s", "scene", "-o", ""]),
    *(["eval", "model", "-s", "", "-o", "out"], ["eval", "model", "-s", "scene", "-o", ""], ["weights", "--from", ""]),
]


@pytest.mark.parametrize("words", EMPTY, ids=" ".join)
def test_no_command_takes_one(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "it is empty, and a path is needed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_empty_is_a_path() -> None:
    assert a_path(".") == Path()
    assert a_path("a/b") == Path("a/b")
    assert a_path(" ") == Path(" ")
    with pytest.raises(argparse.ArgumentTypeError):
        a_path("")
