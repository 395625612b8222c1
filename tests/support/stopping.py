"""Jobs that are stopped: by whoever awaits them, and in a worker of their own by a signal."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.jobs import stand_in
from support.traces import Traces
from support.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]

A_LAST_WORD_S = 60.0
"""Seconds for the webhook of a job that is cancelled: its process takes some to start where much else is to do."""

UNDER_WAY_S = 0.5
"""And for one that was sent before, and that nobody answers."""


def started(traces: Traces, stage: str) -> bool:
    return any(f"-- {stage}" in line or f" {stage} " in line for line in traces.processes())


def left_something(traces: Traces) -> bool:
    """Whether a stage's own process, which sleeps, has been started."""
    return any("time.sleep" in line for line in traces.processes())


def exporting_ahead(traces: Traces) -> bool:
    return any("-- warm export" in line for line in traces.processes())


async def cancel_when(condition: Callable[[], object], task: asyncio.Task[Any]) -> None:
    """Cancel a task when the condition holds, and wait for its end."""
    while not condition():
        assert not task.done(), task.result()
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(PATIENCE_S):  # what hangs here does so for an hour
            await task


def reaching(stage: str, job: dict[str, Any], tmp_path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A job that comes to this stage, and the faults that it takes to hang there with a process of its own left."""
    more = {
        "export": {"outputs": {"splat": str(tmp_path / "a.splat")}},
        "warm-export": {"outputs": {"splat": str(tmp_path / "a.splat")}},
        "notify": {"webhook_url": "http://127.0.0.1:9/"},
    }.get(stage, {})
    gpu = {"warm": ["gpu=yes"], "warm-export": ["gpu=yes", "train=hang"]}.get(stage, [])
    return {**job, "input": job["input"] | more}, (*gpu, f"{stage}=grandchild-and-hang")


class HangsOnce:
    """A receiver of webhooks that leaves the first message without an answer, as `Store.intercept`.

    Attributes:
        told: the ids of all messages.
        gone: to be set once whoever sent the first one has gone: it is never answered, and never counts.
    """

    def __init__(self) -> None:
        self.told: list[str] = []
        self.gone = threading.Event()

    def __call__(self, request: BaseHTTPRequestHandler, body: bytes) -> bool:
        self.told.append(request.headers["webhook-id"])
        if first := len(self.told) == 1:
            self.gone.wait(PATIENCE_S)
        return first


WORKER = """
import asyncio, json, signal, sys
import handler
from splatworker.pipeline import transfers
from splatworker.worker.session import WorkerSettings
signal.signal(signal.SIGTERM, lambda *_: None)  # as the platform's SDK has it: before a job and after it, too
event, command, transfers.LAST_WORD_SECONDS, transfers.UNDER_WAY_SECONDS = map(json.loads, sys.argv[1:])
print(json.dumps(asyncio.run(handler.handler(event, WorkerSettings(local=True, command=command)))))
"""


def worker(event: dict[str, Any], *faults: str) -> subprocess.Popen[bytes]:
    """A worker in a process of its own, at one job."""
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *map(json.dumps, (event, stand_in(*faults), A_LAST_WORD_S, UNDER_WAY_S))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
