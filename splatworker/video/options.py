"""What a caller may ask of the choice of frames, each option said once: for the command line and for jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from splatworker.stages.options import InJob, Option, Range, demand_valid

FEWEST_FRAMES = 5
"""A clip with fewer is none, and fewer that differ are no photos of anything."""

MOST_FRAMES = 500
"""Of one video: as many as a reconstruction takes photos."""

LONGEST_VIDEO_S = 24 * 3600


@dataclass(frozen=True)
class VideoOptions:
    """Options of one choice of frames. 0 is "not given".

    Raises:
        ValueError: a number is out of its range, two say the same thing, or the end comes before the start.
    """

    frames: Annotated[
        int,
        Option(
            "Frames taken of a video: by default 60 to 200, by how far its picture moves.",
            Range(0, MOST_FRAMES),
            job=InJob(Range(FEWEST_FRAMES, MOST_FRAMES), default=None, null=True),
        ),
    ] = 0
    fps: Annotated[
        float,
        Option(
            "Take the sharpest frame of every 1/fps seconds, however far the picture moves.",
            Range(0, 60),
            unit="frames per second",
            job=InJob(Range(at_most=60, above=0), default=None, null=True),
        ),
    ] = 0.0
    start: Annotated[
        float,
        Option(
            "Leave out what a video shows before.",
            Range(0, LONGEST_VIDEO_S),
            unit="seconds from its beginning",
            job=InJob(default=None, null=True),
        ),
    ] = 0.0
    end: Annotated[
        float,
        Option(
            "Leave out what a video shows after; by default nothing.",
            Range(0, LONGEST_VIDEO_S),
            unit="seconds from its beginning",
            job=InJob(Range(at_most=LONGEST_VIDEO_S, above=0), default=None, null=True),
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        demand_valid(self, dashes=True)
        if 0 < self.frames < FEWEST_FRAMES:
            raise ValueError(f"--frames must be at least {FEWEST_FRAMES}")
        if self.frames and self.fps:
            raise ValueError("--frames and --fps cannot be given together: one follows from the other")
        if self.end and self.end <= self.start:
            raise ValueError("--end must be after --start")

    @property
    def seconds(self) -> float:
        """How long the part asked for is at most, 0: to the end."""
        return self.end - self.start if self.end else 0.0
