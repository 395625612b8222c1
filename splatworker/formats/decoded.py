"""A splat from the numbers that compressed formats hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene
from splatworker.formats.gaussians import MOST_GAUSSIANS, Gaussians

Array = npt.NDArray[np.floating[Any]]

LEAST_OPACITY = 0.001
"""A byte of opacity can be 0 or 255, whose logits are infinite: they become logits of about -7 and 7."""

ALWAYS_READ = 32 * 2**20
MOST_TIMES_LARGER = 250
"""Bytes that a file's Gaussians may take in memory whatever its size; and, above that, how many times the file's. Real
splats take 10 to 25 times as much as their smallest files."""


def check_count(path: Path, count: int, degree: int, file_bytes: int) -> None:
    """Refuse a compressed file that says it has more Gaussians than a splat in so few bytes can have.

    Raises:
        InvalidScene: it does; nothing needs to be unpacked to know that.
    """
    unpacked = count * 4 * (11 + 3 * (degree + 1) ** 2)
    if count > MOST_GAUSSIANS or unpacked > max(ALWAYS_READ, MOST_TIMES_LARGER * file_bytes):
        raise InvalidScene(
            f"{path.name} is broken: it says {count} Gaussians, more than {file_bytes} bytes of its kind can hold."
        )


def decoded(
    means: Array,
    quaternions: Array,
    log_scales: Array,
    opacities: Array,
    sh_dc: Array,
    sh_rest: Array,
    *,
    antialiased: bool = False,
) -> Gaussians:
    """The Gaussians of arrays as in `Gaussians`, of any precision, and of (N,) opacities in [0, 1]."""
    inside = np.clip(opacities, LEAST_OPACITY, 1 - LEAST_OPACITY)
    arrays = (means, quaternions, log_scales, np.log(inside / (1 - inside)), sh_dc, sh_rest)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite where float32 cannot hold it, and left out later
        in_float32 = (np.ascontiguousarray(array, dtype=np.float32) for array in arrays)
        return Gaussians(*in_float32, antialiased=antialiased)
