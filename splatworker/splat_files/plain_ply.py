"""The original trainer's PLY as a format among others; the codec is `formats.ply`, which all rooms share."""

from __future__ import annotations

from pathlib import Path

from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import read_ply, write_ply
from splatworker.splat_files.lines_of_sight import LinesOfSight


def read(path: Path) -> Gaussians:
    """As `Format.read`."""
    return read_ply(path)


def write(path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
    """As `Format.write`."""
    write_ply(path, gaussians)
