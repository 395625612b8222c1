"""Where in an MP4 or MOV the bytes of each frame lie, by its index: the tables of samples of ISO 14496-12, 8.6 to 8.7.

A stranger has written them. Nothing of them is believed further than that frames which, by them, are here already are
looked at already; what is odd in any way (two indexes, two tables of a kind, fragments, pictures in another file,
counts that do not agree, places outside of the file) makes none of it all. What is held is bounded by the bytes that
were read, a table's count alone makes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.formats import boxes
from splatworker.video.ffmpeg import MOST_STREAMS

MOST_BYTES = 2**24
"""Of an index: that of ten minutes, with sound, has one or two million."""
MOST_SAMPLES = 1_000_000
"""Of a track."""

_WAY = (b"trak", b"mdia", b"minf", b"stbl")
_TABLES = (b"stsz", b"stsc", b"stco", b"co64", b"stss")
_OTHER_TABLES = (b"stz2",)
_HELD_ELSEWHERE = (b"mvex", b"cmov", b"rmra")
"""What says that frames are listed, or kept, in another way: fragments, a compressed index, other files."""
_PICTURES = b"vide"

FURTHER = 64
"""Samples beyond the last that is wanted that a decoder may read before it ends: its queues and threads hold some."""

LOOKED_AT = 5_000_000
"""Bytes of samples that it reads at most to find out what is in them (its `probesize`)."""

_MOST_SKIPPED = 16
"""Places that are tried: a header may have some of the first samples left out."""

Integers = npt.NDArray[np.int64]
Has = Callable[[int, int], bool]
"""Whether the bytes between two places of the file are here."""


class Odd(Exception):
    """The index is not as those are that are understood here."""


class NotYet(Exception):
    """The index is not here yet, or not all of it."""


@dataclass(frozen=True)
class Track:
    """A track of pictures, its samples in the order in which they are decoded.

    Attributes:
        sizes: bytes of each sample.
        keys: which can be decoded without any other.
        reach: where the last byte lies of those up to each: the file's first so many bytes hold them all.
    """

    sizes: Integers
    keys: Integers
    reach: Integers

    def head(self) -> int:
        """How many of the file's first bytes hold what the decoder looks at to find out what the track is."""
        looked_at = int(np.searchsorted(np.cumsum(self.sizes), LOOKED_AT)) + FURTHER
        return int(self.reach[min(looked_at, len(self.reach) - 1)])

    def find(self, sizes: npt.ArrayLike) -> int | None:
        """Which sample is the first of those whose sizes these are; None where they are not of this track."""
        wanted = np.asarray(sizes, np.int64)
        if not len(wanted):
            return None
        for first in np.flatnonzero(self.sizes[: len(self.sizes) - len(wanted) + 1] == wanted[0])[:_MOST_SKIPPED]:
            if np.array_equal(self.sizes[first : first + len(wanted)], wanted):
                return int(first)
        return None


def tracks(path: Path, size: int, has: Has) -> tuple[Track, ...]:
    """The tracks of pictures, by the index of a file of which only some bytes are here.

    Args:
        size: bytes of all of it.

    Raises:
        NotYet: those of the index are not among them.
        Odd: there is none, or none that is understood.
        OSError: the file cannot be read.
    """
    counter = iter(range(boxes.MOST_BOXES))
    with path.open("rb") as file:
        start = 0
        index: boxes.Box | None = None
        while start < size:
            end = min(start + boxes.LONGEST_HEADER, size)
            if next(counter, None) is None:
                raise Odd("too many boxes")
            if not has(start, end):
                raise NotYet
            file.seek(start)
            box = boxes.header(file.read(end - start), start, size)
            if box is None or not start < box.after <= size:
                raise Odd("a box that leaves the file")
            if box.kind == b"moof" or (box.kind == b"moov" and index is not None):
                raise Odd("fragments, or a second index")
            if box.kind == b"moov":
                index = box
            start = box.after
        if index is None:
            raise Odd("no index")
        if index.after - index.inside > MOST_BYTES:
            raise Odd("too large an index")
        if not has(index.inside, index.after):
            raise NotYet
        file.seek(index.inside)
        content = file.read(index.after - index.inside)
    if len(content) < index.after - index.inside:
        raise NotYet
    return tuple(_tracks(content, size, counter))


def _tracks(content: bytes, size: int, counter: Iterator[int]) -> Iterator[Track]:
    """Those of pictures, of an index's contents."""
    count = 0
    for kind, track in _inside(content, counter):
        if kind in _HELD_ELSEWHERE:
            raise Odd("fragments, or a compressed index")
        if kind != _WAY[0]:
            continue
        count += 1
        if count > MOST_STREAMS:
            raise Odd("too many tracks")
        media = _only(track, _WAY[1], counter)
        handler = _only(media, b"hdlr", counter)
        if handler[8:12] != _PICTURES:
            continue
        info = _only(media, _WAY[2], counter)
        _demand_in_this_file(_only(_only(info, b"dinf", counter), b"dref", counter), counter)
        yield _track(_by_kind(_only(info, _WAY[3], counter), counter), size)


def _inside(content: bytes, counter: Iterator[int]) -> Iterator[tuple[bytes, bytes]]:
    """Kind and contents of each box in another one's contents, which they must fill, but for a few bytes at the end."""
    after = 0
    for box in boxes.walk(BytesIO(content), 0, len(content), counter, boxes.box):
        assert isinstance(box.kind, bytes)
        yield box.kind, content[box.inside : box.after]
        after = box.after
    if len(content) - after >= boxes.LONGEST_HEADER // 2:
        raise Odd("a box that leaves what it is in, or too many")


def _only(content: bytes, kind: bytes, counter: Iterator[int]) -> bytes:
    """The contents of the one box of a kind."""
    found = [inside for other, inside in _inside(content, counter) if other == kind]
    if len(found) != 1:
        raise Odd(f"{len(found)} boxes of one kind")
    return found[0]


def _demand_in_this_file(references: bytes, counter: Iterator[int]) -> None:
    """Refuse a track whose pictures are, or may be, in another file: each entry's flag says that they are in this."""
    for _, entry in _inside(references[8:], counter):
        if entry[:4] != b"\0\0\0\1":
            raise Odd("pictures in another file")


def _by_kind(content: bytes, counter: Iterator[int]) -> dict[bytes, bytes]:
    """The tables, each of which there is once."""
    tables: dict[bytes, bytes] = {}
    for kind, table in _inside(content, counter):
        if kind in _OTHER_TABLES or (kind in _TABLES and kind in tables):
            raise Odd("a table that is not read, or one twice")
        if kind in _TABLES:
            tables[kind] = table
    return tables


def _track(tables: Mapping[bytes, bytes], size: int) -> Track:
    """A track of its tables: sizes of samples, chunks of samples, places of chunks."""
    sizes = _sizes(tables.get(b"stsz", b""))
    places = _places(tables)
    if not len(sizes) or not len(places):
        raise Odd("a track without samples")
    if len(places) > len(sizes):
        raise Odd("chunks without samples")
    counts = _counts(_table(tables.get(b"stsc", b""), 4, 3, ">u4"), len(places), len(sizes))
    before = np.concatenate([[0], np.cumsum(sizes)])  # below 2**52: a million samples of 32 bits each
    firsts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    ends = np.repeat(places - before[firsts], counts) + before[1:]
    if ends.max() > size:
        raise Odd("samples beyond the file's end")
    return Track(sizes, _keys(tables.get(b"stss"), len(sizes)), np.maximum.accumulate(ends))


def _keys(table: bytes | None, samples: int) -> Integers:
    """Those that are listed, counted from 1 there; all, where there is no list."""
    if table is None:
        return np.arange(samples)
    keys = _table(table, 4, 1, ">u4")[:, 0] - 1
    if not len(keys) or keys[0] < 0 or (np.diff(keys) <= 0).any() or keys[-1] >= samples:
        raise Odd("samples to begin at that make no sense")
    return keys


def _sizes(table: bytes) -> Integers:
    if len(table) < 12:
        raise Odd("no sizes")
    all_alike, count = int.from_bytes(table[4:8], "big"), int.from_bytes(table[8:12], "big")
    if count > MOST_SAMPLES:
        raise Odd("too many samples")
    if all_alike:
        return np.full(count, all_alike, np.int64)
    return _table(table, 8, 1, ">u4")[:, 0]


def _places(tables: Mapping[bytes, bytes]) -> Integers:
    """Where each chunk begins."""
    if (b"stco" in tables) == (b"co64" in tables):
        raise Odd("no places, or two tables of them")
    if b"stco" in tables:
        return _table(tables[b"stco"], 4, 1, ">u4")[:, 0]
    return _table(tables[b"co64"], 4, 1, ">u8")[:, 0]


def _counts(runs: Integers, chunks: int, samples: int) -> Integers:
    """Samples of each chunk: a run tells its first chunk, counted from 1, how many each of its chunks has, and of
    which format they are.
    """
    firsts = runs[:, 0]
    if not len(runs) or firsts[0] != 1 or (np.diff(firsts) <= 0).any() or firsts[-1] > chunks or (runs[:, 1] < 1).any():
        raise Odd("chunks that make no sense")
    counts = np.repeat(runs[:, 1], np.diff(firsts, append=chunks + 1))  # a million chunks of 2**32 each: below 2**53
    if counts.sum() != samples:
        raise Odd("another number of samples than sizes")
    return counts


def _table(table: bytes, head: int, columns: int, kind: str) -> Integers:
    """The entries of a table whose count comes after so many bytes, and which has that many and no more."""
    count = int.from_bytes(table[head : head + 4], "big")
    width = np.dtype(kind).itemsize * columns
    if len(table) < head + 4 or len(table) - head - 4 != count * width:
        raise Odd("a table that is longer or shorter than it says")
    entries = np.frombuffer(table, kind, count * columns, head + 4)
    if (entries > 2**62).any():
        raise Odd("a number beyond all files")
    return entries.astype(np.int64).reshape(count, columns)
