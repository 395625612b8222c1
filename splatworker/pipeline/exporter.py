"""The process that makes the outputs: where the splat is trained on a GPU, it is started ahead.

Loading torch and opening the GPU take seconds, as long as making all the outputs. The libraries are loaded when the
training begins: not before, when COLMAP wants every processor. The GPU is opened when the trainer has left it, while
the splat is uploaded, and nothing is made until then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from splatworker.stages.process import StageRunner, out_of_time, run_command
from splatworker.stages.progress import Overall
from splatworker.stages.undisturbed import undisturbed


class Exporter:
    """Runs the stage `export` once; nothing of it is left when its `async with` block ends.

    Args:
        names: the outputs that will be wanted; without any, nothing is started.
        runner, report: start it, and hear of it.
    """

    def __init__(self, names: Sequence[str], runner: StageRunner, report: Overall) -> None:
        self.names = names
        self.runner = runner
        self.report = report
        self._messages = asyncio.Queue[dict[str, Any]]()
        self._ahead: asyncio.Task[dict[str, Any]] | None = None

    async def __aenter__(self) -> Exporter:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
            await undisturbed(self._gone(self._ahead))

    @staticmethod
    async def _gone(task: asyncio.Task[dict[str, Any]]) -> None:
        await asyncio.gather(task, return_exceptions=True)

    def warm_up(self) -> None:
        """Start the process: it loads what it needs, and waits."""
        if self.names and self._ahead is None:
            self._ahead = asyncio.create_task(
                run_command(
                    "export",
                    [*self.runner.command, "warm", "export", "--json"],
                    workspace=self.runner.workspace,
                    report=self.report.stage("export"),
                    request=self._tell(),
                )
            )

    def open_gpu(self) -> None:
        """Let a process that waits open the GPU: nobody else needs it any more."""
        self._messages.put_nowait({"gpu": "free"})

    async def run(self, arguments: Sequence[str | Path], deadline: float) -> dict[str, Any]:
        """Make the outputs; as `StageRunner.run`. A process that died while it waited is replaced."""
        if self._ahead is None or self._ahead.done():
            return await self.runner.run("export", arguments, report=self.report.stage("export"), deadline=deadline)
        self._messages.put_nowait({"arguments": [str(argument) for argument in arguments]})
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await self._ahead
        except TimeoutError:
            raise out_of_time("export") from None

    async def _tell(self) -> AsyncIterator[dict[str, Any]]:
        """What the process is told: in the end its arguments."""
        while True:
            message = await self._messages.get()
            yield message
            if "arguments" in message:
                return
