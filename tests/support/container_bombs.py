"""Videos whose containers are made to take a reader's time or memory, or to have it open something else.

Each is a small clip with a part of its container replaced, byte by byte (ISO 14496-12): absurd
tables, boxes that go on for ever, lengths that no disk has, names of other files. Most are a few kilobytes; what must
be large is a hole in the file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

INTO = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta")
"""Boxes of boxes."""

MANY = 2**31 - 1


@dataclass
class Box:
    """A box of an ISO file: its kind, and its contents or the boxes in it."""

    kind: bytes
    inside: bytes | list[Box]

    def all(self) -> bytes:
        """As it is written."""
        content = self.inside if isinstance(self.inside, bytes) else b"".join(box.all() for box in self.inside)
        return box(self.kind, content)

    def find(self, *way: bytes) -> Box:
        """The first box along a way."""
        if not way:
            return self
        assert isinstance(self.inside, list)
        return next(box for box in self.inside if box.kind == way[0]).find(*way[1:])

    def put(self, new: Box) -> None:
        """Take a box in, in the place of one of its kind."""
        assert isinstance(self.inside, list)
        self.inside = [old for old in self.inside if old.kind != new.kind] + [new]


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def boxes(content: bytes) -> Iterator[Box]:
    """The boxes of a well-formed file."""
    start = 0
    while start < len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        inside = content[start + 8 : start + size]
        yield Box(kind, list(boxes(inside)) if kind in INTO else inside)
        start += size


TABLE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def table(kind: bytes, *numbers: int, at: tuple[bytes, ...] = TABLE) -> Callable[[Path, bytes], None]:
    """The clip with a table of these numbers, of which the first stands where the number of entries does."""

    def write(path: Path, clip: bytes) -> None:
        def change(moov: Box) -> None:
            place = moov.find(*at[1:])
            place.put(Box(kind, struct.pack(f">I{len(numbers)}I", 0, *numbers)))

        with_moov(change)(path, clip)

    return write


def with_moov(change: Callable[[Box], None]) -> Callable[[Path, bytes], None]:
    """The clip with its index changed; the index comes last, so that what it points to stays where it is."""

    def write(path: Path, clip: bytes) -> None:
        parts = list(boxes(clip))
        assert parts[-1].kind == b"moov"
        change(parts[-1])
        path.write_bytes(b"".join(part.all() for part in parts))

    return write


def before_moov(content: bytes) -> Callable[[Path, bytes], None]:
    """The clip with something before its index."""

    def write(path: Path, clip: bytes) -> None:
        *parts, moov = boxes(clip)
        path.write_bytes(b"".join(part.all() for part in parts) + content + moov.all())

    return write


def nested(kind: bytes, depth: int) -> Callable[[Path, bytes], None]:
    """Boxes in boxes, each the only thing in the one around it."""

    def write(path: Path, clip: bytes) -> None:
        heads = b"".join(struct.pack(">I4s", 8 * (depth - level), kind) for level in range(depth))
        path.write_bytes(box(b"ftyp", b"isom\0\0\0\0isom") + heads)

    return write


def endless(path: Path, clip: bytes) -> None:
    """A box without length, after which comes itself: 100 000 boxes of eight bytes, and one of zero."""
    path.write_bytes(box(b"ftyp", b"isom\0\0\0\0isom") + box(b"free", b"") * 100_000 + struct.pack(">I4s", 0, b"moov"))


def constant_samples(size: int, count: int) -> Callable[[Box], None]:
    """So many samples of one size, which take no room in the file at all."""

    def change(moov: Box) -> None:
        stbl = moov.find(*TABLE[1:])
        stbl.put(Box(b"stsz", struct.pack(">III", 0, size, count)))
        stbl.put(Box(b"stts", struct.pack(">IIII", 0, 1, count, 1)))
        stbl.put(Box(b"stsc", struct.pack(">IIIII", 0, 1, 1, count, 1)))

    return change


def edits(count: int) -> Callable[[Box], None]:
    """An edit list that shows the same again and again."""

    def change(moov: Box) -> None:
        entry = struct.pack(">IiI", 10_000, 0, 0x10000)
        moov.find(b"trak").put(Box(b"edts", box(b"elst", struct.pack(">II", 0, count) + entry * count)))

    return change


def tracks(count: int) -> Callable[[Box], None]:
    """The same track again and again."""

    def change(moov: Box) -> None:
        assert isinstance(moov.inside, list)
        moov.inside += [moov.find(b"trak")] * count

    return change


def size_of_frames(side: int) -> Callable[[Path, bytes], None]:
    """H.264's own header says this size, as the container does."""

    def change(moov: Box) -> None:
        stsd = moov.find(*TABLE[1:], b"stsd")
        assert isinstance(stsd.inside, bytes)
        content = bytearray(stsd.inside)
        content[8 + 8 + 24 : 8 + 8 + 28] = struct.pack(">HH", side, side)
        start = content.index(b"avcC") + 4
        sps = parameter_set(side // 16)
        content[start:] = (
            b"\x01\x42\x00\x33\xff\xe1" + struct.pack(">H", len(sps)) + sps + b"\x01\x00\x04\x68\xce\x3c\x80"
        )
        content[8:12] = struct.pack(">I", len(content) - 8)
        content[start - 8 : start - 4] = struct.pack(">I", len(content) - start + 8)
        stsd.inside = bytes(content)

    return with_moov(change)


def parameter_set(blocks: int) -> bytes:
    """H.264's sequence parameter set (ISO 14496-10, 7.3.2.1.1) of so many blocks of 16 pixels either way."""
    bits = "".join(
        [golomb(0), golomb(0), golomb(2), golomb(1), "0", golomb(blocks - 1), golomb(blocks - 1), "1100", "1"]
    )
    bits += "0" * (-len(bits) % 8)
    coded = b"\x67\x42\x00\x33" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return coded.replace(b"\0\0\0", b"\0\0\3\0").replace(b"\0\0\1", b"\0\0\3\1").replace(b"\0\0\2", b"\0\0\3\2")


def golomb(number: int) -> str:
    """A number in Exp-Golomb code."""
    digits = f"{number + 1:b}"
    return "0" * (len(digits) - 1) + digits


def clock(ticks: int, shown: int, duration: int) -> Callable[[Box], None]:
    """A clock of so many ticks a second, and frames of so many ticks each."""

    def change(moov: Box) -> None:
        mdhd = moov.find(b"trak", b"mdia", b"mdhd")
        assert isinstance(mdhd.inside, bytes)
        mdhd.inside = mdhd.inside[:12] + struct.pack(">II", ticks, duration) + mdhd.inside[20:]
        count = frames_of(moov)
        moov.find(*TABLE[1:]).put(Box(b"stts", struct.pack(">IIII", 0, 1, count, shown)))

    return change


def frames_of(moov: Box) -> int:
    stsz = moov.find(*TABLE[1:], b"stsz")
    assert isinstance(stsz.inside, bytes)
    return int.from_bytes(stsz.inside[8:12], "big")


def elsewhere(kind: bytes, where: bytes) -> Callable[[Box], None]:
    """The pictures lie in another file, or behind an address."""

    def change(moov: Box) -> None:
        place = box(kind, b"\0\0\0\0" + where)
        moov.find(b"trak", b"mdia", b"minf").put(Box(b"dinf", box(b"dref", struct.pack(">II", 0, 1) + place)))

    return change


def alias(path: Path) -> bytes:
    """What QuickTime's `alis` says of a file: 150 bytes of an alias with its name, and then the whole way there."""
    name, way = path.name.encode(), str(path).replace("/", ":").encode()
    record = bytes(10) + b"\x04disk".ljust(28, b"\0") + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0")
    record += bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    return record + struct.pack(">HH", 2, len(way)) + way + b"\0" * (len(way) % 2) + b"\xff\xff\0\0"


def compressed_index(size: int) -> Callable[[Path, bytes], None]:
    """An index that is compressed (`cmov`), and only noughts."""

    def write(path: Path, clip: bytes) -> None:
        packed = zlib.compress(bytes(size), 9)
        inside = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", size) + packed)
        path.write_bytes(box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"cmov", inside)))

    return write


def cover(count: int) -> Callable[[Box], None]:
    """Covers: pictures of a billion pixels each, said in a few bytes."""

    def change(moov: Box) -> None:
        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32_000, 32_000, 8, 2, 0, 0, 0))
        png += chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")
        covers = box(b"covr", box(b"data", struct.pack(">II", 14, 0) + png) * count)
        handler = box(b"hdlr", struct.pack(">II4s12s", 0, 0, b"mdir", b"appl") + b"\0")
        moov.put(Box(b"udta", box(b"meta", b"\0\0\0\0" + handler + box(b"ilst", covers))))

    return change


def far_index(size: int) -> Callable[[Path, bytes], None]:
    """An index behind a hole of so many bytes, and with one in it."""

    def write(path: Path, clip: bytes) -> None:
        *parts, moov = boxes(clip)
        with path.open("wb") as file:
            file.write(b"".join(part.all() for part in parts) + struct.pack(">I4sQ", 1, b"free", size))
            file.seek(size - 16, 1)
            content = moov.all()[8:]
            file.write(struct.pack(">I4sQ", 1, b"moov", 16 + len(content) + size) + content)
            file.write(struct.pack(">I4sQ", 1, b"udta", size))
            file.truncate(file.tell() + size - 16)

    return write


def fragments(count: int, samples: int) -> bytes:
    """Fragments, each with so many samples without a byte."""
    run = box(b"trun", struct.pack(">II", 0, samples))
    header = box(b"tfhd", struct.pack(">IIII", 0x18, 1, 1, 1))
    return box(b"moof", box(b"mfhd", struct.pack(">II", 0, 1)) + box(b"traf", header + run)) * count


def fragmented(count: int, samples: int) -> Callable[[Path, bytes], None]:
    """The clip with fragments of many samples after it."""

    def write(path: Path, clip: bytes) -> None:
        *parts, moov = boxes(clip)
        moov.put(Box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, 1, 1, 0))))
        path.write_bytes(b"".join(part.all() for part in (*parts, moov)) + fragments(count, samples))

    return write


def items(count: int) -> bytes:
    """A `meta` box of so many items in so many places each."""
    item = struct.pack(">HHHII", 1, 0, 1, 0, 1)
    return box(b"meta", b"\0\0\0\0" + box(b"iloc", b"\0\0\0\0\x44\x00" + struct.pack(">H", count) + item * count))


def samples_of_a_byte(count: int) -> Callable[[Path, bytes], None]:
    """Frames of a byte each, which are all broken and all there."""

    def write(path: Path, clip: bytes) -> None:
        ftyp, *_, moov = boxes(clip)
        stbl = moov.find(*TABLE[1:])
        constant_samples(1, count)(moov)
        stbl.put(Box(b"stco", struct.pack(">III", 0, 1, len(ftyp.all()) + 8)))
        path.write_bytes(ftyp.all() + box(b"mdat", b"\x65" * count) + moov.all())

    return write


FTYP = box(b"ftyp", b"isom\0\0\0\0isom")

LISTS = {
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{0}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{0}'\n",
    "subfile": "subfile,,start,0,end,0,,:{0}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
    'bandwidth="1"><BaseURL>{0}</BaseURL></Representation></AdaptationSet></Period></MPD>',
}
"""Texts by which players find other files, `{0}`."""

Writer = Callable[[Path, bytes], None]

MP4: dict[str, tuple[Writer, str]] = {
    "stsz counts 2^31 sizes": (table(b"stsz", 0, MANY), "video_damaged"),
    "stsz counts 2^31 alike": (table(b"stsz", 1, MANY), "video_damaged"),
    "stts counts 2^31 entries": (table(b"stts", MANY), "video_too_large"),
    "stts of 2^31 frames": (table(b"stts", 1, MANY, 1), ""),
    "stts of 2^31 ticks": (table(b"stts", 1, 40, MANY), "video_too_short"),
    "ctts counts 2^31 entries": (table(b"ctts", MANY), "video_damaged"),
    "ctts of 2^31 frames": (table(b"ctts", 1, MANY, 1), ""),
    "stsc counts 2^31 entries": (table(b"stsc", MANY), "video_damaged"),
    "stsc of 2^31 frames": (table(b"stsc", 1, 1, MANY, 1), ""),
    "stco counts 2^31 chunks": (table(b"stco", MANY), "video_damaged"),
    "stss counts 2^31 keys": (table(b"stss", MANY), "video_damaged"),
    "stsd counts 2^31 formats": (table(b"stsd", MANY), "video_damaged"),
    "2^31 frames of a byte": (with_moov(constant_samples(1, MANY)), "video_damaged"),
    "2^31 frames of nothing": (with_moov(constant_samples(0, MANY)), "video_damaged"),
    "2^31 edits": (table(b"elst", MANY, at=(b"moov", b"trak", b"edts")), ""),
    "100 000 edits": (with_moov(edits(100_000)), "video_too_long"),
    "moov in moov": (nested(b"moov", 100_000), "video_damaged"),
    "a track in itself": (nested(b"trak", 100_000), "video_damaged"),
    "mdia in mdia": (nested(b"mdia", 100_000), "video_damaged"),
    "udta in udta": (nested(b"udta", 100_000), "video_damaged"),
    "boxes without end": (endless, "video_damaged"),
    "a thousand tracks": (with_moov(tracks(1000)), "video_too_large"),
    "65535 pixels a side": (size_of_frames(65_535), "video_damaged"),
    "32000 pixels a side": (size_of_frames(32_000), "video_damaged"),
    "frames of an hour each": (with_moov(clock(1, 3600, 0xFFFFFFFF)), "video_too_short"),
    "2^32 ticks a second": (with_moov(clock(0xFFFFFFFF, 1, 50)), "video_too_short"),
    "no ticks": (with_moov(clock(0, 0, 0)), "video_too_short"),
    "an index of noughts, compressed": (compressed_index(100_000_000), "video_damaged"),
    "covers of a billion pixels": (with_moov(cover(50)), ""),
    "an index far away": (far_index(2 * 10**9), ""),
    "fragments without bytes": (fragmented(1000, 100_000), "video_damaged"),
    "a fragment of 2^31 frames": (fragmented(1, MANY), "video_damaged"),
    "65535 items": (before_moov(items(65_535)), ""),
}
"""By what is wrong with it: what writes it, given a clip as MP4, and the code of its refusal, or "" where it is read
all the same.
"""

SILENT: dict[str, Writer] = {
    "20 million frames of a byte": with_moov(constant_samples(1, 20_000_000)),
    "a million frames that are broken": samples_of_a_byte(1_000_000),
}
"""MP4s that keep a decoder busy for long, and give no frame."""
