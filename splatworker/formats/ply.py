"""Splats as PLY, in the layout of the original 3D Gaussian splatting code, which every viewer reads.

A vertex is float32 `x y z nx ny nz f_dc_0..2 f_rest_0..44 opacity scale_0..2 rot_0..3` (62 floats at degree 3; fewer
`f_rest` at lower degrees): opacity as a logit, scales as natural logarithms, rotation as w, x, y, z, `f_rest`
channel by channel (all of red, then green, then blue), normals zero. The container is G. Turk's PLY format 1.0. A
comment in the header says of a splat that it is to be drawn with antialiasing (`ply_comment`).

A header's counts are not believed: an element that would be larger than what is left of the file is refused before
anything is read. What is read takes as much memory as the file at most, in text four times as much.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.atomic import atomic_file
from splatworker.formats.gaussians import MAX_SH_DEGREE, Gaussians
from splatworker.formats.ply_comment import ANTIALIASED, says_antialiased

_TYPES = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1"},
    **{"short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2"},
    **{"int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
_FORMATS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
_HEADER_LIMIT = 100_000
"""Bytes in which a header must end: what is longer is not a PLY."""

_LONGEST_COUNT = 18
"""Digits of a count: more are no number of anything in a file."""

_LONGEST_WORD = 100
"""Letters of a name in a header, other than in comments."""

OPAQUE_LOGIT = 30.0
"""Stands for the infinite logits that other writers give an opacity of 1 (and, negative, of 0): the same in float32."""

FLAT_LOG_SCALE = -20.0
"""Stands for the log of 0 that other writers give the thickness of what is flat."""


def write_ply(path: Path, gaussians: Gaussians, stage: str = "export") -> None:
    """Write a splat, whole or not at all.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    vertices = np.zeros(len(gaussians), dtype=_splat_layout(gaussians.sh_rest.shape[1]))
    for names, columns in _columns(gaussians):
        for index, name in enumerate(names):
            vertices[name] = columns[:, index]
    with atomic_file(path, stage) as file:
        _write_vertices(file, vertices, [ANTIALIASED] if gaussians.antialiased else [])


def write_point_ply(path: Path, xyz: npt.NDArray[np.float64], rgb: npt.NDArray[np.uint8], stage: str = "train") -> None:
    """Write a coloured point cloud, as a model folder's `input.ply`: (N, 3) positions and (N, 3) colours."""
    names = ["x", "y", "z", "nx", "ny", "nz"]
    layout = np.dtype([(name, "<f4") for name in names] + [(name, "u1") for name in ("red", "green", "blue")])
    vertices = np.zeros(len(xyz), dtype=layout)
    for index in range(3):
        vertices[names[index]] = xyz[:, index]
        vertices[("red", "green", "blue")[index]] = rgb[:, index]
    with atomic_file(path, stage) as file:
        _write_vertices(file, vertices)


def read_ply(path: Path) -> Gaussians:
    """Read a splat of degree 0 to 3, by property name: any order, any byte order or text, normals or none.

    An infinite opacity logit is an opacity of 1 or 0, and minus infinity the log of a scale of 0: numbers both, which
    come as `OPAQUE_LOGIT` and `FLAT_LOG_SCALE`.

    Raises:
        InvalidScene: the file is not a PLY, no splat, or cut short.
        SplatError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            antialiased = is_antialiased(file, path)
            vertices = read_vertices(file, path)
    except OSError as error:
        raise from_os_error(error, "export") from error
    names = vertices.dtype.names or ()
    rest = sum(name.startswith("f_rest_") for name in names)
    if rest not in [3 * ((degree + 1) ** 2 - 1) for degree in range(MAX_SH_DEGREE + 1)]:
        raise InvalidScene(f"{path.name} has {rest} f_rest properties, which belong to no degree from 0 to 3.")
    needed = _splat_layout(rest // 3).names or ()
    missing = [name for name in needed if name not in names and name not in ("nx", "ny", "nz")]
    if missing:
        raise InvalidScene(
            f"{path.name} is not a Gaussian splat: it has no {missing[0]}.",
            hint="Give a PLY with x, y, z, f_dc, opacity, scale and rot.",
        )

    def gather(*wanted: str) -> npt.NDArray[np.float32]:
        if not wanted:
            return np.zeros((len(vertices), 0), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):  # a double too large for float32 is infinite
            return np.stack([vertices[name].astype(np.float32) for name in wanted], axis=1)

    log_scales, opacity_logits = gather("scale_0", "scale_1", "scale_2"), gather("opacity")[:, 0]
    log_scales[np.isneginf(log_scales)] = FLAT_LOG_SCALE
    infinite = np.isinf(opacity_logits)
    opacity_logits[infinite] = np.copysign(np.float32(OPAQUE_LOGIT), opacity_logits[infinite])
    by_channel = gather(*(f"f_rest_{i}" for i in range(rest))).reshape(len(vertices), 3, rest // 3)
    return Gaussians(
        means=gather("x", "y", "z"),
        quaternions=gather("rot_0", "rot_1", "rot_2", "rot_3"),
        log_scales=log_scales,
        opacity_logits=opacity_logits,
        sh_dc=gather("f_dc_0", "f_dc_1", "f_dc_2"),
        sh_rest=np.ascontiguousarray(by_channel.transpose(0, 2, 1)),
        antialiased=antialiased,
    )


def read_point_ply(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
    """Read a point cloud: (N, 3) positions and (N, 3) colours, grey where there are none.

    Raises:
        InvalidScene: the file is not a PLY, has no positions, or is cut short.
        SplatError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            vertices = read_vertices(file, path)
    except OSError as error:
        raise from_os_error(error, "train") from error
    names = set(vertices.dtype.names or ())
    if not {"x", "y", "z"} <= names:
        raise InvalidScene(f"{path.name} has no points: x, y and z are missing.")
    xyz = np.stack([vertices[axis].astype(np.float64) for axis in "xyz"], axis=1)
    colours = [name for name in ("red", "green", "blue") if name in names]
    if len(colours) < 3:
        return xyz, np.full((len(xyz), 3), 128, np.uint8)
    rgb = np.stack([vertices[name].astype(np.float64) for name in colours], axis=1)
    if all(vertices.dtype[name].kind == "f" for name in colours):  # from 0 to 1, as some writers have it
        rgb = rgb * 255
    return xyz, np.nan_to_num(rgb).clip(0, 255).astype(np.uint8)


def is_antialiased(file: BinaryIO, path: Path) -> bool:
    """Whether an opened PLY's header says that it is to be drawn with antialiasing; the file stands at its start again.

    Raises:
        InvalidScene: the file is not a PLY.
    """
    header = _read_header(file, path)
    file.seek(0)
    return says_antialiased(header.comments)


def read_vertices(file: BinaryIO, path: Path) -> npt.NDArray[np.void]:
    """The element `vertex` of an opened PLY as a structured array of native numbers, one field a property.

    Raises:
        InvalidScene: the file is not a PLY, holds lists before or in its vertices, or is cut short.
    """
    for name, values in read_elements(file, path):
        if name == "vertex":
            return values
    raise InvalidScene(f"{path.name} has no vertices.")


def read_elements(file: BinaryIO, path: Path) -> Iterator[tuple[str, npt.NDArray[np.void]]]:
    """The elements of an opened PLY, in their order, by name; each as `read_vertices`, which tells the errors."""
    encoding, elements, _ = _read_header(file, path)
    for name, count, layout in elements:
        if layout is None:
            raise InvalidScene(f"{path.name}: the element {name} holds a list, where a splat has none.")
        if count and not layout.names:
            raise InvalidScene(f"{path.name} has a header that is not PLY's: {count} {name} of nothing.")
        least = 2 * len(layout.names or ()) if encoding == "ascii" else layout.itemsize  # a digit and a space each
        left = os.fstat(file.fileno()).st_size - file.tell()
        if count * least > left + (encoding == "ascii"):  # the last line may end without its end
            raise InvalidScene(f"{path.name} is cut short: {left // max(1, least)} of {count} {name} are there.")
        if encoding == "ascii":
            yield name, _read_text(file, name, count, layout, path)
        else:
            yield name, np.frombuffer(file.read(count * layout.itemsize), dtype=layout, count=count)


def _read_text(file: BinaryIO, name: str, count: int, layout: np.dtype[np.void], path: Path) -> npt.NDArray[np.void]:
    columns = layout.names or ()
    if count == 0:
        return np.empty(0, layout)
    lines = (line.decode("ascii", "replace") for line in itertools.islice(file, count))
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise InvalidScene(f"{path.name} is cut short or corrupt in its element {name}.")
    try:
        table = np.loadtxt(itertools.chain([first], lines), dtype=np.float64, comments=None, ndmin=2)
    except ValueError as error:
        raise InvalidScene(
            f"{path.name} is corrupt: its element {name} holds something that is not a number."
        ) from error
    if table.shape != (count, len(columns)):
        raise InvalidScene(f"{path.name} is cut short or corrupt in its element {name}.")
    values = np.empty(count, layout)
    for column, field in zip(table.T, columns, strict=True):
        if layout[field].kind in "iu":
            bounds = np.iinfo(layout[field])
            if not ((column >= bounds.min) & (column <= bounds.max)).all():
                raise InvalidScene(f"{path.name} holds a {field} that is no whole number of its kind.")
        with np.errstate(over="ignore"):
            values[field] = column
    return values


class _Header(NamedTuple):
    """The encoding, the elements (name, count, layout; None for one with lists), and the words of each comment."""

    encoding: str
    elements: list[tuple[str, int, np.dtype[np.void] | None]]
    comments: list[list[str]]


def _read_header(file: BinaryIO, path: Path) -> _Header:
    """What stands up to the end of the header."""
    if file.readline(16).strip() != b"ply":
        raise InvalidScene(f"{path.name} is not a PLY file.")
    encoding, elements = "", list[tuple[str, int, list[tuple[str, str]] | None]]()
    comments = list[list[str]]()
    while file.tell() < _HEADER_LIMIT:
        words = file.readline(_HEADER_LIMIT).decode("ascii", "replace").split()
        if max(map(len, words), default=0) > _LONGEST_WORD and words[0] not in ("comment", "obj_info"):
            break
        match words:
            case ["format", kind, _] if kind in _FORMATS:
                encoding = kind
            case ["element", name, count] if count.isascii() and count.isdecimal() and len(count) <= _LONGEST_COUNT:
                elements.append((name, int(count), []))
            case ["property", "list", *_] if elements:
                elements[-1] = (*elements[-1][:2], None)
            case ["property", kind, name] if elements and kind in _TYPES:
                fields = elements[-1][2]
                if fields is not None:
                    fields.append((name, _TYPES[kind]))
            case ["end_header"] if encoding:
                order = _FORMATS[encoding]
                layouts = [(n, c, f if f is None else _layout(f, order, path)) for n, c, f in elements]
                return _Header(encoding, layouts, comments)
            case ["comment", *said]:
                comments.append(said)
            case ["obj_info", *_]:
                pass
            case _:
                break
    raise InvalidScene(f"{path.name} has a header that is not PLY's.")


def _layout(fields: list[tuple[str, str]], order: str, path: Path) -> np.dtype[np.void]:
    try:
        return np.dtype([(name, order + kind) for name, kind in fields])
    except ValueError as error:  # one property twice
        raise InvalidScene(f"{path.name} has a header that is not PLY's ({error}).") from error


def _splat_layout(rest_per_channel: int) -> np.dtype[np.void]:
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{i}" for i in range(3 * rest_per_channel)]
    names += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    return np.dtype([(name, "<f4") for name in names])


def _columns(gaussians: Gaussians) -> list[tuple[list[str], npt.NDArray[np.float32]]]:
    rest = gaussians.sh_rest.transpose(0, 2, 1).reshape(len(gaussians), 3 * gaussians.sh_rest.shape[1])
    return [
        (["x", "y", "z"], gaussians.means),
        (["f_dc_0", "f_dc_1", "f_dc_2"], gaussians.sh_dc),
        ([f"f_rest_{i}" for i in range(rest.shape[1])], rest),
        (["opacity"], gaussians.opacity_logits[:, None]),
        (["scale_0", "scale_1", "scale_2"], gaussians.log_scales),
        (["rot_0", "rot_1", "rot_2", "rot_3"], gaussians.quaternions),
    ]


def _write_vertices(file: BinaryIO, vertices: npt.NDArray[np.void], comments: Sequence[str] = ()) -> None:
    kinds = {"f4": "float", "u1": "uchar"}
    lines = ["ply", "format binary_little_endian 1.0", *comments, f"element vertex {len(vertices)}"]
    for name in vertices.dtype.names or ():
        lines.append(f"property {kinds[vertices.dtype[name].str[1:]]} {name}")
    file.write("\n".join([*lines, "end_header", ""]).encode("ascii"))
    file.write(vertices.view(np.uint8).data)
