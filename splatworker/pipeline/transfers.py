"""Fetch, upload and notify: the stages that talk to the network, as the worker starts them.

The child's side is `commands.network`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from splatworker.contract.job import Job, Recipe
from splatworker.errors import SplatError, from_event
from splatworker.machine import operator_limits
from splatworker.network import url_rules
from splatworker.pipeline import videos
from splatworker.pipeline.deadlines import stage_deadline
from splatworker.pipeline.records import Arrival, Photos
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall, Silent
from splatworker.stages.workspace import check_room

WEBHOOK_SECONDS = operator_limits.value("SPLATWORKER_WEBHOOK_S")
"""The longest that a job's end is held up by a webhook, all tries together."""

LEAST_WEBHOOK_SECONDS = 15.0
"""... and the time that it has in any case, also when the job's is used up."""

UPLOAD_SECONDS = operator_limits.value("SPLATWORKER_UPLOAD_S") + 60.0
"""The longest that an upload may take, all tries together."""

LAST_WORD_SECONDS = 5.0
"""The longest that a webhook may take when the worker must stop: one try, and the start of the process that does it."""

UNDER_WAY_SECONDS = 3.0
"""... and what a message that is under way by then may take to be answered, before it is sent once more."""


def fetch(
    urls: Sequence[str],
    runner: StageRunner,
    report: Overall,
    *,
    local: bool,
    masks: Sequence[str | None] = (),
    video_urls: Sequence[str] = (),
    recipe: Recipe | None = None,
) -> Arrival:
    """The photos of a job, on their way to `incoming/`, frames of its videos, and masks, to `incoming-masks/`.

    Args:
        recipe: how frames are chosen; needed where there are videos.
    """
    folder = runner.workspace / "incoming"
    masks_folder = runner.workspace / "incoming-masks" if any(masks) else None
    wanted: dict[str, Any] = {"urls": [_absolute(url, local=local) for url in urls], "folder": str(folder)}
    if masks_folder is not None:
        wanted["masks"] = [url and _absolute(url, local=local) for url in masks]
        wanted["masks_folder"] = str(masks_folder)
    targets = [] if local or not isinstance(recipe, Job) else [recipe.upload_url, *recipe.outputs.values()]
    wanted["targets"] = targets  # looked at before anything is fetched: whether they lead into our own network
    if recipe is not None and not video_urls:
        videos.warn_without(recipe, report)
    if not video_urls or recipe is None:
        return Arrival(folder, _fetched(wanted, folder, runner, report, local=local), masks_folder)
    wanted_clips = {"urls": [_absolute(url, local=local) for url in video_urls], "targets": targets, "local": local}
    frames = _with_frames(wanted, urls, video_urls, wanted_clips, folder, recipe, runner, report)
    return Arrival(folder, frames, masks_folder)


async def _with_frames(
    wanted: dict[str, Any],
    urls: Sequence[str],
    video_urls: Sequence[str],
    wanted_clips: dict[str, Any],
    folder: Path,
    recipe: Recipe,
    runner: StageRunner,
    report: Overall,
) -> Photos:
    """Photos and videos, fetched side by side, videos read as they come; then the frames, which are numbered after all
    URLs.
    """
    started, seconds = time.monotonic(), 0.0
    place = runner.workspace / "videos"
    local = wanted_clips["local"]
    fetched = Photos(folder)
    tasks: list[asyncio.Future[Any]] = []

    async def all_arrived() -> videos.Known:
        # Made here, not by the caller: a job that ends before this begins would leave it behind, never waited for.
        nonlocal fetched, seconds
        clips = runner.run(
            "fetch-videos",
            report=report.stage("fetch"),
            deadline=stage_deadline("fetch", runner.deadline),
            request=wanted_clips | {"folder": str(place)},
        )
        photos = _fetched(wanted, folder, runner, report, local=local) if urls else _none(folder)
        tasks.extend(asyncio.ensure_future(task) for task in (clips, photos))
        arrived, fetched = await asyncio.gather(*tasks)
        seconds = round(time.monotonic() - started, 2)
        names = {number: _shown(url) for number, url in enumerate(video_urls)}
        files = ((int(number), name) for number, name in arrived["files"].items())
        return videos.Known(
            [videos.Clip(place / name, number, names[number]) for number, name in files],
            {int(number): (names[int(number)], from_event(error)) for number, error in arrived["errors"].items()},
            len(fetched.index),
        )

    try:
        made = await videos.take_frames_of_arriving(all_arrived, place, folder, recipe, runner, report)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    chosen = [photo["file"] for video in made.videos for photo in video.get("chosen", ())]
    index = {**fetched.index, **{name: len(urls) + number for number, name in enumerate(chosen)}}
    return Photos(folder, index, fetched.lost, seconds, made.videos, made.seconds)


async def _none(folder: Path) -> Photos:
    """No photos: none are fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    return Photos(folder)


def _shown(url: str) -> str:
    """What a video is called to whoever sent its URL: the last part of the path, without a key."""
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1], errors="replace")[-64:] or "video"


async def _fetched(
    wanted: dict[str, Any], folder: Path, runner: StageRunner, report: Overall, *, local: bool
) -> Photos:
    check_room(runner.workspace, "fetch", 0)
    started = time.monotonic()
    fetched = await runner.run(
        "fetch",
        report=report.stage("fetch"),
        deadline=stage_deadline("fetch", runner.deadline),
        request=wanted | {"local": local},
    )
    index = {name: int(number) for number, name in fetched["files"].items()}
    return Photos(folder, index, fetched["rejected"], round(time.monotonic() - started, 2))


def webhook_seconds(deadline: float | None) -> float:
    """How long telling a job's end may take: what is left of the job's time."""
    if deadline is None:
        return WEBHOOK_SECONDS
    return min(WEBHOOK_SECONDS, max(LEAST_WEBHOOK_SECONDS, deadline - time.monotonic()))


async def upload(
    path: Path,
    url: str,
    runner: StageRunner,
    report: Overall,
    *,
    local: bool,
    content_type: str | None = None,
) -> int:
    """Hand a file over, as of a type where one is given; the bytes it has.

    Needs next to no room, and is not refused for want of it: what the job was for is there.
    """
    longest = time.monotonic() + UPLOAD_SECONDS
    uploaded = await runner.run(
        "upload",
        report=report.stage("deliver"),
        deadline=longest if runner.deadline is None else min(longest, runner.deadline),
        request={
            "path": str(path),
            "url": _absolute(url, local=local),
            "local": local,
            "content_type": content_type,
        },
    )
    size: int = uploaded["file_size"]
    return size


async def notify(
    url: str,
    message: dict[str, Any],
    secret: str | None,
    runner: StageRunner,
    *,
    seconds: float = WEBHOOK_SECONDS,
    tries: int | None = None,
) -> str | None:
    """Tell a webhook; None, or why it could not be told."""
    try:
        await runner.run(
            "notify",
            report=Silent(),
            deadline=time.monotonic() + seconds,
            request={"url": url, "message": message, "secret": secret, "tries": tries},
        )
    except SplatError as error:
        return error.message
    except OSError as error:  # no room for its log, or for one more process: no reason to fail the job
        return f"The webhook could not be notified: {error.strerror or error}."
    return None


def _absolute(url: str, *, local: bool) -> str:
    """A local path from where the caller stands: a child's working directory is another."""
    path = url_rules.local_path(url) if local else None
    return url if path is None else str(path.absolute())
