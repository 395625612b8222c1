"""News of a job on its way, for the platform and the webhook: one at a time, never faster than they can be taken.

The platform takes an update and the final result at the same address and keeps whichever comes last, so the last update
must have arrived before the result is returned (`close`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

SHORTEST_PAUSE_S = 1.0
LAST_UPDATE_S = 5.0
"""How long `close` waits for an update that is under way."""


HURRIED_UPDATE_S = 0.5
"""The same for a worker that has to go."""


class ProgressUpdates:
    """A sink of overall progress that sends it on in the background.

    Args:
        send: delivers (percent, stage, step); its errors do not matter to the job.
        pause_s: seconds between two updates.
    """

    def __init__(self, send: Callable[[float, str, str], Awaitable[None]], pause_s: float = SHORTEST_PAUSE_S) -> None:
        self._send = send
        self._pause_s = pause_s
        self._news: tuple[float, str, str] | None = None
        self._something_new = asyncio.Event()
        self._task = asyncio.create_task(self._forward())
        self._sending = False
        self._closing = False

    def update(self, percent: float, stage: str, step: str) -> None:
        """Remember the newest state; older ones that were not sent yet are forgotten."""
        self._news = (percent, stage, step)
        self._something_new.set()

    def warning(self, message: str) -> None:
        """Warnings stand in the result."""

    async def close(self, *, in_a_hurry: bool = False) -> None:
        """Send nothing more; come back when what was under way has arrived, or has been given up."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HURRIED_UPDATE_S if in_a_hurry else LAST_UPDATE_S):
                while self._sending:
                    await asyncio.sleep(0.02)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _forward(self) -> None:
        last = -1
        while not self._closing:
            await self._something_new.wait()
            self._something_new.clear()
            news, self._news = self._news, None
            if news is None or int(news[0]) <= last:
                continue
            last = int(news[0])
            self._sending = True
            try:
                with contextlib.suppress(Exception):
                    await self._send(*news)
            finally:
                self._sending = False
            await asyncio.sleep(self._pause_s)
