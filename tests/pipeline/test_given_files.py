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


def test_the_moving_parts_of_photos_are_no_videos(tmp_path: Path) -> None:
    """But one film beside a photo of its name is one."""
    for number in range(6):
        (tmp_path / f"IMG_{number}.HEIC").write_bytes(b"x")
        (tmp_path / f"IMG_{number}.MOV").write_bytes(b"x")
    (tmp_path / "walk.mov").write_bytes(b"x")
    given = look(tmp_path)
    assert [path.name for path in given.clips] == ["walk.mov"]
    assert (len(given.others), len(given.set_aside)) == (6, 6)
    for number in range(2):
        (tmp_path / f"IMG_{number}.HEIC").unlink()
    assert len(look(tmp_path).clips) == 7


def test_one_video(tmp_path: Path) -> None:
    (tmp_path / "a.mov").write_bytes(b"x")
    assert look(tmp_path / "a.mov").clips == (tmp_path / "a.mov",)
    assert look(tmp_path / "a.mov").folder is None
    (tmp_path / "a.avi").write_bytes(b"\0\0\0\x14ftypqt  ")
    assert look(tmp_path / "a.avi").clips == (tmp_path / "a.avi",)


@pytest.mark.parametrize("name", ["nothing", "photo.jpg"])
def test_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(NoPhotos, match=name):
        look(tmp_path / name)
