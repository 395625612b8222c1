"""`splatworker doctor`: what this machine has, whether it can make splats, and how long that takes on it.

It asks what a worker asks before its first job (`pipeline.fitness`), of the same stages, and goes on after the first
thing that is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from splatworker.errors import Cancelled, NoPhotos, SplatError
from splatworker.machine.limits import available_cpus
from splatworker.network import url_rules
from splatworker.pipeline import fitness
from splatworker.pipeline.cpu_time import in_words
from splatworker.pipeline.expected_time import PHOTOS, expected
from splatworker.pipeline.fitness import Finding
from splatworker.stages import interrupts
from splatworker.stages.command import sentence
from splatworker.stages.printable import printable
from splatworker.stages.process import STAGE_COMMAND, StageRunner
from splatworker.stages.progress import JsonLines
from splatworker.stages.supervise import hide_memory_and_environment
from splatworker.stages.workspace import private_workspace

WIDTH = len("processors") + 2


def main(argv: list[str], *, command: Sequence[str] = STAGE_COMMAND) -> int:
    """Look at the machine; 0 where it can do a job, 1 where it cannot."""
    options = _parser().parse_args(argv)
    interrupts.forget()
    hide_memory_and_environment()
    try:
        return asyncio.run(_examine(options, command))
    except SplatError as error:  # no folder to work in, or stopped
        if options.json:
            JsonLines("doctor").error(error.to_event())
        else:
            sys.stderr.write(sentence(error) + "\n")
        return interrupts.INTERRUPTED if interrupts.asked() and isinstance(error, Cancelled) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="splatworker doctor",
        description="Say what this machine has, whether it can make splats, and how long 50 photos take on it.",
        epilog="The exit status is 0 where a job can be done, and 1 where not; the sentence in that line says why.",
    )
    parser.add_argument(
        "--require-gpu", action="store_true", help="a machine without a GPU that can be used is unfit, as on RunPod"
    )
    parser.add_argument("--url", metavar="URL", help="an address of a photo: say how fast it arrives here")
    parser.add_argument("--quick", action="store_true", help="do not measure how long a job would take")
    parser.add_argument("--json", action="store_true", help="report as one JSON line a finding")
    return parser


async def _examine(options: argparse.Namespace, command: Sequence[str]) -> int:
    task = asyncio.current_task()
    assert task is not None
    interrupts.cancelling(task)
    try:
        return await _look(options, command)
    except asyncio.CancelledError:
        raise interrupts.cancelled("doctor") from None


async def _look(options: argparse.Namespace, command: Sequence[str]) -> int:
    """Tell each finding when it is known; the exit status."""
    faults = 0
    with private_workspace() as workspace:
        runner = StageRunner(workspace, command)
        gpu = False
        async with aclosing(fitness.examine(runner, gpu_required=options.require_gpu)) as findings:
            async for finding in findings:
                _tell(finding, as_json=options.json)
                faults += finding.error is not None
                gpu = gpu or (finding.name == "kernels" and finding.facts.get("device", "cpu") != "cpu")
        more = [("network", _network(options.url, runner))] if options.url else []
        if not faults and not options.quick:
            more.append((f"{PHOTOS} photos", _times(runner, gpu=gpu)))
        for name, asked in more:
            try:
                words, facts = await asked
                finding = Finding(name, words, None, facts)
            except SplatError as error:
                finding = Finding.failed(name, error)
            _tell(finding, as_json=options.json)
            faults += finding.error is not None
    return int(faults > 0)


def _tell(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        line = json.dumps({"name": finding.name, "ok": finding.error is None, "words": finding.words, **finding.facts})
    else:
        words = finding.words if finding.error is None else sentence(finding.error)
        line = f"{finding.name:<{WIDTH}}{printable(words)}"
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _times(runner: StageRunner, *, gpu: bool) -> tuple[str, dict[str, Any]]:
    features = (await fitness.ask("measure-features", runner))["seconds"]
    step = (await fitness.ask("measure-training", runner))["seconds"]
    times = expected(features, step, available_cpus(), gpu=gpu)
    training = f"{_short(times.training)} to train"
    training = f"{training} a preview: there is no GPU" if times.preview else f"at most {training}"
    words = f"{in_words(times.cameras + times.training)}: {_short(times.cameras)} for the cameras, {training}"
    facts = {
        "cameras_s": round(times.cameras, 1),
        "training_s": round(times.training, 1),
        "preview": times.preview,
        "features_s": round(features, 4),
        "step_s": round(step, 5),
    }
    return words, facts


def _short(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else in_words(seconds).removeprefix("about ")


async def _network(url: str, runner: StageRunner) -> tuple[str, dict[str, Any]]:
    """How fast a file arrives, by the stage that fetches photos."""
    url_rules.check_form(url, "--url")
    folder = runner.workspace / "incoming"
    began = time.monotonic()
    fetched = await fitness.ask("fetch", runner, {"urls": [url], "folder": str(folder), "local": False})
    seconds = time.monotonic() - began
    if fetched["rejected"]:
        raise NoPhotos(
            f"The photo could not be fetched: {fetched['rejected'][0]['reason']}.",
            hint="Check the address, and this machine's way out.",
        )
    size = sum(file.stat().st_size for file in folder.iterdir())
    return f"{size / 1e6:.1f} MB in {seconds:.1f} s", {"bytes": size, "seconds": round(seconds, 2)}
