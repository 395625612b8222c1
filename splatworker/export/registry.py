"""The formats of a splat by name and by file name, and the one way to read and write any of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from splatworker.errors import InvalidScene, SplatError, from_os_error
from splatworker.export.compressed_ply import read_compressed_ply, write_compressed_ply
from splatworker.export.splat import read_splat, write_splat
from splatworker.export.spz import read_spz, write_spz
from splatworker.export.subset import finite, take
from splatworker.formats.ply import read_ply, write_ply
from splatworker.gaussians import Gaussians

if TYPE_CHECKING:  # torch takes seconds that most formats can do without
    from splatworker.export.visibility import LinesOfSight


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
    from splatworker.export.spz_for_views import write_spz_for_views  # noqa: PLC0415

    write_spz_for_views(path, gaussians, lines)


def _write_sog(path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
    import torch  # noqa: PLC0415

    from splatworker.export.sog import write_sog  # noqa: PLC0415
    from splatworker.render.backend import cuda_is_usable  # noqa: PLC0415

    if device == "auto":
        device = "cuda" if cuda_is_usable() else "cpu"
    write_sog(path, gaussians, torch.device(device), lines=lines)


def _read_sog(path: Path) -> Gaussians:
    from splatworker.export.sog import read_sog  # noqa: PLC0415

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


def format_of(path: Path) -> str:
    """The name of the format that a file's name asks for.

    Raises:
        SplatError: no format has this suffix.
    """
    for name, kind in FORMATS.items():
        if path.name.lower().endswith(kind.suffix):
            return name
    known = ", ".join(kind.suffix for kind in FORMATS.values())
    raise SplatError(
        f"No format of splats is known by the name of {path.name}.", hint=f"Known are {known}.", stage="export"
    )


def read_any(path: Path) -> Gaussians:
    """Read a splat of whichever format; a compressed PLY is known by its content, too.

    Raises:
        InvalidScene: the file is broken, or not of the format of its name.
        SplatError: the suffix is unknown, or the file cannot be opened.
    """
    name = format_of(path)
    if name == "ply" and _is_compressed(path):
        name = "compressed_ply"
    return FORMATS[name].read(path)


def _is_compressed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"packed_position" in file.read(4096)
    except OSError as error:
        raise from_os_error(error, "export") from error


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
        DiskFull, SplatError: the suffix is unknown, or the file cannot be written.
    """
    kind = FORMATS[format_of(path)]
    mask = finite(gaussians)
    if not mask.any():
        raise InvalidScene("The splat has no Gaussians.", stage="export")
    if not mask.all():
        gaussians, lines = take(gaussians, mask), lines.of(mask) if lines is not None else None
    kind.write(path, gaussians, device, lines)
    return int(np.count_nonzero(~mask))
