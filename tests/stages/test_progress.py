"""Progress never falls, and reaches whoever wants it no faster than it can be taken."""

from __future__ import annotations

import asyncio
import io
import json
import time

import pytest
from support.waiting import PATIENCE_S

from splatworker.stages.console import Console
from splatworker.stages.progress import JsonLines, Overall
from splatworker.worker.progress_updates import ProgressUpdates

WEIGHTS = {"one": 1.0, "two": 3.0}


class Sink:
    def __init__(self) -> None:
        self.percents: list[float] = []
        self.warnings: list[str] = []

    def update(self, percent: float, stage: str, step: str) -> None:
        self.percents.append(percent)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


def test_stages_add_up_by_their_weights() -> None:
    sink = Sink()
    overall = Overall([sink], WEIGHTS)
    overall.stage("one").progress("a", 0.5)
    overall.stage("one").progress("a", 1.0)
    overall.stage("two").progress("b", 0.5)
    overall.stage("two").progress("b", 7.0)
    assert sink.percents == [12.5, 25.0, 62.5, 100.0]


def test_it_never_falls() -> None:
    sink = Sink()
    overall = Overall([sink], WEIGHTS)
    for stage, fraction in [("one", 0.8), ("one", 0.2), ("two", 0.1), ("one", 0.9), ("two", -1.0)]:
        overall.stage(stage).progress("", fraction)
    assert sink.percents == sorted(sink.percents)


def test_a_warning_is_told_once() -> None:
    sink = Sink()
    overall = Overall([sink], WEIGHTS)
    for _ in range(3):
        overall.stage("one").warning("careful")
    assert sink.warnings == overall.warnings == ["careful"]


def test_json_lines_are_sparse_and_rising() -> None:
    stream = io.StringIO()
    lines = JsonLines("sfm", stream)
    for number in range(100_001):
        lines.progress("matching", number / 100_000)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(events) < 600
    assert events[-1]["fraction"] == 1.0


def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Console() as console:
        for number in range(101):
            console.update(number, "sfm", "matching")
        console.warning("careful")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 12
    assert lines[0] == "  0% sfm: matching"
    assert lines[-1] == "Warning: careful"


def test_a_bar_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with Console() as console:
        console.update(10.0, "sfm", "matching")
        time.sleep(0.15)
        console.update(50.0, "train", "training")
    assert "train: training" in terminal.getvalue()
    assert "50%" in terminal.getvalue()


def test_updates_come_one_at_a_time_and_only_the_newest() -> None:
    sent: list[float] = []
    at_once = 0

    async def scene() -> None:
        nonlocal at_once
        on_the_way, arrived = asyncio.Event(), asyncio.Event()

        async def send(percent: float, stage: str, step: str) -> None:
            nonlocal at_once
            at_once += 1
            assert at_once == 1
            on_the_way.set()
            await arrived.wait()
            at_once -= 1
            sent.append(percent)

        updates = ProgressUpdates(send, pause_s=0)
        updates.update(0.0, "sfm", "")
        await on_the_way.wait()
        for percent in range(1, 40):  # while that one is under way: the newest of them alone is told
            updates.update(float(percent), "sfm", "")
            await asyncio.sleep(0)
        arrived.set()
        while len(sent) < 2:
            await asyncio.sleep(0)
        await updates.close()
        before = len(sent)
        updates.update(100.0, "late", "")
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(sent) == before

    asyncio.run(scene())
    assert sent == [0.0, 39.0]


def test_between_two_updates_is_a_pause_that_closing_does_not_wait_for() -> None:
    sent: list[float] = []

    async def send(percent: float, stage: str, step: str) -> None:
        sent.append(percent)

    async def scene() -> None:
        updates = ProgressUpdates(send, pause_s=3600)
        for percent in range(40):
            updates.update(float(percent), "sfm", "")
            await asyncio.sleep(0.002)
        await asyncio.wait_for(updates.close(), PATIENCE_S)

    asyncio.run(scene())
    assert len(sent) == 1


def test_closing_waits_for_the_last_one() -> None:
    sent = []

    async def send(percent: float, stage: str, step: str) -> None:
        await asyncio.sleep(0.2)
        sent.append(percent)

    async def scene() -> None:
        updates = ProgressUpdates(send)
        updates.update(50.0, "sfm", "")
        await asyncio.sleep(0.05)
        await updates.close()

    asyncio.run(scene())
    assert sent == [50.0]


def test_an_update_that_cannot_be_sent_does_not_matter() -> None:
    async def send(percent: float, stage: str, step: str) -> None:
        raise OSError

    async def scene() -> None:
        updates = ProgressUpdates(send, pause_s=0.0)
        for percent in (1.0, 2.0):
            updates.update(percent, "sfm", "")
            await asyncio.sleep(0.01)
        await updates.close()

    asyncio.run(scene())
