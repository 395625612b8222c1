"""Which jobs are the same; what becomes of one that comes twice is in tests/faults/test_same_id.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from splatworker.worker.deduplicate_jobs import REMEMBERED, deduplicate_jobs, key_of


def counted() -> Any:
    done = []

    async def work(event: dict[str, Any]) -> dict[str, Any]:
        done.append(event["input"])
        await asyncio.sleep(0.01)
        return {"status": "success", "project_id": event["input"]["project_id"]}

    return deduplicate_jobs(work), done


ALICE: dict[str, Any] = {
    "id": "job-1",
    "input": {"project_id": "alice", "upload_url": "https://store.example/alice", "n": [1, 2]},
}


@pytest.mark.parametrize(
    "change",
    [{"project_id": "bob"}, {"upload_url": "https://store.example/bob"}, {"n": [2, 1]}, {"n": [1, 2.0]},
     {"n": [True, 2]}, {"more": None}],
)  # fmt: skip
def test_a_job_with_anothers_id_is_another_job(change: dict[str, Any]) -> None:
    answer, done = counted()
    other = {"id": "job-1", "input": ALICE["input"] | change}

    async def scene() -> Any:
        await answer(ALICE)
        await answer(other)
        await asyncio.gather(
            answer(other), answer(ALICE), answer(ALICE | {"id": "job-2"}), answer(other | {"id": "job-2"})
        )

    asyncio.run(scene())
    assert len(done) == 4


def test_the_same_job_in_another_order_is_the_same() -> None:
    answer, done = counted()
    again = {"input": dict(reversed(ALICE["input"].items())), "id": "job-1"}

    async def scene() -> Any:
        return [await answer(ALICE), await answer(again)]

    first, second = asyncio.run(scene())
    assert first == second
    assert len(done) == 1


@pytest.mark.parametrize("event", [{}, {"id": ""}, {"id": 7}, {"id": None}, {"id": "a", "input": {1, 2}}])
def test_what_no_queue_has_sent_is_never_the_same(event: dict[str, Any]) -> None:
    assert key_of(event) is None


def test_only_so_many_jobs_are_remembered() -> None:
    answer, done = counted()
    jobs = [{"id": str(number), "input": {"project_id": str(number)}} for number in range(REMEMBERED + 1)]

    async def scene() -> Any:
        for job in (*jobs, jobs[-1], jobs[0]):
            await answer(job)

    asyncio.run(scene())
    assert len(done) == REMEMBERED + 2  # the first one again, the last one not
