"""Photos out of videos, before the photos are decoded: the frames of each go to where photos arrive."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from splatworker.contract.job import Recipe
from splatworker.errors import SplatError, from_event
from splatworker.machine import operator_limits
from splatworker.machine.limits import available_cpus
from splatworker.photos.enough_photos import FEWEST_PHOTOS, MOST_PHOTOS
from splatworker.pipeline import photo_sizes
from splatworker.pipeline.deadlines import stage_deadline
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall
from splatworker.stages.workspace import check_room

FRAMES_DISK = 512 * 2**20
"""Bytes that the frames of videos may need."""


@dataclass(frozen=True)
class Clip:
    """A video that is here.

    Attributes:
        index: its number among the videos of the job.
        name: what it is called to people.
    """

    path: Path
    index: int
    name: str


@dataclass
class FromVideos:
    """What became of videos.

    Attributes:
        videos: what is told of each, in the order of the job.
        seconds: how long it took.
        frames: photos that were made.
    """

    videos: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def frames(self) -> int:
        """Photos that were made of them."""
        return sum(int(video["frames"]) for video in self.videos)


def most_photos() -> int:
    """Photos that are reconstructed together: by the operator's limit, and never more than are sensible."""
    return min(MOST_PHOTOS, operator_limits.whole("SPLATWORKER_MOST_PHOTOS"))


def warn_without(recipe: Recipe, report: Overall) -> None:
    """Say that what is asked of videos has no effect where there are none."""
    if given := recipe.video.model_dump(exclude_unset=True, exclude_none=True):
        report.warning(f"There is no video, so this has no effect: {', '.join(given)}.")


async def take_frames(
    clips: Sequence[Clip],
    lost: Mapping[int, tuple[str, SplatError]],
    photos: int,
    folder: Path,
    recipe: Recipe,
    runner: StageRunner,
    report: Overall,
) -> FromVideos:
    """Choose frames of the clips and put them into a folder that others read photos from.

    A video that cannot be used is a warning, where there is anything else to make a splat of.

    Args:
        lost: videos that never came, by their numbers: their names and why.
        photos: how many photos there are beside them.

    Raises:
        SplatError: the first video's reason, where neither photos nor frames are enough.
    """
    started = time.monotonic()
    made = FromVideos()
    errors = {index: error for index, (_, error) in lost.items()}
    for index, (name, error) in lost.items():
        made.videos.append({"index": index, "name": name, "frames": 0, "code": error.code, "reason": error.message})
    if clips:
        check_room(runner.workspace, "frames", FRAMES_DISK)
        done = await runner.run(
            "frames",
            [
                *(clip.path for clip in clips),
                *("-o", folder, "--arriving", "--jobs", str(available_cpus())),
                *(word for clip in clips for word in (f"--name={clip.name}",)),
                *("--max-size", str(photo_sizes.decoded(recipe, preview=False))),
                *("--most", str(max(0, most_photos() - photos))),
                *recipe.video.arguments(),
            ],
            report=report.stage("frames"),
            deadline=stage_deadline("frames", runner.deadline),
        )
        for clip, video in zip(clips, done["videos"], strict=True):
            made.videos.append(video | {"index": clip.index})
        errors |= {clips[int(number)].index: from_event(error) for number, error in done["errors"].items()}
    made.videos.sort(key=lambda video: int(video["index"]))
    for index in sorted(errors):
        report.warning(f"A video is left out: {errors[index].message}")
    if errors and photos + made.frames < FEWEST_PHOTOS:
        raise errors[min(errors)]
    made.seconds = round(time.monotonic() - started, 2)
    return made
