"""The queue hands a job out more than once: it is done once, by its id."""

from __future__ import annotations

import asyncio

from support.jobs import stand_in

import handler
from splatworker.worker import deduplicate_jobs
from splatworker.worker.session import WorkerSettings


def count_work(job: dict, *faults: str):
    """A handler that does a job once, and how often it really worked."""
    worked = []

    async def work(event):
        worked.append(event["id"])
        return await handler.handler(event, WorkerSettings(local=True, command=stand_in(*faults)))

    return deduplicate_jobs.deduplicate_jobs(work), worked


def test_the_same_id_twice_in_a_row(job):
    answer, worked = count_work(job)

    async def scene():
        first = await answer(job)
        first.pop("message")  # as the SDK takes keys away
        return await answer(job)

    assert asyncio.run(scene())["message"]
    assert worked == ["job-1"]


def test_the_same_id_twice_at_once(job):
    answer, worked = count_work(job)

    async def scene():
        return await asyncio.gather(answer(job), answer(job))

    first, second = asyncio.run(scene())
    assert first == second
    assert worked == ["job-1"]


def test_the_same_id_after_a_failure_is_another_try(job):
    answer, worked = count_work(job, "sfm=no-reconstruction")

    async def scene():
        return [await answer(job), await answer(job)]

    assert [result["code"] for result in asyncio.run(scene())] == ["no_reconstruction"] * 2
    assert len(worked) == 2


def test_the_second_of_two_takes_over_when_the_first_is_cancelled(job, traces):
    async def scene():
        entered = asyncio.Event()

        async def work(event):
            if not entered.is_set():
                entered.set()
                await asyncio.sleep(3600)
            return {"status": "success"}

        answer = deduplicate_jobs.deduplicate_jobs(work)
        first = asyncio.create_task(answer(job))
        await entered.wait()
        second = asyncio.create_task(answer(job))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(scene()) == {"status": "success"}
