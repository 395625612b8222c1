"""`.splat`: 32 bytes a Gaussian and no spherical harmonics, for the oldest of the web viewers.

The layout is that of https://github.com/antimatter15/splat (MIT): float32 position and scale, then bytes: red, green,
blue, opacity, and the rotation w, x, y, z as 128 + 128 q. The largest and least transparent come first, so that a
viewer shows something sensible while it loads.
"""

from pathlib import Path

import numpy as np

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.atomic import atomic_file
from splatworker.formats.decoded import decoded
from splatworker.formats.gaussians import MOST_GAUSSIANS, Gaussians
from splatworker.formats.subset import take
from splatworker.splat_files.lines_of_sight import LinesOfSight

SH_C0 = 0.28209479177387814

_RECORD = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("color", "u1", 4), ("rotation", "u1", 4)])


def write_splat(path: Path, gaussians: Gaussians, stage: str = "export") -> None:
    """Write finite Gaussians, whole or not at all; spherical harmonics above the constant are lost.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    visible = np.maximum(gaussians.opacities, np.finfo(np.float32).tiny)
    importance = gaussians.log_scales.sum(axis=1) + np.log(visible)
    gaussians = take(gaussians, np.argsort(-importance, kind="stable"))
    records = np.empty(len(gaussians), _RECORD)
    records["position"] = gaussians.means
    records["scale"] = gaussians.scales
    rgb = gaussians.sh_dc * SH_C0 + 0.5
    rgba = np.concatenate([rgb, gaussians.opacities[:, None]], axis=1)
    records["color"] = np.clip(np.rint(rgba * 255), 0, 255)
    quaternions = gaussians.quaternions.astype(np.float64)
    unit = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    records["rotation"] = np.clip(np.rint(unit * 128 + 128), 0, 255)
    with atomic_file(path, stage) as file:
        file.write(records.tobytes())


def read_splat(path: Path) -> Gaussians:
    """Read a splat, of degree 0.

    Raises:
        InvalidScene: the file is not made of whole Gaussians.
        SplatError: the file cannot be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise from_os_error(error, "export") from error
    if len(data) > MOST_GAUSSIANS * _RECORD.itemsize:
        raise InvalidScene(f"{path.name} has more Gaussians than the {MOST_GAUSSIANS} that are read.")
    if len(data) % _RECORD.itemsize:
        raise InvalidScene(
            f"{path.name} is not a .splat file, or cut short: {len(data)} bytes are not a multiple of 32."
        )
    records = np.frombuffer(data, _RECORD)
    rgba = records["color"] / np.float32(255)
    with np.errstate(invalid="ignore"):  # what is not a number stays none, and is left out later
        log_scales = np.log(np.maximum(records["scale"], np.finfo(np.float32).tiny))
    return decoded(
        means=records["position"],
        quaternions=records["rotation"] / np.float32(128) - 1,
        log_scales=log_scales,
        opacities=rgba[:, 3],
        sh_dc=(rgba[:, :3] - 0.5) / SH_C0,
        sh_rest=np.zeros((len(records), 0, 3), np.float32),
    )


def read(path: Path) -> Gaussians:
    """As `Format.read`."""
    return read_splat(path)


def write(path: Path, gaussians: Gaussians, device: str, lines: LinesOfSight | None) -> None:
    """As `Format.write`."""
    write_splat(path, gaussians)
