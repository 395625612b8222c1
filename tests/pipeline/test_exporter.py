"""The process that makes the outputs: started early or late, and never left behind."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from splatworker.errors import DeadlineExceeded
from splatworker.pipeline.exporter import Exporter
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall

STAGE = """
import json, sys
told = [json.loads(line) for line in sys.stdin] if "warm" in sys.argv else []
print(json.dumps({"event": "result", "result": {"argv": sys.argv[1:], "told": told}}))
"""


def exporter(folder: Path, names: Sequence[str] = ("spz",), code: str = STAGE) -> Exporter:
    return Exporter(names, StageRunner(folder, [sys.executable, "-c", code]), Overall([], {}))


def soon() -> float:
    return time.monotonic() + 300


def test_a_process_that_waits_is_told_of_the_gpu_and_then_what_to_make(tmp_path: Path) -> None:
    async def scene() -> dict[str, Any]:
        async with exporter(tmp_path) as made:
            made.warm_up()
            made.open_gpu()
            return await made.run(["model", tmp_path], soon())

    result = asyncio.run(scene())
    assert result["argv"] == ["warm", "export", "--json"]
    assert result["told"] == [{"gpu": "free"}, {"arguments": ["model", str(tmp_path)]}]


@pytest.mark.parametrize("names", [(), ("spz",)])
def test_without_a_warm_up_the_stage_is_started_when_it_is_needed(tmp_path: Path, names: tuple[str, ...]) -> None:
    async def scene() -> dict[str, Any]:
        async with exporter(tmp_path, names) as made:
            if not names:
                made.warm_up()  # nothing is wanted: nothing is started
            return await made.run(["model"], soon())

    assert asyncio.run(scene())["argv"] == ["export", "model", "--json"]


def test_a_process_that_takes_too_long_is_out_of_time_and_gone(tmp_path: Path) -> None:
    async def scene() -> None:
        async with exporter(tmp_path, code="import time; time.sleep(1000)") as made:
            made.warm_up()
            await asyncio.sleep(0)
            await made.run(["model"], time.monotonic())

    with pytest.raises(DeadlineExceeded, match="'export'"):
        asyncio.run(scene())
