"""`splatworker photos`: clean copies of a folder, and what is said of the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.jobs import write_photos

from splatworker.photos import cli


def test_photos_are_copied_and_other_files_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_photos(tmp_path / "in", 2)
    (tmp_path / "in" / "notes.txt").write_text("text")
    assert cli.main([str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--max-size", "80", "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert "notes.txt: " in told
    assert f"{tmp_path / 'out'}: 2 of 3 files are photos" in told
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 2


def test_a_folder_that_is_not_there_or_has_no_photo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for folder, said in (("none", "There is no folder"), ("in", "There are no photos")):
        assert cli.main([str(tmp_path / folder), "-o", str(tmp_path / "out"), "--json"]) == 1
        event = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert event["code"] == "no_photos"
        assert said in event["message"]
    assert not list(tmp_path.rglob("*.jpg"))


def test_a_folder_without_a_photo_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no photo")
    assert cli.main([str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
