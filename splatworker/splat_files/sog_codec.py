"""SOG as a format among others: its writer loads what clusters, its reader does not."""

from __future__ import annotations

from pathlib import Path

from splatworker.formats.gaussians import Gaussians
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.sog_reader import read_sog


def read(path: Path) -> Gaussians:
    """As `Format.read`."""
    return read_sog(path)


def write(path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
    """As `Format.write`; on the GPU where there is one and `device` is "auto"."""
    from splatworker.render.backend import device_for  # noqa: PLC0415
    from splatworker.splat_files.sog import write_sog  # noqa: PLC0415

    write_sog(path, gaussians, device_for(device, "export"), lines=lines)
