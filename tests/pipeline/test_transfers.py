"""Fetch, upload and notify as the worker starts them."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
import warnings
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support import clips
from support.servers import RawServer, read_request, respond
from support.waiting import PATIENCE_S, wait_until

from splatworker.contract.job import recipe
from splatworker.errors import DeadlineExceeded, UploadFailed
from splatworker.pipeline import transfers, videos
from splatworker.pipeline.records import Photos
from splatworker.stages import supervise
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall


class Recorded(StageRunner):
    """A runner that notes what it is asked for, and comes to what it is given."""

    calls: ClassVar[list[Any]] = []
    outcome: ClassVar[object] = None

    async def run(
        self,
        stage: str,
        arguments: Sequence[object] = (),
        *,
        report: Any,
        deadline: float | None = None,
        request: object = None,
    ) -> Any:
        self.calls.append((stage, request, deadline))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def outcome_of(awaited: Awaitable[Photos]) -> Photos:
    return await awaited


def runner(tmp_path: Path, outcome: object, deadline: float | None = None) -> Any:
    kind = type("Runner", (Recorded,), {"calls": [], "outcome": outcome})
    return kind(tmp_path, deadline=deadline)


def test_photos_keep_their_numbers_and_local_paths_become_absolute(tmp_path: Path) -> None:
    started = runner(tmp_path, {"files": {"1": "a.jpg"}, "rejected": [{"index": 0, "reason": "gone"}]})
    arrival = transfers.fetch(["a.jpg", "https://p.example/b.jpg"], started, Overall([], {}), local=True)
    photos = asyncio.run(outcome_of(arrival.all_arrived))
    assert arrival.folder == photos.folder == tmp_path / "incoming"
    assert photos.index == {"a.jpg": 1}
    assert photos.lost == [{"index": 0, "reason": "gone"}]
    ((stage, request, _),) = started.calls
    assert stage == "fetch"
    assert request["urls"] == [str(Path.cwd() / "a.jpg"), "https://p.example/b.jpg"]


def test_a_job_that_ends_before_anything_is_fetched_leaves_nothing_that_nobody_waits_for(tmp_path: Path) -> None:
    job = recipe({"video": {"frames": 20}})
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        started = runner(tmp_path, {})
        photos, clips = ["https://p.example/a.jpg"], ["https://p.example/b.mp4"]

        async def scene() -> None:
            arrival = transfers.fetch(photos, started, Overall([], {}), local=False, video_urls=clips, recipe=job)
            asyncio.ensure_future(arrival.all_arrived).cancel()

        asyncio.run(scene())
        gc.collect()
    assert [str(warning.message) for warning in warned if "never awaited" in str(warning.message)] == []


class Waits(StageRunner):
    """A runner of a stage that asks for its request, and never ends."""

    async def run(self, stage: str, *_: object, request: Any = None, **more: object) -> Any:
        assert stage == "frames"
        assert await request() is not None
        await asyncio.Event().wait()


def test_the_time_of_reading_videos_counts_from_their_arrival(tmp_path: Path) -> None:
    """Before, that of fetching is what bounds it."""
    over: Any = Waits(tmp_path, deadline=time.monotonic())
    arrived = False

    async def arriving() -> videos.Known:
        nonlocal arrived
        await asyncio.sleep(0)
        arrived = True
        return videos.Known([videos.Clip(tmp_path / "clip.mp4", 0, "clip.mp4")], {}, 0)

    taking = videos.take_frames_of_arriving(arriving, tmp_path, tmp_path, recipe({}), over, Overall([], {}))
    with pytest.raises(DeadlineExceeded, match="'frames'"):
        asyncio.run(outcome_of(taking))  # type: ignore[arg-type]
    assert arrived


def test_a_job_is_cancelled_while_a_video_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fetches it and what reads it end, whatever the server does."""
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 90, 3), (160, 120))).read_bytes()

    def behave(connection: socket.socket, _: int) -> None:
        read_request(connection)
        respond(connection, "200 OK", clip[:5000], length=len(clip))
        server.stopping.wait(PATIENCE_S)

    def is_read() -> bool:
        return any(path.stat().st_nlink > 1 for path in (tmp_path / "videos-arriving").glob("*"))

    async def scene(url: str) -> None:
        job = recipe({})
        arrival = transfers.fetch(
            [], StageRunner(tmp_path), Overall([], {"fetch": 1, "frames": 1}), local=False, video_urls=[url], recipe=job
        )
        task = asyncio.ensure_future(arrival.all_arrived)
        await asyncio.to_thread(wait_until, is_read)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    before = set(supervise.children())
    with RawServer(behave) as server:
        asyncio.run(scene(server.url("/clip.mp4")))
    assert set(supervise.children()) <= before


def test_an_upload_ends_with_the_job_and_by_itself(tmp_path: Path) -> None:
    soon = time.monotonic() + 5
    for deadline in (soon, None):
        started = runner(tmp_path, {"file_size": 9}, deadline)
        sent = transfers.upload(tmp_path / "a", "https://s.example/a", started, Overall([], {}), local=False)
        assert asyncio.run(sent) == 9
        ((stage, request, end),) = started.calls
        assert (stage, request["url"]) == ("upload", "https://s.example/a")
        assert end == soon if deadline else end > soon


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({}, None),
        (UploadFailed("It was refused."), "It was refused."),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_a_webhook_that_cannot_be_sent_is_a_sentence_and_no_error(
    tmp_path: Path, outcome: OSError | UploadFailed | dict[str, Any], said: str | None
) -> None:
    trouble = asyncio.run(transfers.notify("https://h.example", {}, None, runner(tmp_path, outcome)))
    assert trouble is said is None or str(said) in str(trouble)


def test_a_webhook_has_what_is_left_of_the_jobs_time_and_some_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    assert transfers.webhook_seconds(None) == transfers.WEBHOOK_SECONDS
    assert transfers.webhook_seconds(100.0 + 60) == 60
    assert transfers.webhook_seconds(0.0) == transfers.LEAST_WEBHOOK_SECONDS
    assert transfers.webhook_seconds(1e9) == transfers.WEBHOOK_SECONDS
