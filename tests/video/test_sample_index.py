"""Where the bytes of each frame lie, by the index of files that are well-formed, and of others."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from support import clips
from support.container_bombs import MANY, MP4, SILENT, TABLE, Box, table, with_moov

from splatworker.video import sample_index
from splatworker.video.key_frames import packets
from splatworker.video.probe import probe
from splatworker.video.sample_index import NotYet, Odd, Track

LITTLE = 64 * 2**20
"""Bytes that reading an index of some kilobytes, or of the megabytes that one may have, may take."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a pan, its index last, with a frame that can be begun at every 12th."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 120, 2)))


def everything(start: int, end: int) -> bool:
    return True


def read(path: Path) -> tuple[Track, ...]:
    return sample_index.tracks(path, path.stat().st_size, everything)


@pytest.mark.parametrize("name", ["last.mp4", "first.mp4", "sound.mp4", "clip.mov"])
def test_it_tells_where_each_frame_is(clip: Path, tmp_path: Path, name: str) -> None:
    """The bytes of a frame are those of which the decoder tells a sum."""
    sound = ("-f", "lavfi", "-i", "sine=duration=2", "-c:v", "copy", "-c:a", "aac")
    words = ("-c", "copy", "-movflags", "+faststart") if name == "first.mp4" else sound if name == "sound.mp4" else ()
    path = clips.made_by(tmp_path, name, "-i", clip, *(words or ("-c", "copy")))
    (track,) = read(path)
    listed = packets(probe(path))
    assert track.sizes.tolist() == listed.sizes.tolist()
    assert track.keys.tolist() == listed.keys.tolist() == list(range(0, 60, 12))
    assert (np.diff(track.reach) >= track.sizes[1:]).all()
    content = path.read_bytes()
    for size, end in zip(track.sizes, track.reach, strict=True):
        (first,) = struct.unpack_from(">I", content, end - size)  # a frame begins with the length of its first part
        assert 0 < first <= size - 4
    mdat = content.index(b"mdat")
    assert mdat + 4 <= track.reach[0] - track.sizes[0]


def test_places_of_64_bits(clip: Path, tmp_path: Path) -> None:
    def change(moov: Box) -> None:
        stbl = moov.find(*TABLE[1:])
        old = stbl.find(b"stco").inside
        assert isinstance(stbl.inside, list) and isinstance(old, bytes)
        (count,) = struct.unpack_from(">I", old, 4)
        places = struct.unpack_from(f">{count}I", old, 8)
        stbl.inside = [table for table in stbl.inside if table.kind != b"stco"]
        stbl.put(Box(b"co64", struct.pack(f">II{count}Q", 0, count, *places)))

    with_moov(change)(tmp_path / "long.mp4", clip.read_bytes())
    (expected,), (track,) = read(clip), read(tmp_path / "long.mp4")
    assert track.reach.tolist() == expected.reach.tolist()


def test_what_is_not_here_yet_is_waited_for(clip: Path) -> None:
    size = clip.stat().st_size
    index = clip.read_bytes().rindex(b"moov") - 4
    for there in (0, 7, 40, index - 1, size - 1):
        with pytest.raises(NotYet):
            sample_index.tracks(clip, size, lambda start, end, there=there: end <= there)  # type: ignore[misc]
    (track,) = sample_index.tracks(clip, size, lambda start, end: end <= 64 or start >= index)
    assert len(track.sizes) == 60


def test_whose_frames_they_are(clip: Path) -> None:
    (track,) = read(clip)
    assert track.find(track.sizes) == 0
    assert track.find(track.sizes[3:]) == 3
    assert track.find(track.sizes[:-2]) == 0
    assert track.find(track.sizes[::-1]) is None
    assert track.find(np.append(track.sizes, 1)) is None
    assert track.find([]) is None


def test_what_is_looked_at_first_is_bounded(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (track,) = read(clip)
    assert track.head() == track.reach[-1]
    monkeypatch.setattr(sample_index, "LOOKED_AT", int(track.sizes[:5].sum()))
    monkeypatch.setattr(sample_index, "FURTHER", 2)
    assert track.head() == track.reach[6]


def written(change: Callable[[bytes], bytes]) -> Callable[[Path, bytes], None]:
    """The clip as a whole, changed."""

    def write(path: Path, clip: bytes) -> None:
        path.write_bytes(change(clip))

    return write


ODD: dict[str, Callable[[Path, bytes], None]] = {
    "stsz twice": with_moov(lambda moov: moov.find(*TABLE[1:]).inside.append(moov.find(*TABLE[1:], b"stsz"))),  # type: ignore[union-attr]
    "a size more": table(b"stsz", 0, 1, 5),
    "sizes that are not there": table(b"stsz", 0, MANY),
    "chunks in another order": table(b"stsc", 2, 5, 1, 1, 1, 1, 1),
    "a chunk of none": table(b"stsc", 1, 1, 0, 1),
    "a chunk of 2^31": table(b"stsc", 1, 1, MANY, 1),
    "no chunk": table(b"stsc", 0),
    "places beyond the file": table(b"stco", 1, MANY),
    "places of 2^63": table(b"co64", 1, MANY, MANY),
    "a key frame more than frames": table(b"stss", 1, 61),
    "key frames in another order": table(b"stss", 2, 13, 1),
    "a key frame 0": table(b"stss", 1, 0),
    "no table at all": with_moov(lambda moov: setattr(moov.find(*TABLE[1:]), "inside", [])),
    "no index": written(lambda clip: clip[: clip.rindex(b"moov") - 4]),
    "two indexes": written(lambda clip: clip + clip[clip.rindex(b"moov") - 4 :]),
    "fragments": written(lambda clip: clip + struct.pack(">I4s", 8, b"moof")),
    "a box beyond the file": written(lambda clip: clip + struct.pack(">I4s", 9, b"free")),
    "pictures elsewhere": with_moov(
        lambda moov: moov.find(*TABLE[1:-1], b"dinf").put(
            Box(b"dref", struct.pack(">II", 0, 1) + struct.pack(">I4sI", 12, b"url ", 0))
        )
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_makes_none_of_it_all(clip: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd.mp4"
    ODD[kind](path, clip.read_bytes())
    assert path.read_bytes() != clip.read_bytes()
    with pytest.raises(Odd):
        read(path)


@pytest.mark.parametrize("kind", [*MP4, *SILENT])
def test_bombs_take_next_to_nothing(clip: Path, tmp_path: Path, kind: str) -> None:
    write = SILENT[kind] if kind in SILENT else MP4[kind][0]
    path = tmp_path / "bomb.mp4"
    write(path, clip.read_bytes())
    found: tuple[Track, ...] = ()
    tracemalloc.start()
    try:
        with suppress(Odd):
            found = read(path)
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    assert sum(len(track.sizes) for track in found) <= sample_index.MOST_SAMPLES


def test_tables_of_millions_of_entries(clip: Path, tmp_path: Path) -> None:
    """As many as fit into the largest index that is read: most are refused, and none takes much."""
    count = sample_index.MOST_BYTES // 4 - 1000
    for kind, numbers in ((b"stco", [1] * count), (b"stss", [*range(1, count + 1)]), (b"stsc", [1] * (count // 3 * 3))):
        entries = len(numbers) // (3 if kind == b"stsc" else 1)
        table(kind, entries, *numbers)(tmp_path / "large.mp4", clip.read_bytes())
        with pytest.raises(Odd):
            read(tmp_path / "large.mp4")
    table(b"stsz", 0, sample_index.MOST_SAMPLES + 1, *[1] * (sample_index.MOST_SAMPLES + 1))(
        tmp_path / "large.mp4", clip.read_bytes()
    )
    with pytest.raises(Odd):
        read(tmp_path / "large.mp4")


def test_an_index_that_is_too_large(clip: Path, tmp_path: Path) -> None:
    def change(moov: Box) -> None:
        moov.put(Box(b"free", bytes(sample_index.MOST_BYTES)))

    with_moov(change)(tmp_path / "large.mp4", clip.read_bytes())
    with pytest.raises(Odd):
        read(tmp_path / "large.mp4")


def test_bytes_that_are_others(clip: Path, tmp_path: Path) -> None:
    """Whatever stands there: an index, or none."""
    path, content = tmp_path / "other.mp4", clip.read_bytes()
    index = content.rindex(b"moov") - 4
    random = np.random.default_rng(0)
    outcomes = set()
    for _ in range(500):
        other = bytearray(content[index:])
        for place in random.integers(0, len(other), 4):
            other[place] = random.choice([0, 1, 127, 255])
        path.write_bytes(content[:index] + other)
        try:
            outcomes.add(bool(read(path)))
        except Odd:
            outcomes.add(False)
    assert outcomes == {True, False}
