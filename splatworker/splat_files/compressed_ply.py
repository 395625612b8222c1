"""PlayCanvas's compressed PLY: 16 bytes a Gaussian and a byte a harmonic; read by every PlayCanvas tool.

A PLY of three elements. Its layout is documented with the tools that define it (SuperSplat and splat-transform,
https://developer.playcanvas.com/user-manual/gaussian-splatting/formats/ply/, MIT):

    chunk     for every 256 Gaussians the least and greatest position, log scale and colour, as float32
    vertex    packed_position, packed_scale: 11, 10 and 11 bits between those, x in the highest; packed_rotation: 2 bits
              say which of w, x, y, z is the largest, then the others, 10 bits each, from -1/sqrt(2) to 1/sqrt(2);
              packed_color: red, green, blue between the chunk's, and opacity, 8 bits each
    sh        f_rest as in a PLY, channel by channel, a byte each: 256 steps from -4 to 4

The comment in the header that says how a splat is to be drawn is a plain PLY's (`formats.ply_comment`).
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.atomic import atomic_file
from splatworker.formats.decoded import decoded
from splatworker.formats.gaussians import MOST_GAUSSIANS, Gaussians
from splatworker.formats.ply import is_antialiased, read_elements
from splatworker.formats.ply_comment import ANTIALIASED
from splatworker.formats.subset import take
from splatworker.splat_files import smallest_three
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.morton import morton_order_in_chunks

FloatArray = npt.NDArray[np.float32]
WordArray = npt.NDArray[np.uint32]

CHUNK = 256
SH_RANGE = 8.0
SH_C0 = 0.28209479177387814
MOST_LOG_SCALE = 20.0

_BOUNDS = [f"{end}_{axis}" for end in ("min", "max") for axis in "xyz"]
_BOUNDS += [f"{end}_scale_{axis}" for end in ("min", "max") for axis in "xyz"]
_BOUNDS += [f"{end}_{axis}" for end in ("min", "max") for axis in "rgb"]
_VERTEX = ["packed_position", "packed_rotation", "packed_scale", "packed_color"]


def write_compressed_ply(path: Path, gaussians: Gaussians, stage: str = "export") -> None:
    """Write finite Gaussians, whole or not at all, in Z order: a chunk's ranges are small where its Gaussians are near.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    gaussians = take(gaussians, morton_order_in_chunks(gaussians.means, CHUNK))
    count, rest = len(gaussians), 3 * gaussians.sh_rest.shape[1]
    starts = np.arange(0, count, CHUNK)
    positions, position_bounds = _within_chunks(gaussians.means, starts)
    scales, scale_bounds = _within_chunks(np.clip(gaussians.log_scales, -MOST_LOG_SCALE, MOST_LOG_SCALE), starts)
    colours, colour_bounds = _within_chunks(gaussians.sh_dc * np.float32(SH_C0) + np.float32(0.5), starts)
    words = np.empty((count, 4), "<u4")
    words[:, 0] = _pack_11_10_11(positions)
    words[:, 1] = _pack_rotations(gaussians.quaternions)
    words[:, 2] = _pack_11_10_11(scales)
    words[:, 3] = _pack(colours[:, 0], 8) << 24 | _pack(colours[:, 1], 8) << 16 | _pack(colours[:, 2], 8) << 8
    words[:, 3] |= _pack(gaussians.opacities, 8)
    harmonics = gaussians.sh_rest.transpose(0, 2, 1).reshape(count, rest)
    lines = ["ply", "format binary_little_endian 1.0", "comment splatworker"]
    lines += [ANTIALIASED] if gaussians.antialiased else []
    lines += [f"element chunk {len(starts)}", *(f"property float {name}" for name in _BOUNDS)]
    lines += [f"element vertex {count}", *(f"property uint {name}" for name in _VERTEX)]
    if rest:
        lines += [f"element sh {count}", *(f"property uchar f_rest_{index}" for index in range(rest))]
    with atomic_file(path, stage) as file:
        file.write("\n".join([*lines, "end_header", ""]).encode("ascii"))
        file.write(np.concatenate([position_bounds, scale_bounds, colour_bounds], axis=1).astype("<f4").tobytes())
        file.write(words.tobytes())
        file.write(np.clip(harmonics * (256 / SH_RANGE) + 128, 0, 255).astype(np.uint8).tobytes())


def _within_chunks(values: FloatArray, starts: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """(N, 3) values as shares in [0, 1] of their chunk's range, and (chunks, 6) the ranges: least, greatest."""
    if len(values) == 0:
        return values, np.zeros((0, 6), np.float32)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    chunk = np.arange(len(values)) // CHUNK
    extent = np.maximum(high - low, np.finfo(np.float32).tiny)
    return (values - low[chunk]) / extent[chunk], np.concatenate([low, high], axis=1)


def _pack(shares: FloatArray, bits: int) -> WordArray:
    levels: WordArray = np.clip(shares * np.float32(2**bits - 1) + np.float32(0.5), 0, 2**bits - 1).astype(np.uint32)
    return levels


def _pack_11_10_11(shares: FloatArray) -> WordArray:
    x, y, z = (_pack(shares[:, axis], bits) for axis, bits in enumerate((11, 10, 11)))
    return x << np.uint32(21) | y << np.uint32(11) | z


def _pack_rotations(quaternions: FloatArray) -> WordArray:
    index, small = smallest_three.pack(list(quaternions.T))
    coded = _pack(small * smallest_three.LARGEST_SMALL + np.float32(0.5), 10)
    packed: WordArray = index.astype(np.uint32) << 30 | coded[0] << 20 | coded[1] << 10 | coded[2]
    return packed


def read_compressed_ply(path: Path) -> Gaussians:
    """Read a splat.

    Raises:
        InvalidScene: the file is not a compressed PLY, or cut short.
        SplatError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            antialiased = is_antialiased(file, path)
            elements = dict(read_elements(file, path))
    except OSError as error:
        raise from_os_error(error, "export") from error
    chunk, vertex = elements.get("chunk"), elements.get("vertex")
    if chunk is None or vertex is None or not _has(vertex, _VERTEX, "u4"):
        raise InvalidScene(f"{path.name} is not a compressed PLY.")
    coloured = _has(chunk, _BOUNDS, "f4")  # older files have the colours themselves
    if not (coloured or _has(chunk, _BOUNDS[:12], "f4")) or len(vertex) > CHUNK * len(chunk):
        raise InvalidScene(f"{path.name} is corrupt: its chunks do not fit its Gaussians.")
    if len(vertex) > MOST_GAUSSIANS:
        raise InvalidScene(f"{path.name} has more Gaussians than the {MOST_GAUSSIANS} that are read.")
    of = np.arange(len(vertex)) // CHUNK

    def between(shares: FloatArray, *names: str) -> FloatArray:
        low, high = (np.stack([chunk[f"{end}_{name}"] for name in names], axis=1)[of] for end in ("min", "max"))
        with np.errstate(over="ignore", invalid="ignore"):  # bounds that are no numbers: left out by who draws
            return np.asarray(low + (high - low) * shares, dtype=np.float32)

    words = vertex["packed_color"]
    colours = np.stack([_unpack(words >> shift, 8) for shift in (24, 16, 8)], axis=1)
    if coloured:
        colours = between(colours, "r", "g", "b")
    with np.errstate(over="ignore"):  # as above
        sh_dc = (colours - np.float32(0.5)) / np.float32(SH_C0)
    return decoded(
        means=between(_unpack_11_10_11(vertex["packed_position"]), "x", "y", "z"),
        quaternions=_unpack_rotations(vertex["packed_rotation"]),
        log_scales=between(_unpack_11_10_11(vertex["packed_scale"]), "scale_x", "scale_y", "scale_z"),
        opacities=_unpack(words, 8),
        sh_dc=sh_dc,
        sh_rest=_harmonics(elements.get("sh"), len(vertex), path),
        antialiased=antialiased,
    )


def _has(element: npt.NDArray[np.void], names: list[str], kind: str) -> bool:
    """Whether an element has these properties, each of this type (of either byte order)."""
    layout = element.dtype
    return all(name in (layout.names or ()) and layout[name].str[1:] == kind for name in names)


def _unpack(words: npt.NDArray[Any], bits: int) -> FloatArray:
    return (words & np.uint32(2**bits - 1)).astype(np.float32) / np.float32(2**bits - 1)


def _unpack_11_10_11(words: npt.NDArray[Any]) -> FloatArray:
    return np.stack([_unpack(words >> 21, 11), _unpack(words >> 11, 10), _unpack(words, 11)], axis=1)


def _unpack_rotations(words: npt.NDArray[Any]) -> FloatArray:
    shares = np.stack([_unpack(words >> shift, 10) for shift in (20, 10, 0)])
    small = (shares - np.float32(0.5)) / smallest_three.LARGEST_SMALL
    return np.stack(smallest_three.unpack((words >> 30).astype(np.uint8), small), axis=1)


def _harmonics(element: npt.NDArray[np.void] | None, count: int, path: Path) -> FloatArray:
    names = (element.dtype.names or ()) if element is not None else ()
    if element is None or not names:
        return np.zeros((count, 0, 3), np.float32)
    wanted = [f"f_rest_{index}" for index in range(len(names))]
    if len(names) not in (9, 24, 45) or len(element) != count or not _has(element, wanted, "u1"):
        raise InvalidScene(f"{path.name} has {len(names)} harmonics of {len(element)} Gaussians, where {count} are.")
    levels = np.stack([element[name] for name in wanted], axis=1)
    # A byte stands for the middle of its step; the outermost for the ends.
    steps = np.array([0, *(np.arange(1, 255) + 0.5), 256])
    values = (steps * (SH_RANGE / 256) - SH_RANGE / 2).astype(np.float32)
    return np.asarray(values[levels.reshape(count, 3, -1).transpose(0, 2, 1)])


def read(path: Path) -> Gaussians:
    """As `Format.read`."""
    return read_compressed_ply(path)


def write(path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
    """As `Format.write`."""
    write_compressed_ply(path, gaussians)
