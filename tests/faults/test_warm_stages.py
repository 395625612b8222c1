"""Stages that are started ahead of their turn: when, when not, and that nothing is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.jobs import do, stand_in
from support.stopping import cancel_when, exporting_ahead, reaching, started
from support.traces import Traces

import handler
from splatworker.worker.session import WorkerSettings


def test_the_trainer_warms_up_while_photos_arrive(job: dict[str, Any], traces: Traces) -> None:
    async def scene() -> None:
        setting = WorkerSettings(local=True, command=stand_in("gpu=yes", "fetch=hang"))
        task = asyncio.create_task(handler.handler(job, setting))
        await cancel_when(lambda: started(traces, "fetch") and started(traces, "warm"), task)

    asyncio.run(scene())


def test_the_export_warms_up_while_the_splat_is_trained_and_not_before(
    job: dict[str, Any], traces: Traces, tmp_path: Path
) -> None:
    event, _ = reaching("export", job, tmp_path)

    def begun(task: asyncio.Task[Any]) -> bool:
        assert not exporting_ahead(traces)
        return started(traces, "sfm")

    async def scene(fault: str, condition: Callable[[asyncio.Task[Any]], bool]) -> None:
        setting = WorkerSettings(local=True, command=stand_in("gpu=yes", fault))
        task = asyncio.create_task(handler.handler(event, setting))
        await cancel_when(lambda: condition(task), task)

    asyncio.run(scene("sfm=hang", begun))
    asyncio.run(scene("train=hang", lambda task: exporting_ahead(traces)))
    assert traces.processes() == []


@pytest.mark.parametrize("faults", [("gpu=yes",), ()], ids=["without outputs", "without a GPU"])
def test_there_is_nothing_to_warm_up_for(
    faults: tuple[str, ...], job: dict[str, Any], traces: Traces, tmp_path: Path
) -> None:
    event = job if faults else reaching("export", job, tmp_path)[0]
    answer = do(
        event, *faults, "train=slow:1", "warm-export=segfault", "export=segfault" if faults else "export=slow:0"
    )
    assert answer["status"] == "success"
    assert answer["warnings"] == [warning for warning in answer["warnings"] if "output" not in warning]
    assert ("export" in answer["timings"]) == (not faults)
