"""Folders that files still arrive in."""

from __future__ import annotations

import os
from pathlib import Path

from splatworker.stages.arrivals import EndOfInput, arriving, at_once


def names(batch: tuple[list[Path], bool]) -> list[str]:
    return [path.name for path in batch[0]]


def test_what_is_there_is_all(tmp_path: Path) -> None:
    for name in ("b10.jpg", "b9.jpg", "²1.jpg", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    (only,) = arriving(tmp_path, at_once)
    assert names(only) == ["b9.jpg", "b10.jpg", "²1.jpg"]
    assert only[1] is True


def test_each_file_comes_once_and_the_last_ones_are_told(tmp_path: Path) -> None:
    told = False
    looks = arriving(tmp_path / "later", lambda: told)
    assert next(looks) == ([], False)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a").touch()
    assert names(next(looks)) == ["a"]
    assert next(looks) == ([], False)
    (tmp_path / "later" / "b").touch()
    told = True
    last = next(looks)
    assert names(last) == ["b"]
    assert last[1] is True
    assert list(looks) == []


def test_the_end_of_the_input_is_not_waited_for() -> None:
    reader, writer = os.pipe()
    ended = EndOfInput(reader)
    assert not ended()
    os.write(writer, b"{}")
    assert not ended()
    os.close(writer)
    assert ended()
    os.close(reader)
    assert ended()
