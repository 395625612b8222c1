"""What a person gives on a command line, told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from splatworker.errors import NoPhotos
from splatworker.pipeline.given_files import look


def test_videos_are_told_from_what_else_is_in_a_folder(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.mov", "day 2/c.mkv", "frames.json", "notes.txt", "masks/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    given = look(tmp_path)
    assert [path.name for path in given.clips] == ["a.mov", "c.mkv"]
    assert [path.name for path in given.others] == ["b.JPG", "notes.txt"]
    assert list(given.passed_over) == ["masks"]


def test_one_video(tmp_path: Path) -> None:
    (tmp_path / "a.mov").write_bytes(b"x")
    assert look(tmp_path / "a.mov").clips == (tmp_path / "a.mov",)
    assert look(tmp_path / "a.mov").folder is None


@pytest.mark.parametrize("name", ["nothing", "photo.jpg"])
def test_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(NoPhotos, match=name):
        look(tmp_path / name)
