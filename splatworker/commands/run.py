"""`splatworker run PHOTOS -o OUT`: a folder of photos or a video in, a splat out, and what people open, watch and send.

OUT gets splat.ply, scene/ (cameras and undistorted photos), model/ (the trainer's folder) and result.json, only when
the splat is done, so that nothing half-written is ever there; then what is made of it, a file for each of
`contract.outputs`.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from splatworker.commands.run_arguments import parser, recipe_of
from splatworker.contract.job import Recipe
from splatworker.contract.outputs import OUTPUTS, files_of
from splatworker.errors import Cancelled, InvalidMasks, SplatError, from_os_error
from splatworker.formats import filling, folder_record, ownership
from splatworker.formats.atomic import write_text
from splatworker.formats.folder_kinds import MODEL, OBJECT_IN_OUT, SCENE, earlier_run
from splatworker.pipeline import given_files, outputs
from splatworker.pipeline import run as pipeline
from splatworker.pipeline.exporter import Exporter
from splatworker.pipeline.records import Result
from splatworker.pipeline.stage_calls import OBJECT_FOLDER
from splatworker.stages import interrupts
from splatworker.stages.command import sentence
from splatworker.stages.console import Console
from splatworker.stages.file_names import first_few
from splatworker.stages.printable import printable_lines
from splatworker.stages.process import STAGE_COMMAND, StageRunner
from splatworker.stages.progress import JsonLines, Overall
from splatworker.stages.supervise import hide_memory_and_environment
from splatworker.stages.workspace import private_workspace

FILLED = {"scene": SCENE, "model": MODEL}
"""The folders in OUT that a run fills."""

OVERWRITE_HINT = "Or add --overwrite: then it stays, and what splatworker made is replaced."


def main(argv: list[str], *, command: Sequence[str] = STAGE_COMMAND) -> int:
    """Run the whole way; the exit status."""
    options = parser().parse_args(argv)
    interrupts.forget()
    hide_memory_and_environment()  # what decodes photos is no reader of the user's environment
    lines = JsonLines("run")
    with Console(silent=options.json) as console:
        report = Overall([_Json(lines) if options.json else console], _weights(options))
        error: SplatError | None = None
        try:
            result = asyncio.run(_run(options, report, command))
        except SplatError as caught:
            error = caught
        except OSError as caught:
            error = from_os_error(caught, "run")
        except KeyboardInterrupt:
            interrupts.note()
            error = interrupts.cancelled("run")
    if error is not None:
        if options.json:
            lines.error(error.to_event())
        else:
            sys.stderr.write(sentence(error) + "\n")
            sys.stderr.writelines(f"{printable_lines(note)}\n" for note in getattr(error, "__notes__", ()))
        return interrupts.INTERRUPTED if interrupts.asked() and isinstance(error, Cancelled) else 1
    if options.json:
        lines.result(result)
    else:
        sys.stderr.write(printable_lines(_summary(options.output, result)) + "\n")
    return 0


async def _run(options: argparse.Namespace, report: Overall, command: Sequence[str]) -> dict[str, Any]:
    """Everything between the command line and the files in OUT."""
    task = asyncio.current_task()
    assert task is not None
    interrupts.cancelling(task)
    recipe_asked = recipe_of(options)
    given = given_files.look(options.photos, options.masks)
    if options.masks is not None and not options.masks.is_dir():
        raise InvalidMasks(f"There is no folder '{options.masks}' of masks.", hint="Give a folder with masks in it.")
    _demand_output(options)
    if given.clips:
        report.weights = {"frames": pipeline.FRAMES_WEIGHT, **report.weights}
    started = time.monotonic()
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(filling.folder_to_fill(options.output.absolute(), "run"))
            workspace = stack.enter_context(private_workspace(options.output.absolute(), in_output=True))
            runner = StageRunner(workspace, command)
            exporter = await stack.enter_async_context(Exporter(options.formats, runner, report))
            masks = options.masks and options.masks.absolute()
            arrival = given_files.arrive(given, recipe_asked, runner, report, masks=masks)
            made = await pipeline.run(
                recipe_asked,
                arrival,
                runner,
                report,
                keeps_model=True,
                on_training=exporter.warm_up,
            )
            if made.device != "cpu":
                exporter.open_gpu()
            for name, kind in FILLED.items():
                filling.fill(options.output / name, workspace / name, kind, "run")
            _put_in_place(made.ply, options)
            _put_account_in_place(workspace / OBJECT_FOLDER / OBJECT_IN_OUT, options)
            result = _write_result(options.output, made, {}, report.warnings, started)  # whatever comes now
            folder_record.record(options.output, _files_of_splat(options), "run", planned=_files(options))
            made_outputs = await _outputs(options, recipe_asked, made, exporter)
            result = _write_result(options.output, made, made_outputs, report.warnings, started)
            folder_record.record(options.output, _files(options), "run")
    except asyncio.CancelledError:
        raise interrupts.cancelled("run") from None
    return result


def _files(options: argparse.Namespace) -> list[str]:
    """The files that this run may write at the top of OUT."""
    alone = [OBJECT_IN_OUT] if options.subject == "object" else []
    return ["splat.ply", "result.json", *alone, *files_of(options.formats)]


def _files_of_splat(options: argparse.Namespace) -> list[str]:
    """The files at the top of OUT that are there when the splat is."""
    alone = [OBJECT_IN_OUT] if (options.output / OBJECT_IN_OUT).is_file() else []
    return ["splat.ply", "result.json", *alone]


def _demand_output(options: argparse.Namespace) -> None:
    """Refuse an OUT that cannot be written, or where this run would write over what is not of an earlier one.

    Raises:
        InvalidJob, DiskFull: before anything is begun.
    """
    out = options.output
    ownership.demand_usable(out, "-o", "run")
    ownership.demand_other(out, options.photos, "-o", "run")
    ownership.demand_names_free(out, _files(options), "-o", "run", earlier=earlier_run)
    for name, kind in FILLED.items():
        ownership.demand_usable(out / name, "-o", "run")
        ownership.demand_apart(out / name, options.photos, "-o", "run")
        ownership.demand_free(out / name, kind, "-o", "run", beside=options.overwrite, hint=OVERWRITE_HINT)


async def _outputs(
    options: argparse.Namespace,
    recipe_asked: Recipe,
    made: Result,
    exporter: Exporter,
) -> dict[str, Path]:
    """Make what is wanted of the splat, and put it into OUT: name -> file. Stopped, it warns that nothing was made."""
    try:
        files = await outputs.make(
            exporter, recipe_asked, made, trained_in=options.output.absolute(), clean=not options.no_clean
        )
    except asyncio.CancelledError:
        exporter.report.warning("The run was stopped when the splat was done, so nothing else was made of it.")
        return {}
    placed = {name: options.output / path.name for name, path in files.items()}
    for name, path in files.items():
        filling.move(path, placed[name])
    beside = exporter.runner.workspace / "artifacts" / OUTPUTS["sog"].file
    if "viewer" in files and beside.is_file():  # a page too large to hold its splat loads it from beside itself
        filling.move(beside, options.output / beside.name)
    return placed


def _put_in_place(ply: Path, options: argparse.Namespace) -> None:
    """The splat into OUT; what an earlier run has made of another one goes."""
    out = options.output
    earlier = folder_record.ours(out, earlier_run)
    folder_record.record(out, earlier, "run", planned=set(_files(options)))
    filling.move(ply, out / "splat.ply")
    made_outputs = {OBJECT_IN_OUT, *(output.file for output in OUTPUTS.values())}
    filling.remove(out, [name for name in earlier if name in made_outputs])


def _put_account_in_place(account: Path, options: argparse.Namespace) -> None:
    """Where the object is, beside its splat; what is made of it later reads it where it lies, too."""
    if account.is_file():
        write_text(options.output / OBJECT_IN_OUT, account.read_text(encoding="utf-8"), "run")


def _write_result(
    folder: Path, made: Result, made_outputs: dict[str, Path], warnings: list[str], started: float
) -> dict[str, Any]:
    """result.json: what there is to say about the splat, and where everything is."""
    result = dataclasses.asdict(made) | {"warnings": list(warnings)}
    if made.subject is None:
        del result["subject"]
    if not made.videos:
        del result["videos"]
    result["ply"] = str(folder / "splat.ply")
    result["outputs"] = {name: str(path) for name, path in made_outputs.items()}
    result["timings"]["total"] = round(time.monotonic() - started, 2)
    write_text(folder / "result.json", json.dumps(result, indent=2) + "\n", "run")
    return result


def _weights(options: argparse.Namespace) -> dict[str, float]:
    """The stages of a run with their shares of the time: it delivers nothing, and may end with the PLY."""
    skipped = {"deliver"} if options.formats else {"deliver", "export"}
    weights = pipeline.weights_of(options.subject)
    return {stage: weight for stage, weight in weights.items() if stage not in skipped}


def _summary(output: Path, result: dict[str, Any]) -> str:
    photos, quality = result["photos"], result["quality"]
    score = f", {quality['psnr']:.2f} dB on held-out photos" if "psnr" in quality else ""
    lines = [
        f"{output / 'splat.ply'}: {result['gaussians']} Gaussians from {photos['registered']} of {photos['given']} "
        f"photos{score}, in {result['timings']['total']:.0f} s."
    ]
    if unused := [str(photo["name"]) for photo in photos["rejected"]]:
        lines.append(f"Not used: {first_few(unused)}. {output / 'result.json'} says why.")
    for name, path in result["outputs"].items():
        lines.append(f"{path}: {OUTPUTS[name].words}, {_size(Path(path))}")
    if "viewer" in result["outputs"]:
        lines.append(f"Open {output / OUTPUTS['viewer'].file} in a browser, or show it with: splatworker view {output}")
    return "\n".join(lines)


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


class _Json:
    """Progress of the whole run as JSON lines."""

    def __init__(self, lines: JsonLines) -> None:
        self._lines = lines

    def update(self, percent: float, stage: str, step: str) -> None:
        self._lines.progress(f"{stage}: {step}", percent / 100.0)

    def warning(self, message: str) -> None:
        self._lines.warning(message)
