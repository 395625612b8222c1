"""Whether this machine can do a job: what a worker asks before its first one, and `splatworker doctor` for a person.

Each question is answered in a few words, or with the error that a job would meet. What loads COLMAP or torch, or opens
the GPU, is asked of a stage in a process of its own: a driver that hangs must not hang whoever asks.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass
from typing import Any

from splatworker.errors import OutOfMemory, SplatError
from splatworker.machine.gpu import unusable
from splatworker.machine.limits import available_cpus, available_memory, total_memory
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Silent
from splatworker.stages.workspace import LEAST_DISK, check_room

CHECK_SECONDS = 120.0
"""Of a stage that answers a question."""

FITNESS_DISK = 4 * 2**30 - LEAST_DISK
"""Bytes that a worker's disk must have free, or it takes no job."""

FITNESS_MEMORY = 4 * 2**30
"""Bytes of main memory that must be free."""

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """The answer to one question.

    Attributes:
        name: what was looked at.
        words: what was found.
        error: why no job can be done so; None where it can.
        facts: the same for programs.
    """

    name: str
    words: str
    error: SplatError | None
    facts: dict[str, Any]

    @classmethod
    def failed(cls, name: str, error: SplatError) -> Finding:
        """That no job can be done so."""
        return cls(name, error.message, error, {"code": error.code, "hint": error.hint})


async def examine(runner: StageRunner, *, gpu_required: bool) -> AsyncGenerator[Finding, None]:
    """Everything that a job needs of a machine, from the cheapest question to the dearest.

    Args:
        runner: starts stages, in a workspace on the disk that jobs work on.
        gpu_required: whether a machine without a usable GPU is unfit; else it trains on its processors.
    """
    yield await _finding("memory", _memory())
    yield await _finding("processors", _processors())
    yield await _finding("disk", _disk(runner))
    # COLMAP opens no GPU, and is loaded meanwhile. Those that do take turns: a GPU may be set to serve one process.
    colmap = asyncio.create_task(_finding("COLMAP", _colmap(runner)))
    try:
        yield await _finding("GPU", _gpu(runner, required=gpu_required))
        yield await _finding("kernels", _kernels(runner, required=gpu_required))
        yield await colmap
    finally:  # whoever asked may have heard enough
        colmap.cancel()
        await asyncio.gather(colmap, return_exceptions=True)


async def _finding(name: str, answer: Awaitable[tuple[str, dict[str, Any]]]) -> Finding:
    try:
        words, facts = await answer
    except SplatError as error:
        return Finding.failed(name, error)
    return Finding(name, words, None, facts)


async def ask(stage: str, runner: StageRunner, request: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a stage answers, in a time that no healthy machine needs."""
    end = time.monotonic() + CHECK_SECONDS
    return await runner.run(stage, report=Silent(), deadline=end, request=request)


async def _memory() -> tuple[str, dict[str, Any]]:
    free, total = available_memory(), total_memory()
    if free is not None and free < FITNESS_MEMORY:
        raise OutOfMemory(
            f"Only {free >> 20} MiB of memory are free, and {FITNESS_MEMORY >> 20} are needed.",
            hint="Choose machines with more memory.",
        )
    words = "not known on this system" if free is None else f"{free / GIB:.1f} GiB free"
    return words + (f" of {total / GIB:.1f}" if free and total else ""), {"free_bytes": free, "total_bytes": total}


async def _processors() -> tuple[str, dict[str, Any]]:
    count = available_cpus()
    return f"{count} that a job may use", {"count": count}


async def _disk(runner: StageRunner) -> tuple[str, dict[str, Any]]:
    check_room(runner.workspace, "a job", FITNESS_DISK)
    free = shutil.disk_usage(runner.workspace).free
    where = runner.workspace.parent
    return f"{free / GIB:.1f} GiB free in {where}", {"free_bytes": free, "folder": str(where)}


async def _gpu(runner: StageRunner, *, required: bool) -> tuple[str, dict[str, Any]]:
    found = await ask("probe", runner)
    if not found["gpus"]:
        if required:
            raise unusable(found["code"], f"there is no GPU to work with: {found['reason']}")
        return f"none: {found['reason']}", found
    first = found["gpus"][0]
    others = f", and {len(found['gpus']) - 1} more" if len(found["gpus"]) > 1 else ""
    return (
        f"{first['name']}, {first['memory_bytes'] / GIB:.0f} GiB, compute capability {first['compute_capability']}"
        f"{others}; the driver supports CUDA {found['cuda']}",
        found,
    )


async def _kernels(runner: StageRunner, *, required: bool) -> tuple[str, dict[str, Any]]:
    drawn = await ask("check-kernels", runner)
    if required and drawn["code"]:
        raise unusable(drawn["code"], f"the kernels do not run on the GPU: {drawn['reason']}")
    where = "the processors" if drawn["device"] == "cpu" else "the GPU"
    return f"a test picture was drawn on {where}", drawn


async def _colmap(runner: StageRunner) -> tuple[str, dict[str, Any]]:
    loaded = await ask("check-colmap", runner)
    return str(loaded["version"]), loaded
