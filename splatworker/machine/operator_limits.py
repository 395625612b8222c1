"""What strangers may take of a worker: every limit that an operator can change, its variable and its default.

A limit is a variable of the environment, read when a process starts. What is not a number leaves the default in force,
and `check` says so before the first job: a limit that is silently none would be paid for.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from splatworker.errors import SplatError


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes:
        default: its value where the environment says nothing.
        whole: whether it must be a whole number.
    """

    default: float
    whole: bool = False


LIMITS: dict[str, Limit] = {
    # A job
    "SPLATWORKER_DEADLINE_S": Limit(1800),
    "SPLATWORKER_MOST_PHOTOS": Limit(500, whole=True),
    "SPLATWORKER_MOST_ITERATIONS": Limit(100_000, whole=True),
    "SPLATWORKER_MOST_GAUSSIANS": Limit(10_000_000, whole=True),
    "SPLATWORKER_MOST_COMPARISONS": Limit(1e13),
    # The network
    "SPLATWORKER_PHOTO_MIB": Limit(100),
    "SPLATWORKER_PHOTOS_MIB": Limit(8192),
    "SPLATWORKER_PHOTO_S": Limit(180),
    "SPLATWORKER_PHOTOS_S": Limit(600),
    "SPLATWORKER_UPLOAD_S": Limit(900),
    "SPLATWORKER_WEBHOOK_S": Limit(150),
    # Videos
    "SPLATWORKER_VIDEO_MIB": Limit(2048),
    "SPLATWORKER_VIDEO_MINUTES": Limit(10),
    "SPLATWORKER_VIDEO_MEGAPIXELS": Limit(36),
    "SPLATWORKER_VIDEO_READER_MIB": Limit(6144),
    "SPLATWORKER_VIDEO_S": Limit(1200),
    # Stages
    "SPLATWORKER_MEGAPIXELS": Limit(50),
    "SPLATWORKER_DECODER_MIB": Limit(2048),
    "SPLATWORKER_DECODER_S": Limit(30),
    "SPLATWORKER_DECODERS_S": Limit(1200),
    "SPLATWORKER_STAGE_MIB": Limit(math.inf),
    "SPLATWORKER_OUTPUTS_S": Limit(1800),
}


def value(variable: str) -> float:
    """The limit of that name: the environment's, or the default where it says nothing or nonsense."""
    try:
        return checked_value(variable)
    except SplatError:
        return LIMITS[variable].default


def whole(variable: str) -> int:
    """`value` of a limit that counts something."""
    return int(value(variable))


def mebibytes(variable: str) -> int:
    """`value` of a limit in MiB, in bytes."""
    return int(value(variable) * 2**20)


def checked_value(variable: str) -> float:
    """`value`, for whoever wants to know of nonsense.

    Raises:
        SplatError: the environment says something that is not a number above 0.
    """
    limit = LIMITS[variable]
    text = os.environ.get(variable, "")
    if not text:
        return limit.default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf or (limit.whole and number != int(number)):
        kind = "a whole number" if limit.whole else "a number"
        unit = " of seconds" if variable.endswith("_S") else ""
        raise SplatError(f"{variable} is '{text[:40]}', and must be {kind}{unit} above 0.")
    return number


def check() -> None:
    """Read every limit.

    Raises:
        SplatError: one of them is nonsense.
    """
    for variable in LIMITS:
        checked_value(variable)
