"""Who has sent a job, and how SIGTERM comes to it; what they are sent is in faults/ (test_cancel, test_signals)."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from splatworker.worker import session
from splatworker.worker.session import JobSession, WorkerSettings


def test_a_handler_that_replaced_ours_stays() -> None:
    async def scene() -> None:
        with session.sigterm_cancels_this_task():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    before = signal.getsignal(signal.SIGTERM)
    try:
        asyncio.run(scene())
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_job_without_an_id_has_one_of_its_own() -> None:
    first, second = (JobSession({"input": {}}, WorkerSettings()).job_id for _ in range(2))
    assert first != second
    assert JobSession({"id": "a" * 999, "input": {}}, WorkerSettings()).job_id == "a" * 256


def test_a_second_sigterm_handler_is_there_only_while_a_job_runs() -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def scene() -> Any:
        with session.sigterm_cancels_this_task() as shutdown:
            assert signal.getsignal(signal.SIGTERM) != before
            return shutdown.asked

    assert asyncio.run(scene()) is False
    assert signal.getsignal(signal.SIGTERM) == before
