"""The formats of a splat by name and by file name, and the one way to read and write any of them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from splatworker.errors import InvalidParam, InvalidScene, from_os_error
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import read_ply, write_ply
from splatworker.formats.subset import finite, take
from splatworker.splat_files.compressed_ply import read_compressed_ply, write_compressed_ply
from splatworker.splat_files.dot_splat import read_splat, write_splat
from splatworker.splat_files.spz import write_spz
from splatworker.splat_files.spz_reader import MAGIC, read_spz

if TYPE_CHECKING:  # torch takes seconds that most formats can do without
    from splatworker.splat_files.lines_of_sight import LinesOfSight


class Format(NamedTuple):
    """How a splat can be stored.

    Attributes:
        suffix: what its file names end with.
        content_type: what a web server should call it.
        read, write: from and to a file; `write` takes finite Gaussians, at least one, and the device and the lines of
            sight of `write_any`.
    """

    suffix: str
    content_type: str
    read: Callable[[Path], Gaussians]
    write: Callable[[Path, Gaussians, str, LinesOfSight | None], None]


def _write_spz(path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
    if lines is None:
        write_spz(path, gaussians)
        return
    from splatworker.splat_files.spz_for_views import write_spz_for_views  # noqa: PLC0415

    write_spz_for_views(path, gaussians, lines)


def _write_sog(path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
    import torch  # noqa: PLC0415

    from splatworker.render.backend import cuda_is_usable  # noqa: PLC0415
    from splatworker.splat_files.sog import write_sog  # noqa: PLC0415

    if device == "auto":
        device = "cuda" if cuda_is_usable() else "cpu"
    write_sog(path, gaussians, torch.device(device), lines=lines)


def _read_sog(path: Path) -> Gaussians:
    from splatworker.splat_files.sog_reader import read_sog  # noqa: PLC0415 - as its writer

    return read_sog(path)


FORMATS = {
    "spz": Format(".spz", "application/octet-stream", read_spz, _write_spz),
    "sog": Format(".sog", "application/zip", _read_sog, _write_sog),
    "compressed_ply": Format(
        ".compressed.ply",
        "application/octet-stream",
        read_compressed_ply,
        lambda path, splat, *_: write_compressed_ply(path, splat),
    ),
    "splat": Format(".splat", "application/octet-stream", read_splat, lambda path, splat, *_: write_splat(path, splat)),
    "ply": Format(".ply", "application/octet-stream", read_ply, lambda path, splat, *_: write_ply(path, splat)),
}
"""By name. The order matters: `.compressed.ply` ends with `.ply` too."""


_OTHERS = {
    ".ksplat": "KSPLAT",
    ".splatv": "SPLATV",
    ".glb": "glTF",
    ".gltf": "glTF",
    ".usdz": "USD",
    ".rad": "RAD",
}
"""Formats of splats that are not read or written, by the ends of their names."""

_HEADER_BYTES = 100_000
"""Of a PLY, in which what it is made of is said."""

_CANNOT_BE_READ = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.ENAMETOOLONG, errno.ELOOP)
"""Of opening a file: the person's to mend, not ours."""


def format_of(path: Path) -> str:
    """The name of the format that a file's name asks for.

    Raises:
        InvalidParam: no format has this suffix.
    """
    for name, kind in FORMATS.items():
        if path.name.lower().endswith(kind.suffix):
            return name
    known = ", ".join(kind.suffix for kind in FORMATS.values())
    other = _OTHERS.get(path.suffix.lower())
    what = (
        f"{other} is neither read nor written" if other else f"no format of splats is known by the name of {path.name}"
    )
    raise InvalidParam(f"{what[0].upper()}{what[1:]}.", hint=f"Known suffixes: {known}.", stage="export")


def read_any(path: Path) -> Gaussians:
    """Read a splat of whichever format, by its content, or where that does not tell by its name.

    `path` is a file as `formats.find.find_splat` finds it: the meta.json of an unbundled SOG stands for its folder.

    Raises:
        InvalidScene: the file cannot be opened, or is broken.
        InvalidParam: its format is not known.
    """
    return FORMATS[format_in(path)].read(path)


def format_in(path: Path) -> str:
    """The name of the format that a file is of: by its first bytes, or where these do not tell by its name.

    Raises:
        InvalidScene: it cannot be opened.
        InvalidParam: neither tells.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError as error:
        if error.errno in _CANNOT_BE_READ:
            raise InvalidScene(f"{error.strerror} ({path}).", hint="Give a splat, or the folder of one.") from error
        raise from_os_error(error, "export") from error
    if head.startswith(b"ply"):
        return "compressed_ply" if b"packed_position" in head.partition(b"end_header")[0] else "ply"
    if head.startswith((b"\x1f\x8b", MAGIC.to_bytes(4, "little"))):
        return "spz"
    if head.startswith(b"PK\x03\x04") or path.name == "meta.json":
        return "sog"
    return format_of(path)


def size_on_disk(path: Path) -> int:
    """The bytes of a splat that `read_any` reads; those of all pictures beside a meta.json."""
    files = [path, *path.parent.glob("*.webp")] if path.name == "meta.json" else [path]
    return sum(file.stat().st_size for file in files)


def write_any(path: Path, gaussians: Gaussians, device: str = "auto", lines: LinesOfSight | None = None) -> int:
    """Write a splat in the format of the file's name; Gaussians that are not numbers are left out.

    Args:
        device: "auto", "cpu" or "cuda": where SOG clusters its harmonics.
        lines: from where the Gaussians are seen, and how much of each: formats that must leave something out (SPZ, SOG)
            keep what shows.

    Returns:
        How many Gaussians were left out.

    Raises:
        InvalidScene: nothing is left to write.
        InvalidParam: the suffix is unknown.
        DiskFull, SplatError: the file cannot be written.
    """
    kind = FORMATS[format_of(path)]
    mask = finite(gaussians)
    if not mask.any():
        raise InvalidScene("The splat has no Gaussians.", stage="export")
    if not mask.all():
        gaussians, lines = take(gaussians, mask), lines.of(mask) if lines is not None else None
    kind.write(path, gaussians, device, lines)
    return int(np.count_nonzero(~mask))
