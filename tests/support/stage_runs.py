"""A stage of a few lines of Python, run as the worker runs its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from splatworker.stages import process
from splatworker.stages.progress import Reporter, Silent


async def start(folder: Path, code: str, stage: str = "photos", report: Reporter | None = None) -> asyncio.Task[Any]:
    command = [sys.executable, "-c", code]
    return asyncio.create_task(process.run_command(stage, command, workspace=folder, report=report or Silent()))


def run(folder: Path, code: str, stage: str = "photos", report: Reporter | None = None) -> dict[str, Any]:
    async def scene() -> dict[str, Any]:
        result: dict[str, Any] = await (await start(folder, code, stage, report))
        return result

    return asyncio.run(scene())
