"""A video's file while it arrives: what is told of it is here, and what was told before and holds no longer is said."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from splatworker.formats.arriving_file import HowFar, told
from splatworker.photos import arriving_video
from splatworker.photos.arriving_video import ArrivingVideo


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


PICTURES = bytes(range(200)) * 50
INDEX = box(b"moov", b"where everything is")
VIDEO = box(b"ftyp", b"qt  ") + box(b"wide") + box(b"mdat", PICTURES) + INDEX
END = len(VIDEO) - len(INDEX)


@pytest.fixture
def video(tmp_path: Path) -> Iterator[ArrivingVideo]:
    with ArrivingVideo(tmp_path / "01", tmp_path / "told") as file:
        yield file


def state(tmp_path: Path) -> HowFar:
    found = told(tmp_path / "told")
    assert found is not None
    return found


def test_what_is_told_is_here(video: ArrivingVideo, tmp_path: Path) -> None:
    video.begin(len(VIDEO))
    for start in range(0, len(VIDEO), 999):
        assert state(tmp_path) == HowFar(1, len(VIDEO), start, len(VIDEO))
        video.put(VIDEO[start : start + 999])
        assert (tmp_path / "01").read_bytes()[: start + 999] == VIDEO[: start + 999]
        assert (tmp_path / "01").stat().st_size == len(VIDEO)
    video.finish()
    assert state(tmp_path) == HowFar(1, len(VIDEO), len(VIDEO), len(VIDEO), is_done=True)
    assert (tmp_path / "01").read_bytes() == VIDEO


def test_a_size_that_nobody_says(video: ArrivingVideo, tmp_path: Path) -> None:
    video.begin(None)
    video.put(VIDEO)
    assert state(tmp_path) == HowFar(1, 0, len(VIDEO), 0)
    assert video.wanted_tail() == 0
    video.finish()
    assert state(tmp_path) == HowFar(1, len(VIDEO), len(VIDEO), len(VIDEO), is_done=True)


def test_the_end_comes_before(video: ArrivingVideo, tmp_path: Path) -> None:
    video.begin(len(VIDEO))
    video.put(VIDEO[:10])
    assert video.wanted_tail() is None  # of the second box nothing is known yet
    video.put(VIDEO[10:60])
    assert video.wanted_tail() == END
    video.put_tail(INDEX, video.version)
    assert state(tmp_path) == HowFar(1, len(VIDEO), 60, END)
    assert (tmp_path / "01").read_bytes() == VIDEO[:60] + bytes(END - 60) + INDEX
    video.put(VIDEO[60 : END + 3])
    video.put(VIDEO[END + 3 :])
    video.finish()
    assert state(tmp_path) == HowFar(1, len(VIDEO), len(VIDEO), len(VIDEO), is_done=True)
    assert (tmp_path / "01").read_bytes() == VIDEO


@pytest.mark.parametrize("cut", [END - 5, END, END + 3])
def test_an_end_that_was_another_one_does_not_count(video: ArrivingVideo, tmp_path: Path, cut: int) -> None:
    video.begin(len(VIDEO))
    video.put(VIDEO[:60])
    video.put_tail(INDEX[:-1] + b"?", video.version)
    video.put(VIDEO[60:cut])
    assert state(tmp_path).version == 1
    video.put(VIDEO[cut:])
    assert state(tmp_path) == HowFar(2, len(VIDEO), len(VIDEO), len(VIDEO))
    video.finish()
    assert (tmp_path / "01").read_bytes() == VIDEO


def test_an_end_of_another_version_is_not_taken(video: ArrivingVideo, tmp_path: Path) -> None:
    video.begin(len(VIDEO))
    before = video.version
    video.begin(len(VIDEO))
    video.put(VIDEO[:60])
    video.put_tail(INDEX, before)
    assert state(tmp_path) == HowFar(2, len(VIDEO), 60, len(VIDEO))
    video.go_on(len(VIDEO))
    assert state(tmp_path).version == 2
    video.go_on(len(VIDEO) + 1)
    video.put_tail(INDEX, 2)
    assert state(tmp_path) == HowFar(3, len(VIDEO) + 1, 60, len(VIDEO) + 1)


def test_an_end_that_comes_when_all_is_over(tmp_path: Path) -> None:
    with ArrivingVideo(tmp_path / "01", tmp_path / "told") as file:
        file.begin(len(VIDEO))
        file.put(VIDEO[:60])
        version = file.version
    file.put_tail(INDEX, version)
    assert state(tmp_path) == HowFar(1, len(VIDEO), 60, len(VIDEO))


def test_beginning_anew_is_told_before_anything_is_lost(
    video: ArrivingVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video.begin(len(VIDEO))
    video.put(VIDEO)
    seen: list[HowFar] = []
    truncate = os.ftruncate

    def noted(file: int, size: int) -> None:
        seen.append(state(tmp_path))
        truncate(file, size)

    monkeypatch.setattr(os, "ftruncate", noted)
    video.begin(10)
    assert {how_far.version for how_far in seen} == {2}


@pytest.mark.parametrize(
    "content",
    [
        b"nothing" * 20,
        box(b"ftyp") + INDEX + box(b"mdat", PICTURES),
        box(b"ftyp") + box(b"mdat", PICTURES),
        box(b"ftyp") + box(b"moof") + box(b"mdat", PICTURES) + INDEX,
        box(b"ftyp") + struct.pack(">I4s", 2**31, b"mdat") + PICTURES,
        box(b"ftyp") + struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1) + PICTURES,
        box(b"ftyp") + struct.pack(">I4s", 0, b"mdat") + PICTURES,
        box(b"ftyp") + struct.pack(">I4s", 3, b"mdat") + PICTURES,
        box(b"free") * 1000 + box(b"mdat", PICTURES) + INDEX,
        b"\x1aE\xdf\xa3" + PICTURES,
        b"\0",
    ],
)
def test_of_others_no_end_is_wanted(video: ArrivingVideo, content: bytes) -> None:
    video.begin(len(content))
    video.put(content)
    assert video.wanted_tail() == 0


def test_an_end_that_is_too_large_is_not_wanted(video: ArrivingVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    video.begin(len(VIDEO))
    video.put(VIDEO[:60])
    monkeypatch.setattr(arriving_video, "MOST_TAIL", len(INDEX) - 1)
    assert video.wanted_tail() == 0
