"""Containers that are made to take a reader's time or memory, or to have it open something else: one sentence each."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import clips, container_bombs
from support.clips import refusal
from support.container_bombs import FTYP, LISTS, MP4, SILENT, Writer, box, elsewhere, with_moov
from support.jobs import slow
from support.matroska_bombs import EBML, MKV
from support.servers import RawServer

from splatworker.stages.progress import Silent
from splatworker.video import ffmpeg
from splatworker.video.encryption import is_encrypted
from splatworker.video.frames import take_frames
from splatworker.video.options import VideoOptions


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little more than a second of a pan, as small as it can be; beside it the same as Matroska."""
    clip = clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 120, 3), (160, 120)))
    clips.remux(clip, clip.with_suffix(".mkv"))
    return clip


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs more than that is refused, whatever the machine has."""
    monkeypatch.setattr(ffmpeg, "MOST_MEMORY", 2 * 2**30)


FAST = {
    *(
        "stsz counts 2^31 alike",
        "stts counts 2^31 entries",
        "2^31 frames of a byte",
        "moov in moov",
        "a thousand tracks",
    ),
    *("frames of an hour each", "covers of a billion pixels", "an index far away", "a fragment of 2^31 frames"),
    *("a void larger than any disk", "tags in tags", "private data of noughts, compressed", "an infinite length"),
}
"""One of each kind; the others are for the long run."""


def kinds(bombs: Mapping[str, object]) -> list[Any]:
    return [*(kind for kind in bombs if kind in FAST), *slow(*(kind for kind in bombs if kind not in FAST))]


@pytest.mark.parametrize("kind", kinds(MP4))
def test_mp4(clip: Path, tmp_path: Path, kind: str) -> None:
    is_answered(clip, tmp_path / "bomb.mp4", *MP4[kind])


@pytest.mark.parametrize("kind", kinds(MKV))
def test_matroska(clip: Path, tmp_path: Path, kind: str) -> None:
    is_answered(clip.with_suffix(".mkv"), tmp_path / "bomb.mkv", *MKV[kind])


def is_answered(clip: Path, bomb: Path, write: Writer, code: str) -> None:
    """It is refused with this code, in a sentence, or else read."""
    write(bomb, clip.read_bytes())
    made = take_frames([bomb], bomb.parent / "photos", VideoOptions(), Silent())
    (told,) = made.videos
    assert told.get("code", "") == code, told
    assert (told["frames"] > 0) == (code == "")
    if code:
        assert told["reason"].startswith("'bomb.m")
        assert "\n" not in told["reason"]
        assert made.errors[0].hint


@pytest.mark.parametrize("kind", ["a million frames that are broken", *slow("20 million frames of a byte")])
def test_what_gives_no_frame_is_not_waited_for(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(ffmpeg, "MOST_SILENT_S", 1.0)
    SILENT[kind](tmp_path / "bomb.mp4", clip.read_bytes())
    error = refusal(tmp_path / "bomb.mp4", tmp_path)
    assert error.code == "video_too_large"
    assert "time" in error.message


def test_boxes_in_boxes_are_followed_only_so_far(tmp_path: Path) -> None:
    """The decoder has a bound of its own; this is ours, before it."""
    for kind in (b"moov", b"trak", b"stbl"):
        container_bombs.nested(kind, 100_000)(tmp_path / "deep.mp4", b"")
        assert not is_encrypted(tmp_path / "deep.mp4", "mov")


@contextmanager
def unopened(path: Path) -> Iterator[None]:
    """Nobody opens a file meanwhile: inotify(7) knows, whoever it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(watch, os.fsencode(path), 0x20) > 0  # IN_OPEN
    try:
        yield
        with pytest.raises(BlockingIOError):
            os.read(watch, 4096)
        path.open("rb").close()
        assert os.read(watch, 4096)  # it would have been seen
    finally:
        os.close(watch)


@pytest.fixture
def server() -> Iterator[RawServer]:
    def never(connection: socket.socket, number: int) -> None:
        connection.close()

    with RawServer(never) as server:
        yield server
    assert server.connections == 0


@pytest.mark.parametrize("kind", ["playlist", *slow("concat", "subfile", "dash")])
@pytest.mark.parametrize("head", [b"", FTYP, FTYP + box(b"moov", b""), EBML], ids=["text", "ftyp", "moov", "ebml"])
def test_a_list_of_other_files_is_not_followed(
    clip: Path, tmp_path: Path, server: RawServer, kind: str, head: bytes
) -> None:
    for where in (str(clip), clip.as_uri(), server.url("/clip.mp4"), "clip.mp4", f"concat:{clip}"):
        bomb = tmp_path / "bomb.mp4"
        bomb.write_bytes(head + LISTS[kind].format(where).encode())
        with unopened(clip):
            assert refusal(bomb, tmp_path).code in ("no_video", "video_damaged")


@pytest.mark.parametrize("kind", ["alis", *slow("url ", "urn ", "rsrc")])
def test_frames_that_lie_in_another_file_are_not_looked_for_there(
    clip: Path, tmp_path: Path, server: RawServer, kind: str
) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(clip.read_bytes())
    names: list[Callable[[], bytes]] = [
        lambda: other.as_uri().encode() + b"\0",
        lambda: server.url("/other.mp4").encode() + b"\0",
        lambda: container_bombs.alias(other),
        lambda: container_bombs.alias(Path(other.name)),
    ]
    for name in names:
        with unopened(other):
            bomb = tmp_path / "bomb.mov"
            with_moov(elsewhere(kind.encode(), name()))(bomb, clip.read_bytes())
            made = take_frames([bomb], tmp_path / "photos", VideoOptions(), Silent())
            assert made.videos[0]["frames"] > 0 or made.errors[0].code == "video_damaged"
