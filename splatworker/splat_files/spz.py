"""SPZ, version 3 (`spz_reader` reads 2 and 4, too): Niantic's compressed splats, a tenth of the PLY and less.

The specification is https://github.com/nianticlabs/spz#file-format (MIT): one gzip stream of a 16-byte header and six
planes, little-endian, in this order:

    positions    3 x 24-bit fixed point, with the header's number of fractional bits
    alphas       255 opacity
    colours      255 (0.15 sh_dc + 0.5)
    scales       16 (log scale + 10)
    rotations    version 3: 2 bits say which of x, y, z, w is the largest; then the others, highest bits first, as sign
                 and 9 bits of magnitude in units of 1/sqrt(2)/511. Version 2: x, y, z as 127.5 (x + 1), and w >= 0
    harmonics    coefficient by coefficient, red, green, blue: 128 (x + 1)

The format lets a writer round the harmonics, which are most of the data, more coarsely than to bytes, so that they
compress. The reference writer leaves 5 bits at degree 1 and 4 above, whatever they look like; this one rounds them to
the finest step that keeps the file a tenth of the PLY. Who knows the cameras can do better: `spz_for_views`.

Readers disagree about the axes (the specification means right, up, back): like other writers this one keeps the PLY's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

from splatworker.formats.atomic import atomic_file
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take
from splatworker.splat_files import smallest_three
from splatworker.splat_files.spz_reader import (  # noqa: F401 - both ways by one name
    FLAG_ANTIALIASED,
    HEADER,
    MAGIC,
    SH_SIZE,
    read_spz,
)

FloatArray = npt.NDArray[np.float32]

VERSION = 3

POSITION_BITS = 23
"""Bits of a position beside its sign."""

FARTHEST = 2**POSITION_BITS - 1
"""Steps of a position: what lies farther is put there."""

FINEST = 12
"""Fractional bits that the reference writer always takes."""

STEPS_A_GAUSSIAN = 16
"""Positions are at least so fine that a typical Gaussian (the median of the largest scales) spans this many steps."""

BLOCK = 8192
"""Gaussians quantised at a time: what stays in a processor's cache."""

SH_STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32)
"""Quantisation steps that the harmonics may have, in units of 1/128: the finest that fits is taken. One for all
Gaussians: coarser steps for those that show little lost more than they saved on real splats (docs/formats.md)."""

COLOUR_STEPS = 0.15 * 255
"""Steps of the constant harmonic in a unit; its numbers are half steps: whole ones and a half."""

TIMES_SMALLER = 10.15
"""How much smaller than the PLY the file is to be, as a sample of it tells."""

LEAST_SH_BYTES = 0.16
"""Compressed bytes that a harmonic of a Gaussian may take in any case: at low degrees the other planes, of 17 to 19
bytes, are more than a tenth of the PLY already."""

SAMPLE = 8192
"""Gaussians that decide about all, at least."""


def write_spz(path: Path, gaussians: Gaussians, stage: str = "export", *, step: int | None = None) -> None:
    """Write finite Gaussians, whole or not at all.

    Args:
        step: the quantisation step of the harmonics, in units of 1/128; None chooses of `SH_STEPS`.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    bits = fractional_bits(gaussians)
    step = step or harmonic_step(gaussians, bits)
    deflate = _deflate()
    with atomic_file(path, stage) as file:
        flags = FLAG_ANTIALIASED if gaussians.antialiased else 0
        header = HEADER.pack(MAGIC, VERSION, len(gaussians), gaussians.sh_degree, bits, flags, 0)
        file.write(deflate.compress(header))
        for plane in _planes(gaussians, bits, step):
            file.write(deflate.compress(plane.data))
        file.write(deflate.flush())


def _deflate() -> Any:  # zlib-ng types compressobj's result so
    # Runs and Huffman codes, no string matching: numbers hardly repeat in longer strings, and this is much faster.
    # zlib-ng gives the same bytes as zlib in half the time.
    return zlib_ng.compressobj(wbits=31, memLevel=9, strategy=zlib_ng.Z_RLE)


def fractional_bits(gaussians: Gaussians) -> int:
    """As many as a typical Gaussian needs, and no more than leave room for the farthest."""
    if len(gaussians) == 0:
        return FINEST
    typical = float(np.median(gaussians.log_scales[_sample(gaussians)].max(axis=1)))
    wanted = max(FINEST, int(np.ceil(np.log2(STEPS_A_GAUSSIAN) - typical / np.log(2))))
    farthest = max(float(gaussians.means.max()), -float(gaussians.means.min()))
    possible = POSITION_BITS - max(0, int(np.floor(np.log2(max(farthest, 1.0)))) + 1)
    return max(0, min(wanted, possible))


def _sample(gaussians: Gaussians) -> slice:
    """Some of the Gaussians, from all over the file: enough to know how the others are."""
    return slice(None, None, max(1, len(gaussians) // SAMPLE))


def harmonic_step(gaussians: Gaussians, bits: int) -> int:
    """The quantisation step of the harmonics, of `SH_STEPS`."""
    if len(gaussians) == 0 or gaussians.sh_degree == 0:
        return 1
    sample = take(gaussians, np.arange(len(gaussians))[_sample(gaussians)])
    room = room_for_harmonics(sample, bits)
    fitting = (step for step in SH_STEPS if harmonic_bytes(sample, step) <= room)
    return next(fitting, SH_STEPS[-1])


def room_for_harmonics(
    gaussians: Gaussians, bits: int, times_smaller: float = TIMES_SMALLER, least: float = LEAST_SH_BYTES
) -> float:
    """The compressed bytes that their harmonics may have, beside the other planes: `least` each in any case."""
    *others, _ = _planes(gaussians, bits, 1)
    coefficients = SH_SIZE[gaussians.sh_degree]
    ply_bytes = 4 * (17 + coefficients) * len(gaussians)
    room = ply_bytes / times_smaller - sum(_compressed(plane) for plane in others)
    return max(room, least * coefficients * len(gaussians))


def harmonic_bytes(gaussians: Gaussians, step: int) -> int:
    """The compressed bytes of their harmonics."""
    return _compressed(_harmonics(gaussians.sh_rest.reshape(len(gaussians), -1), step))


def _compressed(plane: npt.NDArray[np.uint8]) -> int:
    deflate = _deflate()
    return len(deflate.compress(plane.data)) + len(deflate.flush())


def _harmonics(rest: FloatArray, step: int) -> npt.NDArray[np.uint8]:
    """(N, coefficients) bytes: 128 is zero, whatever the step."""
    scaled = rest * np.float32(128 / step)
    np.rint(scaled, out=scaled)
    scaled *= np.float32(step)
    scaled += np.float32(128)
    np.clip(scaled, 0, 255, out=scaled)
    return scaled.astype(np.uint8)


def _planes(gaussians: Gaussians, bits: int, step: int) -> list[npt.NDArray[np.uint8]]:
    """The six planes, (N, bytes) each."""
    count, coefficients = len(gaussians), SH_SIZE[gaussians.sh_degree]
    widths = [9, 1, 3, 3, 4, coefficients]
    planes = [np.empty((count, width), np.uint8) for width in widths]
    rest = gaussians.sh_rest.reshape(count, coefficients)
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        positions, alphas, colours, scales, rotations, harmonics = (plane[block] for plane in planes)
        fixed = np.rint(gaussians.means[block] * np.float32(2**bits)).clip(-FARTHEST, FARTHEST).astype("<i4")
        positions.reshape(-1, 3, 3)[...] = fixed.view(np.uint8).reshape(-1, 3, 4)[:, :, :3]
        alphas[:, 0] = _bytes(np.tanh(0.5 * gaussians.opacity_logits[block]), 127.5, 127.5)
        colours[...] = _bytes(gaussians.sh_dc[block], COLOUR_STEPS, 127.5)
        scales[...] = _bytes(gaussians.log_scales[block], 16, 160)
        rotations[...] = _pack_rotations(gaussians.quaternions[block])
        if coefficients:
            harmonics[...] = _harmonics(rest[block], step)
    return planes


def _bytes(values: FloatArray, factor: float, offset: float) -> npt.NDArray[np.uint8]:
    """round(factor values + offset), as bytes."""
    scaled = values * np.float32(factor)
    scaled += np.float32(offset)
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0, 255, out=scaled)
    return scaled.astype(np.uint8)


def _pack_rotations(quaternions: FloatArray) -> npt.NDArray[np.uint8]:
    w, x, y, z = quaternions.T
    index, small = smallest_three.pack([x, y, z, w])
    magnitude = np.rint(np.abs(small) * (511 / smallest_three.LARGEST_SMALL)).astype(np.uint32)
    coded = np.minimum(magnitude, 511) | np.signbit(small).astype(np.uint32) << 9
    packed = index.astype(np.uint32) << 30 | coded[0] << 20 | coded[1] << 10 | coded[2]
    rows: npt.NDArray[np.uint8] = packed.astype("<u4").view(np.uint8).reshape(-1, 4)
    return rows
