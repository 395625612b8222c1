"""The queue hands a job out more than once: it is done once, by its id."""

from __future__ import annotations

import asyncio
from typing import Any

from support.jobs import stand_in
from support.traces import Traces

import handler
from splatworker.worker import deduplicate_jobs
from splatworker.worker.session import WorkerSettings


def count_work(job: dict[str, Any], *faults: str) -> Any:
    """A handler that does a job once, and how often it really worked."""
    worked = []

    async def work(event: dict[str, Any]) -> dict[str, Any]:
        worked.append(event["id"])
        return await handler.handler(event, WorkerSettings(local=True, command=stand_in(*faults)))

    return deduplicate_jobs.deduplicate_jobs(work), worked


def test_the_same_id_twice_in_a_row(job: dict[str, Any]) -> None:
    answer, worked = count_work(job)

    async def scene() -> Any:
        first = await answer(job)
        first.pop("message")  # as the SDK takes keys away
        return await answer(job)

    assert asyncio.run(scene())["message"]
    assert worked == ["job-1"]


def test_the_same_id_twice_at_once(job: dict[str, Any]) -> None:
    answer, worked = count_work(job)

    async def scene() -> Any:
        return await asyncio.gather(answer(job), answer(job))

    first, second = asyncio.run(scene())
    assert first == second
    assert worked == ["job-1"]


def test_the_same_id_after_a_failure_is_another_try(job: dict[str, Any]) -> None:
    answer, worked = count_work(job, "sfm=no-reconstruction")

    async def scene() -> Any:
        return [await answer(job), await answer(job)]

    assert [result["code"] for result in asyncio.run(scene())] == ["no_reconstruction"] * 2
    assert len(worked) == 2


def test_the_second_of_two_takes_over_when_the_first_is_cancelled(job: dict[str, Any], traces: Traces) -> None:
    async def scene() -> Any:
        entered = asyncio.Event()

        async def work(event: dict[str, Any]) -> dict[str, Any]:
            if not entered.is_set():
                entered.set()
                await asyncio.sleep(3600)
            return {"status": "success"}

        answer = deduplicate_jobs.deduplicate_jobs(work)
        first = asyncio.ensure_future(answer(job))
        await entered.wait()
        second = asyncio.ensure_future(answer(job))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(scene()) == {"status": "success"}
