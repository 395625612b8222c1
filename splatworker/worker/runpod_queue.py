"""RunPod: its queue, its progress updates, its fitness checks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from types import ModuleType
from typing import Any

from splatworker.errors import GpuFailed, SplatError
from splatworker.machine import operator_limits
from splatworker.network.authorities import check_authorities
from splatworker.pipeline import fitness
from splatworker.stages.process import STAGE_COMMAND, StageRunner
from splatworker.stages.supervise import hide_memory_and_environment
from splatworker.stages.workspace import private_workspace
from splatworker.worker import logs, platform_sdk, responses
from splatworker.worker.deduplicate_jobs import deduplicate_jobs
from splatworker.worker.public_address import environment_rule
from splatworker.worker.self_test import is_self_test, self_test
from splatworker.worker.session import WorkerSettings

ALLOW_CPU = "SPLATWORKER_ALLOW_CPU"

Handler = Callable[..., Awaitable[dict[str, Any]]]


def serve(handler: Handler, command: Sequence[str] = STAGE_COMMAND) -> None:
    """Take jobs from the endpoint's queue, one at a time, until the platform stops the worker."""
    # Before the first stage, and before the SDK starts processes of its own: the environment has the platform's keys.
    hide_memory_and_environment()
    if logs.on_platform():
        logs.print_whole_lines()
    runpod, unfit = asyncio.run(_load_and_check(command))
    # The SDK's local API has no address for updates.
    updates = send_update if logs.on_platform() else None
    settings = WorkerSettings(platform=updates, command=command, gpu_required=not _cpu_will_do())

    async def answer(event: dict[str, Any]) -> dict[str, Any]:
        if is_self_test(event):
            try:
                return await self_test(event, settings, handler, Path.cwd())
            except SplatError as error:  # there is no room for its splat
                return responses.failure(error, None)
        return await handler(event, settings)

    async def machine_can_do_a_job() -> None:
        if unfit is not None:
            raise unfit

    runpod.serverless.register_fitness_check(machine_can_do_a_job)
    runpod.serverless.start({"handler": deduplicate_jobs(answer)})


async def _load_and_check(command: Sequence[str]) -> tuple[ModuleType, Exception | None]:
    """The SDK, and why this machine can do no job, which the SDK asks of a worker on the platform.

    The import keeps a processor busy for as long as the fitness check waits for its stages: the one goes on beside the
    other.
    """
    sdk = asyncio.to_thread(platform_sdk.imported)
    if not logs.on_platform():
        return await sdk, None
    checking = asyncio.create_task(check_machine(command))
    runpod = await sdk
    (unfit,) = await asyncio.gather(checking, return_exceptions=True)
    return runpod, unfit if isinstance(unfit, Exception) else None


async def send_update(event: dict[str, Any], news: dict[str, Any]) -> None:
    """Tell the platform how far a job is; back when it has arrived.

    Not `runpod.serverless.progress_update`: that sends from a thread of its own that nobody can wait for, and an update
    that overtakes the result replaces it.
    """
    from runpod.http_client import AsyncClientSession  # noqa: PLC0415
    from runpod.serverless.modules.rp_http import send_result  # noqa: PLC0415

    async with AsyncClientSession() as session:
        await send_result(session, {"status": "IN_PROGRESS", "output": news}, event)


def _cpu_will_do() -> bool:
    return os.environ.get(ALLOW_CPU) == "1"


async def check_machine(command: Sequence[str] = STAGE_COMMAND) -> None:
    """The fitness check: memory, disk, driver, CUDA, kernels, COLMAP.

    Raises:
        SplatError: what is missing. The SDK reports it and ends the worker.
    """
    operator_limits.check()
    check_authorities()
    environment_rule()
    gpu_required = not _cpu_will_do()
    with private_workspace() as workspace:
        async with aclosing(fitness.examine(StageRunner(workspace, command), gpu_required=gpu_required)) as findings:
            async for finding in findings:
                if gpu_required and isinstance(finding.error, GpuFailed):
                    finding.error.hint += f" {ALLOW_CPU}=1 works without a GPU."
                if finding.error is not None:
                    raise finding.error
