"""What comes into the pipeline, photos that may still be arriving, and what comes out: a splat and its account."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Photos:
    """Photos as they came: a folder of files that may be some.

    Attributes:
        index: each file's number in the job, from 0; without it, their order by name.
        lost: photos that never came, as {"index", "reason"}.
        seconds: how long they took to come.
        videos: those that some of them are frames of, and what was done with each.
        video_seconds: how long it took to choose the frames.
    """

    folder: Path
    index: Mapping[str, int] = field(default_factory=dict)
    lost: Sequence[dict[str, Any]] = ()
    seconds: float | None = None
    videos: Sequence[dict[str, Any]] = ()
    video_seconds: float | None = None


@dataclass(frozen=True)
class Arrival:
    """Photos on their way.

    Attributes:
        folder: where they arrive, each whole by a rename; it may not be there yet.
        all_arrived: what came, once the last one has.
        masks: where their masks are, each before its photo; None where there are none, or in the folder's usual place.
    """

    folder: Path
    all_arrived: Awaitable[Photos]
    masks: Path | None = None


@dataclass
class Result:
    """A finished splat and what there is to say about it: all but `ply` is ready to be JSON.

    `subject` is there where an object alone was asked for: whether it, or the scene, was delivered, and where it is.
    """

    ply: Path
    gaussians: int
    photos: dict[str, Any]
    quality: dict[str, Any]
    schedule: str
    iterations: dict[str, Any]
    device: str
    timings: dict[str, float]
    peak_memory_bytes: dict[str, int]
    subject: dict[str, Any] | None = None
    videos: list[dict[str, Any]] = field(default_factory=list)
