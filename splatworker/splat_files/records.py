"""Every format of a splat as one record: what a job, a command line, a report and a web server have to know of it.

The worker reads this, so nothing that takes time to load is imported here: a format's codec is a module of its own,
loaded when a file is read or written.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splatworker.formats.gaussians import Gaussians
    from splatworker.splat_files.lines_of_sight import LinesOfSight


@dataclass(frozen=True)
class Format:
    """How a splat can be stored.

    Attributes:
        name: in jobs, on command lines and in reports.
        suffix: what its file names end with.
        content_type: what a web server should call it.
        words: what people call a file of it.
        codec: the module with `read(path) -> Gaussians` and `write(path, gaussians, device, lines)`, where `gaussians`
            are finite and at least one, `device` is "auto", "cpu" or "cuda", and `lines` may be None.
        magic: what its files may begin with, where that tells.
        axes: which way is up in its files, in words; viewers of the format show them upright.
        y_down: y points down in them.
        tells_antialiasing: its files can say that a splat is to be drawn with antialiasing.
        keeps_what_shows: it leaves something out, and keeps what the cameras see if it is told their lines of sight.
        relative_seconds: how long writing it takes, beside formats that take the time of most.
    """

    name: str
    suffix: str
    content_type: str
    words: str
    codec: str
    magic: tuple[bytes, ...] = ()
    axes: str = "y up"
    y_down: bool = False
    tells_antialiasing: bool = True
    keeps_what_shows: bool = False
    relative_seconds: float = 1.0

    def read(self, path: Path) -> Gaussians:
        """Read a file of this format; errors as its codec's."""
        found: Gaussians = import_module(self.codec).read(path)
        return found

    def write(self, path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
        """Write finite Gaussians, at least one; errors as its codec's."""
        import_module(self.codec).write(path, gaussians, device, lines)


OCTETS = "application/octet-stream"
PLAYCANVAS = "y down, as PlayCanvas's viewers take it"

_CODECS = "splatworker.splat_files"

FORMATS = {
    known.name: known
    for known in (
        Format(
            "spz", ".spz", OCTETS, "SPZ file", f"{_CODECS}.spz_codec", magic=(b"\x1f\x8b", b"NGSP"),
            axes="y up, as SPZ means it", keeps_what_shows=True, relative_seconds=2.0,
        ),
        Format(
            "sog", ".sog", "application/zip", "SOG file", f"{_CODECS}.sog_codec", magic=(b"PK\x03\x04",),
            axes=PLAYCANVAS, y_down=True, keeps_what_shows=True, relative_seconds=4.0,
        ),
        Format(
            "compressed_ply", ".compressed.ply", OCTETS, "compressed PLY", f"{_CODECS}.compressed_ply",
            axes=PLAYCANVAS, y_down=True,
        ),
        Format(
            "splat", ".splat", OCTETS, ".splat file", f"{_CODECS}.dot_splat",
            axes="y down, as viewers of .splat take it", y_down=True, tells_antialiasing=False,
        ),
        Format("ply", ".ply", OCTETS, "PLY", f"{_CODECS}.plain_ply", axes="those of the trained PLY"),
    )
}  # fmt: skip
"""By name. The order matters: `.compressed.ply` ends with `.ply` too. A new format is a line here, and its codec."""
