"""Reader of SPZ, versions 2, 3 and 4. The specification is https://github.com/nianticlabs/spz#file-format (MIT).

The planes are those of `spz.py`, where their numbers are explained. Versions 2 and 3 are one gzip stream; version 4 is
a header of 32 bytes in the clear, perhaps extensions, a table of compressed and whole sizes, and a Zstandard frame a
plane.

What is unpacked is what the header promises and no byte more, and only where a file of this size can hold it
(`decoded.check_count`): memory stays within a few times the splat's own.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from backports import zstd

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.decoded import check_count, decoded
from splatworker.formats.gaussians import MAX_SH_DEGREE, Gaussians
from splatworker.splat_files import smallest_three

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]

MAGIC = 0x5053474E
HEADER = struct.Struct("<3I4B")
FLAG_ANTIALIASED = 1
"""Of the header's flags: the splat is to be drawn with antialiasing."""

SH_SIZE = [0, 9, 24, 45]

_NEW_HEADER = struct.Struct("<3I4BI12x")
_ENTRY = struct.Struct("<QQ")


def read_spz(path: Path) -> Gaussians:
    """Read a splat of version 2, 3 or 4.

    Raises:
        InvalidScene: the file is not an SPZ file, of another version, or cut short.
        SplatError: the file cannot be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise from_os_error(error, "export") from error
    if data[:4] == MAGIC.to_bytes(4, "little"):
        return _read_in_frames(data, path)
    try:
        return _read_in_gzip(data, path)
    except (zlib.error, EOFError) as error:
        raise InvalidScene(f"{path.name} is not an SPZ file of version 2 or 3, or cut short: {error}.") from error


def _read_in_gzip(data: bytes, path: Path) -> Gaussians:
    inflate = zlib.decompressobj(wbits=31)
    head = inflate.decompress(data, HEADER.size)
    if len(head) < HEADER.size:
        raise InvalidScene(f"{path.name} is not an SPZ file of version 2 or 3, or cut short.")
    magic, version, count, degree, bits, flags, _ = HEADER.unpack(head)
    if magic != MAGIC:
        raise InvalidScene(f"{path.name} is not an SPZ file of version 2 or 3.")
    if version not in (2, 3):
        raise _unknown(path, version)
    widths = _widths(path, version, count, degree, len(data))
    size = count * sum(widths)
    planes = inflate.decompress(inflate.unconsumed_tail, size) if size else b""
    if len(planes) < size:
        raise _cut_short(path)
    starts = itertools.accumulate((count * width for width in widths), initial=0)
    parts = [
        np.frombuffer(planes, np.uint8, count * width, start) for start, width in zip(starts, widths, strict=False)
    ]
    return _from_planes(parts, version, count, degree, bits, flags)


def _read_in_frames(data: bytes, path: Path) -> Gaussians:
    if len(data) < 8:
        raise _cut_short(path)
    version = int.from_bytes(data[4:8], "little")
    if version != 4:
        raise _unknown(path, version)
    if len(data) < _NEW_HEADER.size:
        raise _cut_short(path)
    _, _, count, degree, bits, flags, streams, table = _NEW_HEADER.unpack_from(data)
    widths = _widths(path, version, count, degree, len(data))
    needed = len(widths) if degree else len(widths) - 1  # without harmonics their plane may be left out
    start = table + streams * _ENTRY.size
    if streams < needed or table < _NEW_HEADER.size or start > len(data):
        raise _cut_short(path)
    planes = []
    for (compressed, size), width in zip(_ENTRY.iter_unpack(data[table:start]), widths, strict=False):
        if compressed > len(data) - start or size != count * width:
            raise _cut_short(path)
        planes.append(_unpacked(data[start : start + compressed], size, path))
        start += compressed
    planes += [np.empty(0, np.uint8)] * (len(widths) - len(planes))
    return _from_planes(planes, version, count, degree, bits, flags)


def _unpacked(frame: bytes, size: int, path: Path) -> ByteArray:
    """The plane of a Zstandard frame, of exactly `size` bytes."""
    unpack = zstd.ZstdDecompressor()
    try:
        plane = unpack.decompress(frame, size) if frame else b""
        more = b"" if unpack.eof or not frame else unpack.decompress(b"", 1)
    except (zstd.ZstdError, EOFError) as error:
        raise InvalidScene(f"{path.name} is corrupt: {error}.") from error
    if len(plane) != size or more:
        raise _cut_short(path)
    return np.frombuffer(plane, np.uint8)


def _widths(path: Path, version: int, count: int, degree: int, file_bytes: int) -> list[int]:
    """Bytes of a Gaussian in each plane."""
    if degree > MAX_SH_DEGREE:
        raise InvalidScene(
            f"{path.name} has harmonics of degree {degree}: of version 2 or 3 as of 4, up to degree 3 are read."
        )
    check_count(path, count, degree, file_bytes)
    return _plane_widths(version, degree)


def _plane_widths(version: int, degree: int) -> list[int]:
    return [9, 1, 3, 3, 3 if version == 2 else 4, SH_SIZE[degree]]


def _from_planes(planes: list[ByteArray], version: int, count: int, degree: int, bits: int, flags: int) -> Gaussians:
    positions, alphas, colours, scales, rotations, harmonics = (
        plane.reshape(count, width) for plane, width in zip(planes, _plane_widths(version, degree), strict=True)
    )
    return decoded(
        means=np.ldexp(_signed_24(positions), -bits),
        quaternions=_unpack_rotations(rotations, version),
        log_scales=scales / np.float32(16) - 10,
        opacities=alphas[:, 0] / np.float32(255),
        sh_dc=(colours / np.float32(255) - 0.5) / 0.15,
        sh_rest=(harmonics / np.float32(128) - 1).reshape(count, SH_SIZE[degree] // 3, 3),
        antialiased=bool(flags & FLAG_ANTIALIASED),
    )


def _signed_24(positions: ByteArray) -> FloatArray:
    wide = np.zeros((len(positions), 3, 4), np.uint8)
    wide[:, :, 1:] = positions.reshape(-1, 3, 3)  # in the high bytes, so that the shift below extends the sign
    return (wide.view("<i4")[:, :, 0] >> 8).astype(np.float32)


def _unpack_rotations(packed: ByteArray, version: int) -> FloatArray:
    if version == 2:
        x, y, z = (packed.astype(np.float32) / np.float32(127.5) - 1).T
        w = np.sqrt(np.maximum(0, 1 - (x * x + y * y + z * z)))
    else:
        words = np.ascontiguousarray(packed).view("<u4")[:, 0] if len(packed) else np.zeros(0, np.uint32)
        coded = np.stack([words >> 20, words >> 10, words])
        size = (coded & 511).astype(np.float32) * (smallest_three.LARGEST_SMALL / 511)
        x, y, z, w = smallest_three.unpack((words >> 30).astype(np.uint8), np.where(coded & 512, -size, size))
    return np.stack([w, x, y, z], axis=1)


def _unknown(path: Path, version: int) -> InvalidScene:
    return InvalidScene(
        f"{path.name} is an SPZ of version {version}, which is not known: read are version 2 or 3, and 4.",
        hint="Save it again as one of these, or as a PLY.",
    )


def _cut_short(path: Path) -> InvalidScene:
    return InvalidScene(f"{path.name} is cut short or corrupt.")
