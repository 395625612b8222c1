"""What is told of a file that arrives is read whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from splatworker.formats.arriving_file import HowFar, arriving_folder, progress_folder, tell, told


def test_what_was_told_last_is_read(tmp_path: Path) -> None:
    path = tmp_path / "01"
    assert told(path) is None
    with path.open("w+b") as file:
        assert told(path) is None
        for how_far in (HowFar(1, 2**40, 2**33, 2**40), HowFar(2, 100, 100, 100, is_done=True)):
            tell(file.fileno(), how_far)
            assert told(path) == how_far


@pytest.mark.parametrize("place", [0, 8, 20, -1])
def test_what_is_only_half_written_is_nothing(tmp_path: Path, place: int) -> None:
    path = tmp_path / "01"
    with path.open("w+b") as file:
        tell(file.fileno(), HowFar(1, 100, 50, 100))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert told(path) is None
    path.write_bytes(content[:-1])
    assert told(path) is None


@pytest.mark.parametrize(
    ("start", "end", "is_here"),
    [(0, 40, True), (0, 41, False), (40, 41, False), (90, 100, True), (89, 100, False), (90, 101, False)],
)
def test_which_bytes_are_here(start: int, end: int, is_here: bool) -> None:
    assert HowFar(1, 100, 40, 90).has(start, end) == is_here
    assert HowFar(1, 100, 100, 100, is_done=True).has(start, end)


def test_what_is_here_may_reach_into_the_end() -> None:
    assert HowFar(1, 100, 92, 90).has(80, 100)
    assert not HowFar(1, 100, 92, 100).has(80, 100)


def test_the_folders_of_one_folder() -> None:
    folder = Path("/job/videos")
    assert len({folder, arriving_folder(folder), progress_folder(folder)}) == 3
