"""One job's session: who has sent it, and what they are told, whatever becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import uuid4

from splatworker.contract.job import Job, caller_fields, read_input
from splatworker.deliver import messages
from splatworker.errors import InvalidJob
from splatworker.network.url_rules import check_url
from splatworker.pipeline import transfers
from splatworker.pipeline.run import FRAMES_WEIGHT, WEIGHTS, weights_of
from splatworker.stages.process import STAGE_COMMAND, StageRunner
from splatworker.stages.progress import Overall, Sink
from splatworker.stages.structured_log import structlog
from splatworker.worker.deduplicate_jobs import key_of
from splatworker.worker.progress_updates import ProgressUpdates

WEBHOOK_PAUSE_S = 5.0
"""Seconds between two `processing` webhooks."""

PROCESSING_SECONDS = 5.0
"""The longest that one may take."""

TELL_CANCELLED = "SPLATWORKER_TELL_CANCELLED"
"""The variable by which an operator has nothing sent of a job that the platform has stopped: `0`. For senders who pay
back where they cancel a job, and again where they hear that it has failed."""

DELIVERED_REMEMBERED = 1024
"""How many last messages are remembered, so that none is sent again once its receiver has said that it has it."""

_delivered: OrderedDict[tuple[str | None, str], None] = OrderedDict()
"""The last messages that were answered with success, by job and the message's id: of all jobs of this worker."""

FETCH_WEIGHT = 0.04
ALL_WEIGHTS = {"fetch": FETCH_WEIGHT, **WEIGHTS}

Platform = Callable[[dict[str, Any], dict[str, Any]], Awaitable[None]]
"""Sends (event, news) to the platform, and comes back when it has arrived."""


@dataclass(frozen=True)
class WorkerSettings:
    """Where a job comes from, and how its stages are started.

    Attributes:
        local: paths may stand for URLs: a job file on a command line.
        sinks: who else wants to hear of the progress.
        platform: hears of the progress, too.
        command: what starts a stage; tests give another.
        gpu_required: a machine that was rented for its GPU: a job fails there when the GPU is gone.
    """

    local: bool = False
    sinks: Sequence[Sink] = ()
    platform: Platform | None = None
    command: Sequence[str] = STAGE_COMMAND
    gpu_required: bool = False


class JobSession:
    """One job's caller, and everything that is sent to them."""

    def __init__(self, event: dict[str, Any], settings: WorkerSettings) -> None:
        self.input = read_input(event)
        self.job_id = str(event.get("id") or f"local-{uuid4().hex}")[:256]
        self.project_id, self._webhook_url, self._secret = caller_fields(self.input)
        self._event = event
        self._settings = settings
        self._updates: list[ProgressUpdates] = []
        self._last_message: asyncio.Future[str | None] | None = None
        self.report = Overall(settings.sinks, ALL_WEIGHTS)
        self.log = structlog.get_logger().bind(job=self.job_id)

    @property
    def tells_of_a_cancel(self) -> bool:
        """Whether the webhook hears that the platform has stopped the job."""
        return os.environ.get(TELL_CANCELLED, "1") != "0"

    def open(self, job: Job, workspace: Path) -> None:
        """Begin to tell the progress of a job that has been found valid: now its sender may be told."""
        self.report.weights = _weights(job)
        if (platform := self._settings.platform) is not None:

            async def to_platform(percent: float, stage: str, step: str) -> None:
                await platform(self._event, {"progress": int(percent), "stage": stage, "step": step})

            self._updates.append(ProgressUpdates(to_platform))
        if job.webhook_progress and (url := job.webhook_url) is not None:

            async def to_webhook(percent: float, stage: str, step: str) -> None:
                message = messages.processing(self.job_id, self.project_id, percent, stage)
                await self._notify(url, message, workspace, seconds=PROCESSING_SECONDS, tries=1)

            self._updates.append(ProgressUpdates(to_webhook, WEBHOOK_PAUSE_S))
        self.report.sinks.extend(self._updates)

    async def close(self, *, in_a_hurry: bool = False) -> None:
        """Tell no more progress, and wait for what is under way: the answer must come last."""
        await asyncio.gather(*(updates.close(in_a_hurry=in_a_hurry) for updates in self._updates))
        self._updates.clear()

    async def tell(
        self, answer: dict[str, Any], workspace: Path, *, deadline: float | None = None, in_a_hurry: bool = False
    ) -> None:
        """Send the job's end to its webhook; what goes wrong with that becomes a warning in the answer.

        Args:
            deadline: `time.monotonic()` at which the job should have ended; its end is told a little after, if need be.
            in_a_hurry: one quick try, for a worker that has to go.
        """
        await self.close(in_a_hurry=in_a_hurry)
        if self._webhook_url is None:
            return
        if answer["status"] == "success":
            message = messages.completed(self.job_id, self.project_id, answer["model_url"], answer["file_size"])
        else:
            message = messages.failed(self.job_id, self.project_id, answer["error"], answer["code"])
        try:
            check_url(self._webhook_url, "webhook_url")
        except InvalidJob:
            return
        message_key = (key_of(self._event), messages.message_id(message))
        if await self._was_delivered() or message_key in _delivered:
            return  # a receiver that pays back for every message must not get one twice
        seconds = transfers.LAST_WORD_SECONDS if in_a_hurry else transfers.webhook_seconds(deadline)
        tries = 1 if in_a_hurry else None
        self._last_message = asyncio.ensure_future(
            self._notify(self._webhook_url, message, workspace, seconds=seconds, tries=tries)
        )
        self._last_message.add_done_callback(lambda sent: _remember(message_key, sent))
        trouble = await asyncio.shield(self._last_message)
        if trouble is not None:
            answer.setdefault("warnings", []).append(trouble)
            self.log.warning("webhook not delivered", reason=trouble)

    async def _was_delivered(self) -> bool:
        """Whether a last message that was under way when the job was stopped has been answered with success.

        It is given a moment for that: to send it again at once could be to send it twice.
        """
        sending, self._last_message = self._last_message, None
        if sending is None:
            return False
        await asyncio.wait([sending], timeout=transfers.UNDER_WAY_SECONDS)
        sending.cancel()
        (outcome,) = await asyncio.gather(sending, return_exceptions=True)
        return outcome is None

    async def _notify(
        self, url: str, message: dict[str, Any], workspace: Path, *, seconds: float, tries: int | None
    ) -> str | None:
        secret = self._secret if self._secret is not None and messages.is_secret(self._secret) else None
        return await transfers.notify(
            url, message, secret, StageRunner(workspace, self._settings.command), seconds=seconds, tries=tries
        )


def _remember(message_key: tuple[str | None, str], sent: asyncio.Future[str | None]) -> None:
    if message_key[0] is None or sent.cancelled() or sent.exception() is not None or sent.result() is not None:
        return
    _delivered[message_key] = None
    while len(_delivered) > DELIVERED_REMEMBERED:
        _delivered.popitem(last=False)


def _weights(job: Job) -> dict[str, float]:
    """The stages that a job will go through, with their shares of the time."""
    weights = {stage: weight for stage, weight in weights_of(job.subject).items() if stage != "export" or job.outputs}
    if job.videos:
        return {"fetch": 2 * FETCH_WEIGHT, "frames": FRAMES_WEIGHT, **weights}
    return {"fetch": FETCH_WEIGHT, **weights}


class Shutdown:
    """Whether SIGTERM has come."""

    def __init__(self) -> None:
        self.asked = False


class _Sigterm:
    """One handler for all jobs that run in this process: put in place with the first, and taken away with the last."""

    def __init__(self) -> None:
        self._before: Any = None
        self._running: dict[asyncio.Task[Any], tuple[asyncio.AbstractEventLoop, Shutdown]] = {}

    def add(self, task: asyncio.Task[Any], shutdown: Shutdown) -> None:
        """Let SIGTERM cancel this task, too.

        Call in the main thread, which alone may say what a signal does.
        """
        if not self._running:
            self._before = signal.signal(signal.SIGTERM, self._stop)
        self._running[task] = (asyncio.get_running_loop(), shutdown)

    def remove(self, task: asyncio.Task[Any]) -> None:
        """The task has ended."""
        del self._running[task]
        if not self._running and signal.getsignal(signal.SIGTERM) == self._stop:  # unless somebody has replaced it
            signal.signal(signal.SIGTERM, self._before)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        for task, (loop, shutdown) in list(self._running.items()):
            shutdown.asked = True
            loop.call_soon_threadsafe(task.cancel)
        if callable(self._before):
            self._before(signum, frame)


_sigterm = _Sigterm()


@contextlib.contextmanager
def sigterm_cancels_this_task() -> Iterator[Shutdown]:
    """While inside, SIGTERM cancels the running task, besides what it did before any job ran.

    The platform's SDK takes SIGTERM as "no more jobs" and waits for the running one without limit; the machine goes
    away long before.
    """
    shutdown = Shutdown()
    task = asyncio.current_task()
    assert task is not None
    if threading.current_thread() is not threading.main_thread():
        yield shutdown  # as under the SDK's local API: signals are its business there
        return
    _sigterm.add(task, shutdown)
    try:
        yield shutdown
    finally:
        _sigterm.remove(task)
