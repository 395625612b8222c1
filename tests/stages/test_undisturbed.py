"""What must not be left half-done is done, however often it is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from splatworker.stages.undisturbed import undisturbed


def test_undisturbed_work_is_done_and_the_cancel_comes_after_it() -> None:
    async def scene() -> None:
        entered, done = asyncio.Event(), []

        async def work() -> None:
            entered.set()
            for _ in range(5):
                await asyncio.sleep(0)
            done.append(1)

        task = asyncio.create_task(undisturbed(work()))
        await entered.wait()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == [1]

    asyncio.run(scene())


def test_what_the_work_comes_to_comes_out() -> None:
    async def seven() -> int:
        return 7

    async def fails() -> None:
        raise ValueError("no")

    assert asyncio.run(undisturbed(seven())) == 7
    with pytest.raises(ValueError, match="no"):
        asyncio.run(undisturbed(fails()))
