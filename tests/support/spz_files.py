"""SPZ files: of version 4, and such as promise more than they hold."""

from __future__ import annotations

import gzip
import itertools
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from backports import zstd

from splatworker.splat_files.spz_reader import MAGIC, SH_SIZE


def planes_of(path: Path) -> tuple[bytes, list[bytes]]:
    """The header and the planes of an SPZ of version 3."""
    data = gzip.decompress(path.read_bytes())
    _, _, count, degree, *_ = struct.unpack_from("<3I4B", data)
    ends = 16 + count * np.cumsum([0, 9, 1, 3, 3, 4, SH_SIZE[degree]])
    return data[:16], [data[start:end] for start, end in itertools.pairwise(ends)]


def write_spz_4(
    path: Path,
    source: Path,
    *,
    extension: bytes = b"",
    version: int = 4,
    streams: int | None = None,
    change: Callable[[Any], Any] = lambda table: table,
) -> Path:
    """The same splat in version 4, as its specification has it."""
    header, planes = planes_of(source)
    planes = planes[:streams]
    _, _, count, degree, bits, _, _ = struct.unpack("<3I4B", header)
    frames = [zstd.compress(plane) for plane in planes]
    table = [(len(frame), len(plane)) for frame, plane in zip(frames, planes, strict=True)]
    packed = b"".join(struct.pack("<QQ", *entry) for entry in change(table))
    start = 32 + len(extension)
    head = struct.pack("<3I4BI12x", MAGIC, version, count, degree, bits, 2 * bool(extension), len(planes), start)
    path.write_bytes(head + extension + packed + b"".join(frames))
    return path


def frames_of_zeros(count: int, degree: int) -> bytes:
    planes = [bytes(count * width) for width in (9, 1, 3, 3, 4, SH_SIZE[degree])]
    frames = [zstd.compress(plane) for plane in planes]
    head = struct.pack("<3I4BI12x", MAGIC, 4, count, degree, 12, 0, 6, 32)
    table = [struct.pack("<QQ", len(frame), len(plane)) for frame, plane in zip(frames, planes, strict=True)]
    return head + b"".join(table) + b"".join(frames)


def bomb_of_zeros(count: int, degree: int, mib: int) -> bytes:
    deflate = zlib.compressobj(9, wbits=31)
    head = struct.pack("<3I4B", MAGIC, 3, count, degree, 12, 0, 0)
    zeros = bytes(2**20)
    return b"".join([deflate.compress(head), *(deflate.compress(zeros) for _ in range(mib)), deflate.flush()])
