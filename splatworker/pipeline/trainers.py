"""The trainers that can make a splat of a scene folder: ours, and the original where it is installed.

Both take the same command line and write the same model folder; `INRIA_DIR` and `INRIA_PYTHON` say where the original
`train.py` and the interpreter with its libraries are. Its licence forbids commercial use.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

from splatworker.contract.params import NATIVE_ONLY, WORKERS_OWN, arguments
from splatworker.errors import StageCrashed, TrainerMissing
from splatworker.formats.ply_comment import mark_antialiased
from splatworker.stages.crash_cause import explain_crash
from splatworker.stages.process import StageRunner, run_command
from splatworker.stages.progress import Reporter
from splatworker.train.options import UNUSED

_PERCENT = re.compile(rb"Training progress:\s+(\d+)%")
_HELD_OUT = re.compile(r"Evaluating test: L1 \S+ PSNR (\S+)")


def without_use(trainer: str) -> Collection[str]:
    """The parameters that change nothing with this trainer."""
    if trainer == "inria":
        return WORKERS_OWN | NATIVE_ONLY
    # There is no viewer and no noise on the terminal: so both hold anyway.
    return (set(UNUSED) | WORKERS_OWN | {"checkpoint_iterations"}) - {"disable_viewer", "quiet"}


def check(trainer: str) -> None:
    """Refuse a trainer that is not here.

    Raises:
        TrainerMissing: the original is asked for and not installed.
    """
    if trainer == "inria" and not (os.environ.get("INRIA_DIR") and _original_script().is_file()):
        raise TrainerMissing(
            "The original trainer ('inria') is not installed here.",
            hint="Use the trainer 'native', or build the image with ./build.sh --with-inria.",
        )


def _original_script() -> Path:
    return Path(os.environ.get("INRIA_DIR", "")) / "train.py"


async def train(
    trainer: str,
    scene: Path,
    model: Path,
    values: Callable[[], Awaitable[dict[str, Any]]],
    *,
    warm: bool,
    runner: StageRunner,
    report: Reporter,
    deadline: float | None,
) -> dict[str, Any]:
    """Train; the trainer's result, with "ply" and "gaussians" at least.

    Args:
        values: waits for the scene; the resolved parameters by name.
        warm: start the native trainer at once, so that it has loaded its libraries and the GPU when it is told.

    Raises:
        SplatError: the training failed.
    """
    folders = ["-s", str(scene), "-m", str(model)]
    if trainer == "native":

        async def request() -> dict[str, Any]:
            useful = {name: value for name, value in (await values()).items() if name not in without_use("native")}
            return {"arguments": [*folders, *arguments(useful)]}

        with explain_crash("train"):
            if warm:
                return await runner.run("warm", ["train"], report=report, deadline=deadline, request=request)
            return await runner.run("train", (await request())["arguments"], report=report, deadline=deadline)
    resolved = {name: value for name, value in (await values()).items() if name not in NATIVE_ONLY}
    python = os.environ.get("INRIA_PYTHON", sys.executable)

    def watch(printed: bytes) -> None:
        if percents := _PERCENT.findall(printed):
            report.progress("training", int(percents[-1]) / 100)

    with explain_crash("train"):
        ended = await run_command(
            "train",
            [python, str(_original_script()), *folders, *arguments(resolved), "--disable_viewer"],
            workspace=runner.workspace,
            report=report,
            deadline=deadline,
            watch=watch,
            network=True,  # it may open a socket for its viewer, whether one is wanted or not
        )
    made = _read_model(model, resolved["iterations"], runner.workspace / "logs" / "train.log")
    if resolved.get("antialiasing"):  # its own files do not say so
        await asyncio.to_thread(mark_antialiased, Path(made["ply"]), "train")
    return ended | made


def _read_model(model: Path, iterations: int, log: Path) -> dict[str, Any]:
    """What the original trainer left behind."""
    ply = model / "point_cloud" / f"iteration_{iterations}" / "point_cloud.ply"
    if not ply.is_file():
        raise StageCrashed("The original trainer ended without writing a splat.", stage="train")
    with ply.open("rb") as file:
        header = file.read(4096).decode("ascii", "replace")
    count = re.search(r"element vertex (\d+)", header)
    result: dict[str, Any] = {
        "ply": str(ply),
        "gaussians": int(count[1]) if count else 0,
        "iterations": iterations,
        "device": "cuda",
    }
    if scores := _HELD_OUT.findall(log.read_text(errors="replace")):
        result["quality"] = {"test": {"psnr": round(float(scores[-1]), 4), "ssim": None, "photos": []}}
    return result
