"""Photos out of videos, before the photos are decoded: the frames of each go to where photos arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from splatworker.stages.process import StageRunner, out_of_time
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


@dataclass(frozen=True)
class Known:
    """What is known once nothing more arrives.

    Attributes:
        lost: videos that never came, by their numbers: their names and why.
        photos: how many photos there are beside them.
    """

    clips: Sequence[Clip]
    lost: Mapping[int, tuple[str, SplatError]]
    photos: int


async def take_frames(known: Known, folder: Path, recipe: Recipe, runner: StageRunner, report: Overall) -> FromVideos:
    """Choose frames of the clips and put them into a folder that others read photos from.

    A video that cannot be used is a warning, where there is anything else to make a splat of.

    Raises:
        SplatError: the first video's reason, where neither photos nor frames are enough.
    """
    started = time.monotonic()
    done: dict[str, Any] = {}
    if known.clips:
        check_room(runner.workspace, "frames", FRAMES_DISK)
        done = await runner.run(
            "frames",
            [
                *(clip.path for clip in known.clips),
                *_arguments(folder, recipe),
                *(word for clip in known.clips for word in (f"--name={clip.name}",)),
                *("--most", str(_most(known))),
            ],
            report=report.stage("frames"),
            deadline=stage_deadline("frames", runner.deadline),
        )
    return _made(known, done, started, report)


async def take_frames_of_arriving(
    arriving: Callable[[], Awaitable[Known]],
    videos: Path,
    folder: Path,
    recipe: Recipe,
    runner: StageRunner,
    report: Overall,
) -> FromVideos:
    """The same of videos that are on their way into a folder, and are read meanwhile.

    The time that it may take is counted from when all are here, as if it began then.

    Args:
        arriving: waits for all that arrives; called once, after the stage was started.

    Raises:
        SplatError: as `take_frames`, and what `arriving` raised.
    """
    known, started = Known((), {}, 0), time.monotonic()
    try:
        async with asyncio.timeout(None) as limit:

            async def told() -> dict[str, Any] | None:
                nonlocal known, started
                known, started = await arriving(), time.monotonic()
                if not known.clips:
                    return None
                check_room(runner.workspace, "frames", FRAMES_DISK)
                if (end := stage_deadline("frames", runner.deadline)) is not None:
                    limit.reschedule(asyncio.get_running_loop().time() + end - time.monotonic())
                clips = known.clips
                return {
                    "clips": [str(clip.path) for clip in clips],
                    "names": [clip.name for clip in clips],
                    "most": _most(known),
                }

            words = [*_arguments(folder, recipe), "--ahead", videos]
            done = await runner.run("frames", words, report=report.stage("frames"), request=told)
    except TimeoutError:
        raise out_of_time("frames") from None
    return _made(known, done, started, report)


def _arguments(folder: Path, recipe: Recipe) -> list[str | Path]:
    """What the stage is called with, whichever videos there are."""
    return [
        *("-o", folder, "--arriving", "--jobs", str(available_cpus())),
        *("--max-size", str(photo_sizes.decoded(recipe, preview=False))),
        *recipe.video.arguments(),
    ]


def _most(known: Known) -> int:
    """Frames of all videos together."""
    return max(0, most_photos() - known.photos)


def _made(known: Known, done: Mapping[str, Any], started: float, report: Overall) -> FromVideos:
    """What became of videos, by what the stage said of those that arrived."""
    made = FromVideos()
    errors = {index: error for index, (_, error) in known.lost.items()}
    for index, (name, error) in known.lost.items():
        made.videos.append({"index": index, "name": name, "frames": 0, "code": error.code, "reason": error.message})
    for clip, video in zip(known.clips, done.get("videos", ()), strict=True):
        made.videos.append(video | {"index": clip.index})
    errors |= {known.clips[int(number)].index: from_event(error) for number, error in done.get("errors", {}).items()}
    made.videos.sort(key=lambda video: int(video["index"]))
    for index in sorted(errors):
        report.warning(f"A video is left out: {errors[index].message}")
    if errors and known.photos + made.frames < FEWEST_PHOTOS:
        raise errors[min(errors)]
    made.seconds = round(time.monotonic() - started, 2)
    return made
