"""A video that is written while it arrives: from its beginning on, and before that its end, where it has the index.

MP4 and MOV have an index of their frames, which telephones write at the end. Where it lies the headers of the boxes
before it say; a server that knows ranges sends it beside the rest, so that others can work on what is here. What lies
in the file at last is what one answer gave from its first byte to its last, or several that are of the same file: the
end that came before is written over, and where it is not the same, whatever was made of it does not count.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from splatworker.formats import arriving_file, boxes
from splatworker.formats.arriving_file import HowFar

MOST_TAIL = 2**24
"""Bytes of an end that is asked for before: the index of ten minutes, with sound, has one or two million."""

_MOST_BOXES = 16
"""That are looked at before the pictures."""


class ArrivingVideo:
    """The file, and what is told of it.

    Args:
        path: where it is written.
        progress: where it is told how far it has come.
    """

    def __init__(self, path: Path, progress: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._told = os.open(progress, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            os.close(self._file)
            raise
        self._lock = threading.Lock()
        self._tail = b""
        self.version = 0
        self.size: int | None = None
        self.there = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            os.close(self._file)
            os.close(self._told)
            self._file = self._told = -1
            self.version += 1  # whoever still brings an end of it is too late

    def begin(self, size: int | None) -> None:
        """Nothing is here, of a file of so many bytes; None where that is not known."""
        with self._lock:
            self.version += 1
            self.size, self.there, self._tail = size, 0, b""
            self._tell()  # before anything is changed
            os.ftruncate(self._file, 0)
            if size:
                with contextlib.suppress(OSError):  # of a file system that cannot: then it is read when all is here
                    os.ftruncate(self._file, size)

    def go_on(self, size: int | None) -> None:
        """What is here is the beginning of a file of so many bytes, as is said now."""
        with self._lock:
            if size != self.size:
                self.version += 1
                self.size, self._tail = size, b""
                self._tell()

    def put(self, chunk: bytes) -> None:
        """The next bytes."""
        with self._lock:
            if self._tail and (came_before := self._before(len(chunk))) != chunk[len(chunk) - len(came_before) :]:
                self.version += 1
                self._tail = b""
                self._tell()
            view = memoryview(chunk)
            while view:
                written = os.pwrite(self._file, view, self.there)
                self.there += written
                view = view[written:]
            self._tell()

    def put_tail(self, tail: bytes, version: int) -> None:
        """The end of the file, as it was when its version was this."""
        with self._lock:
            assert self.size is not None
            start = self.size - len(tail)
            if version != self.version or self.there > start:
                return
            if os.pwrite(self._file, tail, start) == len(tail):
                self._tail = tail
                self._tell()

    def wanted_tail(self) -> int | None:
        """Where the end begins that had better come first; 0: there is none; None: that is not known yet."""
        if not self.size:
            return 0
        start = 0
        for _ in range(_MOST_BOXES):
            if start >= self.size:
                return 0
            if self.there < min(start + boxes.LONGEST_HEADER, self.size):
                return None
            box = boxes.header(os.pread(self._file, boxes.LONGEST_HEADER, start), start, self.size)
            if box is None or not start < box.after <= self.size:
                return 0
            if box.kind == b"mdat":
                return box.after if 0 < self.size - box.after <= MOST_TAIL else 0
            if box.kind not in boxes.BEFORE_THE_INDEX:
                return 0
            start = box.after
        return 0

    def finish(self) -> None:
        """All is here."""
        with self._lock:
            os.ftruncate(self._file, self.there)
            self.size, self._tail = self.there, b""
            self._tell(is_done=True)

    def _before(self, count: int) -> bytes:
        """What of the next so many bytes has come before, with the end."""
        assert self.size is not None
        start = self.size - len(self._tail)
        return self._tail[max(0, self.there - start) : max(0, self.there + count - start)]

    def _tell(self, *, is_done: bool = False) -> None:
        size = self.size or 0
        arriving_file.tell(self._told, HowFar(self.version, size, self.there, size - len(self._tail), is_done))
