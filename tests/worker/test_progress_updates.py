"""News of a job on its way: the newest, one at a time, and none after the end."""

from __future__ import annotations

import asyncio

from splatworker.worker.progress_updates import ProgressUpdates


def test_only_the_newest_is_sent_and_none_that_says_less() -> None:
    sent = []

    async def scene() -> None:
        arrived = asyncio.Event()

        async def send(percent: float | None, stage: str, step: str) -> None:
            sent.append((percent, stage, step))
            arrived.set()

        updates = ProgressUpdates(send, pause_s=0.0)
        for percent in (1.0, 2.0, 30.0):
            updates.update(percent, "sfm", "matching")
        await arrived.wait()
        arrived.clear()
        updates.update(30.4, "sfm", "matching")  # the same percent
        await asyncio.sleep(0)
        updates.update(40.0, "train", "")
        await arrived.wait()
        await updates.close()
        updates.update(50.0, "train", "")
        await asyncio.sleep(0)

    asyncio.run(scene())
    assert sent == [(30.0, "sfm", "matching"), (40.0, "train", "")]


def test_an_update_under_way_arrives_before_the_end() -> None:
    arrived = []

    async def scene() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def send(percent: float | None, stage: str, step: str) -> None:
            begun.set()
            await go_on.wait()
            arrived.append(percent)

        updates = ProgressUpdates(send, pause_s=0.0)
        updates.update(10.0, "sfm", "")
        await begun.wait()
        closing = asyncio.create_task(updates.close())
        await asyncio.sleep(0)
        assert not closing.done()
        go_on.set()
        await closing

    asyncio.run(scene())
    assert arrived == [10.0]


def test_an_update_that_cannot_be_sent_is_no_matter() -> None:
    tried = []

    async def scene() -> None:
        both = asyncio.Event()

        async def send(percent: float | None, stage: str, step: str) -> None:
            tried.append(percent)
            if len(tried) == 2:
                both.set()
            raise OSError("no network")

        updates = ProgressUpdates(send, pause_s=0.0)
        updates.update(10.0, "sfm", "")
        while not tried:
            await asyncio.sleep(0)
        updates.update(20.0, "sfm", "")
        await both.wait()
        await updates.close()

    asyncio.run(scene())
    assert tried == [10.0, 20.0]
