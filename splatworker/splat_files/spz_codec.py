"""SPZ as a format among others: plain, or with what it leaves out chosen for the views that see it."""

from __future__ import annotations

from pathlib import Path

from splatworker.formats.gaussians import Gaussians
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.spz import write_spz
from splatworker.splat_files.spz_reader import read_spz


def read(path: Path) -> Gaussians:
    """As `Format.read`."""
    return read_spz(path)


def write(path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
    """As `Format.write`."""
    if lines is None:
        write_spz(path, gaussians)
        return
    from splatworker.splat_files.spz_for_views import write_spz_for_views  # noqa: PLC0415 - seldom wanted

    write_spz_for_views(path, gaussians, lines)
