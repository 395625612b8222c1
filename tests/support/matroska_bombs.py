"""The like of container_bombs.py in Matroska (RFC 8794 and RFC 9559): a small clip with elements that harm a reader."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from support.container_bombs import Writer


def element(kind: str, content: bytes, size: int | None = None) -> bytes:
    """An element of EBML, with a length in eight bytes, or another than it has."""
    return bytes.fromhex(kind) + struct.pack(">Q", (1 << 56) | (len(content) if size is None else size)) + content


UNKNOWN = (1 << 56) - 1
"""A length that is not known, in eight bytes."""

EBML = element("1a45dfa3", element("4282", b"matroska"))


def matroska(*parts: bytes) -> Callable[[Path, bytes], None]:
    """A file of a head and a segment with these parts."""

    def write(path: Path, clip: bytes) -> None:
        path.write_bytes(EBML + element("18538067", b"".join(parts), UNKNOWN))

    return write


def nested_elements(kind: str, depth: int) -> bytes:
    """Elements in elements, none of which says its length."""
    return element(kind, b"", UNKNOWN) * depth


def whole_number(kind: str, number: int) -> bytes:
    return element(kind, number.to_bytes(8, "big"))


def track(*more: bytes, codec: bytes = b"V_VP9", side: int = 64, number: int = 1) -> bytes:
    """A track of pictures."""
    size = element("e0", whole_number("b0", side) + whole_number("ba", side))
    head = whole_number("d7", number) + whole_number("73c5", number) + whole_number("83", 1) + element("86", codec)
    return element("ae", head + size + b"".join(more))


def with_elements(*parts: bytes) -> Callable[[Path, bytes], None]:
    """The clip as a Matroska file, with elements right at the beginning of its segment."""

    def write(path: Path, clip: bytes) -> None:
        start = clip.index(bytes.fromhex("18538067")) + 4 + 8
        content = bytearray(clip[:start] + b"".join(parts) + clip[start:])
        content[start - 8 : start] = struct.pack(">Q", (1 << 56) | UNKNOWN)
        path.write_bytes(content)

    return write


def attachment(size: int) -> Callable[[Path, bytes], None]:
    """The clip as a Matroska file with a hole of so many bytes for a font."""

    def write(path: Path, clip: bytes) -> None:
        start = clip.index(bytes.fromhex("18538067")) + 4 + 8
        named = element("466e", b"font.ttf") + element("4660", b"font/ttf") + whole_number("46ae", 1)
        head = element("465c", b"", size)
        file_element = element("61a7", named + head, len(named) + len(head) + size)
        whole = element("1941a469", file_element, len(file_element) + size)
        with path.open("wb") as file:
            file.write(clip[: start - 8] + struct.pack(">Q", (1 << 56) | UNKNOWN) + whole)
            file.seek(size, 1)
            file.write(clip[start:])

    return write


def in_a_hole(kind: str, size: int) -> Callable[[Path, bytes], None]:
    """A segment of nothing but one element of so many bytes, which are there."""

    def write(path: Path, clip: bytes) -> None:
        with path.open("wb") as file:
            file.write(EBML + element("18538067", element(kind, b"", size), UNKNOWN))
            file.truncate(file.tell() + size)

    return write


def packed_noughts(size: int, piece: int = 4_000_000) -> bytes:
    """zlib's stream of so many noughts: a piece of it, packed by itself, over and over."""
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(bytes(piece)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = size % 65_521 << 16 | 1  # Adler's, of noughts
    return b"\x78\xda" + packed * (size // piece) + b"\x03\x00" + checksum.to_bytes(4, "big")


def packed_private(size: int) -> bytes:
    """A track whose private data are noughts, compressed."""
    packing = element(
        "6240", whole_number("5031", 0) + whole_number("5032", 2) + element("5034", whole_number("4254", 0))
    )
    return track(element("63a2", packed_noughts(size)), element("6d80", packing), codec=b"V_MPEG4/ISO/AVC")


def said_length(seconds: float) -> bytes:
    """The clip's length, in seconds."""
    return element("1549a966", whole_number("2ad7b1", 1_000_000) + element("4489", struct.pack(">d", 1000 * seconds)))


MKV: dict[str, tuple[Writer, str]] = {
    "a void larger than any disk": (matroska(element("ec", b"", 2**55)), "video_damaged"),
    "a void of 40 megabytes": (in_a_hole("ec", 4 * 10**7), "video_damaged"),
    "segments in segments": (matroska(nested_elements("18538067", 50_000)), "video_damaged"),
    "tags in tags": (matroska(nested_elements("1254c367", 50_000)), "video_damaged"),
    "tracks in tracks": (matroska(nested_elements("1654ae6b", 50_000)), "video_damaged"),
    "encodings in encodings": (
        matroska(element("1654ae6b", track(nested_elements("6d80", 50_000)))),
        "video_damaged",
    ),
    "clusters in clusters": (matroska(nested_elements("1f43b675", 50_000)), "video_damaged"),
    "a thousand tracks": (
        matroska(element("1654ae6b", b"".join(track(number=n) for n in range(1, 1001)))),
        "video_too_large",
    ),
    "private data of 40 megabytes": (in_a_hole("63a2", 4 * 10**7), "video_damaged"),
    "a font of 40 megabytes": (attachment(4 * 10**7), ""),
    "private data of noughts, compressed": (
        matroska(element("1654ae6b", packed_private(400_000_000))),
        "video_damaged",
    ),
    "65535 pixels a side": (matroska(element("1654ae6b", track(side=65_535))), "video_damaged"),
    "300 000 empty clusters": (
        matroska(element("1654ae6b", track()), element("1f43b675", b"") * 300_000),
        "video_damaged",
    ),
    "300 000 cues": (with_elements(element("1c53bb6b", element("bb", whole_number("b3", 1)) * 300_000)), ""),
    "100 000 tags": (
        with_elements(
            element(
                "1254c367", element("7373", element("67c8", element("45a3", b"A") + element("4487", b"b"))) * 100_000
            )
        ),
        "",
    ),
    "100 000 chapters": (
        with_elements(
            element(
                "1043a770", element("45b9", element("b6", whole_number("73c4", 1) + whole_number("91", 1)) * 100_000)
            )
        ),
        "",
    ),
    "a length of a thousand years": (with_elements(said_length(3e10)), ""),
    "a length that is no number": (with_elements(said_length(float("nan"))), ""),
    "an infinite length": (with_elements(said_length(float("inf"))), ""),
}
"""The same, given a clip as Matroska."""
