"""A job that is cancelled, in whichever stage: nothing is left of it, and its webhook hears of it once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.jobs import local_job, slow, stand_in
from support.s3 import Store
from support.servers import RawServer
from support.stopping import A_LAST_WORD_S, UNDER_WAY_S, HangsOnce, cancel_when, left_something, reaching, started
from support.traces import Traces
from support.waiting import PATIENCE_S

import handler
from splatworker.pipeline import transfers
from splatworker.stages import ending
from splatworker.worker.session import WorkerSettings

EVERY_STAGE = ["sfm", "train", "upload", "warm", "warm-export", *slow("fetch", "photos", "probe", "export", "notify")]


@pytest.mark.parametrize("stage", EVERY_STAGE)
def test_cancel_in_each_stage(
    stage: str, job: dict[str, Any], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    # Whoever waited for that, rather than for the supervisor that obeys, would not come back in time.
    monkeypatch.setattr(ending, "KILL_GRACE_S", 2 * PATIENCE_S)
    event, faults = reaching(stage, job, tmp_path)

    async def scene() -> None:
        await cancel_when(
            lambda: left_something(traces),
            asyncio.create_task(handler.handler(event, WorkerSettings(local=True, command=stand_in(*faults)))),
        )

    asyncio.run(scene())
    assert traces.processes() == []
    assert traces.workspaces() == []


def test_an_upload_that_hangs_is_cancelled_at_once(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")

    async def scene(server: RawServer) -> None:
        task = asyncio.create_task(
            handler.handler(local_job(photos, server.url("/k")), WorkerSettings(local=True, command=stand_in()))
        )
        await cancel_when(lambda: server.connections, task)

    monkeypatch.setattr(ending, "KILL_GRACE_S", 2 * PATIENCE_S)
    with RawServer(lambda connection, number: server.stopping.wait(2 * PATIENCE_S)) as server:
        asyncio.run(scene(server))


def test_a_cancelled_job_says_so_to_its_webhook(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")

    async def scene(store: Store) -> None:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url(), project_id="p")
        task = asyncio.create_task(handler.handler(event, WorkerSettings(local=True, command=stand_in("sfm=hang"))))
        await cancel_when(lambda: started(traces, "sfm"), task)

    monkeypatch.setattr(transfers, "LAST_WORD_SECONDS", A_LAST_WORD_S)
    with Store() as store:
        asyncio.run(scene(store))
    ((_, message),) = store.hooks
    assert (message["status"], message["code"], message["project_id"]) == ("failed", "cancelled", "p")


def test_a_job_cancelled_while_its_webhook_hears_of_the_end_is_told_again(
    photos: list[Path], traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    receiver = HangsOnce()

    async def scene(store: Store) -> None:
        event = local_job(photos, tmp_path / "a.ply", webhook_url=store.hook_url())
        task = asyncio.create_task(handler.handler(event, WorkerSettings(local=True, command=stand_in())))
        await cancel_when(lambda: bool(receiver.told), task)
        receiver.gone.set()

    monkeypatch.setattr(transfers, "LAST_WORD_SECONDS", A_LAST_WORD_S)
    monkeypatch.setattr(transfers, "UNDER_WAY_SECONDS", UNDER_WAY_S)
    with Store() as store:
        store.intercept = receiver
        asyncio.run(scene(store))
        assert store.statuses() == ["completed"]
    assert len(receiver.told) == 2
    assert len(set(receiver.told)) == 1
