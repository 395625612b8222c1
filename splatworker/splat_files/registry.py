"""The formats of a splat by name and by file name, and the one way to read and write any of them."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np

from splatworker.errors import InvalidParam, InvalidScene, from_os_error
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.presence import is_file
from splatworker.formats.subset import finite, take
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.records import FORMATS

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


def read_whole(path: Path, stage: str) -> tuple[Gaussians, int]:
    """Read a splat as `read_any`, without the Gaussians that are no numbers (`subset.finite`); and how many those are.

    Raises:
        InvalidScene, InvalidParam: as `read_any`, and where nothing is left.
    """
    gaussians = read_any(path)
    mask = finite(gaussians)
    if not mask.any():
        raise InvalidScene(f"{path.name} has no Gaussians.", stage=stage)
    return (gaussians if mask.all() else take(gaussians, mask)), int(np.count_nonzero(~mask))


def left_out_in_words(count: int) -> str:
    """What a person should hear of Gaussians that are no numbers."""
    return f"{count} Gaussians contained NaN, infinity or absurdly large numbers and were dropped."


def untold_in_words(name: str, gaussians: Gaussians) -> str:
    """What a person should hear of a splat in this format that cannot say how it is to be drawn; "" where it can."""
    if FORMATS[name].tells_antialiasing or not gaussians.antialiased:
        return ""
    return (
        f"A {FORMATS[name].words} cannot say that its splat was trained with antialiasing: viewers draw what is small "
        "in it too thick and bright, unless they are told."
    )


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
    if path.name == "meta.json":
        return "sog"
    known = next((known.name for known in FORMATS.values() if head.startswith(known.magic)), None)
    return known or format_of(path)


def size_on_disk(path: Path) -> int:
    """The bytes of a splat that `read_any` reads; those of all pictures beside a meta.json."""
    files = [path, *path.parent.glob("*.webp")] if path.name == "meta.json" else [path]
    return sum(file.stat().st_size for file in files if is_file(file))


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
