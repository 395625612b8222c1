"""Photos of odd kinds, written byte by byte, and processes under limits to decode them in."""

from __future__ import annotations

import ctypes
import io
import os
import pickle
import resource
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms


def photo(width: int = 160, height: int = 120, seed: int = 3) -> np.ndarray:
    """(H, W, 3) bytes: smooth colours, so that a JPEG of them is nearly the same."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(20, 250, (6, 8, 3), np.uint8))
    return np.array(coarse.resize((width, height), Image.Resampling.BICUBIC))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes, rows: bytes = b"") -> bytes:
    """A grey PNG that says that it is so large, whatever rows of pixels it has."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(directories: list[dict[int, tuple[str, list[Any]]]], data: list[bytes]) -> bytes:
    """A little-endian TIFF of these directories, each with its pixels; those after the first are its sub-files."""
    body, offsets = b"II*\0\0\0\0\0", []
    for pixels in data:
        offsets.append(len(body))
        body += pixels + b"\0" * (len(pixels) % 2)
    places: list[int] = []
    for number in reversed(range(len(directories))):
        tags = directories[number] | {273: ("I", [offsets[number]]), 279: ("I", [len(data[number])])}
        if number == 0 and places:
            tags[330] = ("I", places[::-1])
        rows, extra = b"", b""
        start = len(body) + 2 + 12 * len(tags) + 4
        for tag, (kind, values) in sorted(tags.items()):
            packed = struct.pack(f"<{len(values)}{kind}", *values)
            code = {"H": 3, "I": 4, "B": 1}[kind]
            if len(packed) > 4:
                value = struct.pack("<I", start + len(extra))
                extra += packed + b"\0" * (len(packed) % 2)
            else:
                value = packed.ljust(4, b"\0")
            rows += struct.pack("<HHI", tag, code, len(values)) + value
        places.append(len(body))
        body += struct.pack("<H", len(tags)) + rows + bytes(4) + extra
    return body[:4] + struct.pack("<I", places[-1]) + body[8:]


def _tags(size: tuple[int, int], bits: list[int], photometric: int) -> dict[int, tuple[str, list[Any]]]:
    height, width = size
    return {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", bits), 259: ("H", [1]), 262: ("H", [photometric]),
        277: ("H", [len(bits)]), 278: ("I", [height]),
    }  # fmt: skip


def write_tiff(
    path: Path,
    pixels: np.ndarray,
    size: tuple[int, int],
    bits: list[int],
    photometric: int,
    more: Mapping[int, list[Any]],
) -> None:
    """One picture, not compressed; `more` are further tags of shorts."""
    tags = _tags(size, bits, photometric) | {tag: ("H", values) for tag, values in more.items()}
    path.write_bytes(tiff([tags], [np.ascontiguousarray(pixels).tobytes()]))


def packed_12_bits(values: np.ndarray) -> np.ndarray:
    """Two values in three bytes."""
    pairs = values.reshape(-1, 2)
    return np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1).astype(
        "u1"
    )


def as_cmyk(pixels: np.ndarray) -> np.ndarray:
    """Without black."""
    return np.dstack([255 - pixels, np.zeros(pixels.shape[:2], np.uint8)])


def raw_file(pixels: np.ndarray, *, dng: bool) -> bytes:
    """As cameras write them: a small preview first, the sensor's 16 bits in a sub-file."""
    height, width = pixels.shape[:2]
    preview = np.array(Image.fromarray(pixels).resize((80, 60)))
    maker = [ord(letter) for letter in "NIKON CORPORATION\0"]
    model = [ord(letter) for letter in "NIKON D3200\0"]
    first = _tags((60, 80), [8] * 3, 2) | {254: ("I", [1]), 271: ("B", maker), 272: ("B", model), 274: ("H", [1])}
    if dng:
        first |= {50706: ("B", [1, 4, 0, 0]), 50708: ("B", model), 50778: ("H", [21])}
    mosaic = np.zeros((height, width), "<u2")
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = pixels[row::2, column::2, channel].astype("<u2") * 64
    sensor = _tags((height, width), [16], 32803) | {33421: ("H", [2, 2]), 33422: ("B", [0, 1, 1, 2]), 254: ("I", [0])}
    return tiff([first, sensor], [preview.tobytes(), mosaic.tobytes()])


def jpeg_with_xmp(pixels: np.ndarray, xmp: bytes) -> bytes:
    """A JPEG with an XMP packet in its APP1."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    data = buffer.getvalue()
    packet = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(packet) + 2) + packet + data[2:]


def many_scans(side: int, scans: int) -> bytes:
    """A grey progressive JPEG: a scan of DC values, and `scans` more that say nothing new in so many blocks."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data

    blocks = ((side + 7) // 8) ** 2
    tables = segment(0xC4, b"\x00" + bytes([1] + 15 * [0]) + b"\x00")
    tables += segment(0xC4, b"\x10" + bytes([1, 1] + 14 * [0]) + b"\xe0\x00")
    first = segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + bytes(blocks // 8)
    again = segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + b"\x7f\xfe"
    frame = segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00")
    return b"\xff\xd8" + segment(0xDB, b"\x00" + bytes([1] * 64)) + frame + tables + first + again * scans + b"\xff\xd9"


def swapped_profile() -> bytes:
    """A profile of sRGB in which red and green have changed places."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    rows = {bytes(data[132 + 12 * row : 136 + 12 * row]): 132 + 12 * row for row in range(count)}
    data[rows[b"rXYZ"] : rows[b"rXYZ"] + 4], data[rows[b"gXYZ"] : rows[b"gXYZ"] + 4] = b"gXYZ", b"rXYZ"
    return bytes(data).replace(b"s\0R\0G\0B", b"o\0d\0d\0!").replace(b"\0s\0R\0G\0B", b"\0o\0d\0d\0!")


def limit_memory(more: int) -> None:
    """Let this process have so many bytes more for good: without the right to raise a limit again.

    More than it has: what the tests before have loaded into it is nobody's business.
    """
    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") + more
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    header = struct.pack("<Ii", 0x20080522, 0)
    capabilities = ctypes.create_string_buffer(24)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, capabilities) == 0:
        effective, permitted, inheritable, *rest = struct.unpack("<6I", capabilities.raw)
        without = ~(1 << 24)  # CAP_SYS_RESOURCE
        libc.capset(header, struct.pack("<6I", effective & without, permitted & without, inheritable, *rest))


def in_child(call: Callable[[], object]) -> object:
    """What a call returns in a forked process."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        try:
            os.write(writer, pickle.dumps(call()))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        data = answer.read()
    os.waitpid(process, 0)
    assert data, "the child died"
    return pickle.loads(data)
