"""What is made and delivered besides the splat: small files, a page, pictures, a film, a report.

All of it comes after the splat is safe, and nothing that goes wrong with it fails a job: each output that is missing is
a warning by its name.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from splatworker.contract.job import Job, Recipe
from splatworker.contract.outputs import OUTPUTS
from splatworker.errors import SplatError, from_os_error
from splatworker.machine import operator_limits
from splatworker.pipeline import transfers
from splatworker.pipeline.exporter import Exporter
from splatworker.pipeline.records import Result
from splatworker.pipeline.stage_calls import OBJECT_FOLDER
from splatworker.stages.progress import Overall
from splatworker.stages.workspace import check_room, size_of

LONGEST_SECONDS = operator_limits.value("SPLATWORKER_OUTPUTS_S")
"""The longest that the extra outputs of a job may take, whatever its deadline."""

MAKING_SHARE = 0.7
"""How much of the time that is left they may take to be made; the rest is for uploading them."""


async def make(
    exporter: Exporter,
    recipe: Recipe,
    splat: Result,
    *,
    trained_in: Path | None = None,
    clean: bool = True,
    deadline: float | None = None,
) -> dict[str, Path]:
    """Make outputs in the workspace's `artifacts/`; a warning for those that could not be made.

    Args:
        exporter: makes them; it knows their names, and the workspace.
        splat: the finished splat; its timings are told of this stage.
        trained_in: the folder with `model/` and `scene/`, where these have left the workspace.
        clean: leave out Gaussians not supported by any training photo.

    Returns:
        Name -> file of those that were made.
    """
    names, workspace, report = exporter.names, exporter.runner.workspace, exporter.report
    if not names:
        return {}
    started = time.monotonic()
    left = LONGEST_SECONDS if deadline is None else min(LONGEST_SECONDS, deadline - started)
    folder, artifacts = trained_in or workspace, workspace / "artifacts"
    account = workspace / "account.json"
    places: list[str | Path] = [folder / "model", "-s", folder / "scene", "-o", artifacts, "--account", account]
    options: list[str | Path] = [] if clean else ["--no-clean"]
    if splat.subject is not None and splat.subject["delivered"] == "object":
        options += ["--object", workspace / OBJECT_FOLDER]
    if splat.device == "cpu":  # also where there is a GPU: one that did not answer must not be asked again
        options += ["--device", "cpu"]
    try:
        check_room(workspace, "export", size_of(folder / "model"))
        account.write_text(json.dumps(_account(recipe, splat, report.warnings, workspace)))
        result = await exporter.run(
            [*places, "--formats", ",".join(names), *options], started + MAKING_SHARE * max(0.0, left)
        )
    except (SplatError, OSError) as caught:
        error = caught if isinstance(caught, SplatError) else from_os_error(caught, "export")
        report.warning(f"None of the outputs {', '.join(names)} was made: {error.message}")
        return {}
    splat.timings["export"] = round(time.monotonic() - started, 2)
    return {name: artifacts / made["file"] for name, made in result["outputs"].items()}


async def deliver(
    job: Job,
    splat: Result,
    exporter: Exporter,
    *,
    local: bool,
) -> list[str]:
    """Make what the job wants and upload it, all at once; the names of what has arrived.

    Being cancelled ends it early with a warning: the splat is delivered, and the job a success.
    """
    arrived: list[str] = []
    report, deadline = exporter.report, exporter.runner.deadline
    last = deadline if deadline is not None else time.monotonic() + LONGEST_SECONDS
    uploads = dataclasses.replace(exporter.runner, deadline=last)

    async def upload(name: str, path: Path) -> None:
        try:
            await transfers.upload(
                path,
                job.outputs[name],
                uploads,
                Overall([], {"deliver": 1.0}),  # several at once have no common progress
                local=local,
                content_type=OUTPUTS[name].content_type,
            )
        except (SplatError, OSError) as error:
            report.warning(f"The output '{name}' was made, but not delivered: {error}")
        else:
            arrived.append(name)

    try:
        made = await make(exporter, job, splat, deadline=deadline)
        await asyncio.gather(*(upload(name, path) for name, path in made.items()))
    except asyncio.CancelledError:
        missing = [name for name in job.outputs if name not in arrived]
        report.warning(f"The worker was stopped before these outputs were delivered: {', '.join(missing)}.")
    return [name for name in job.outputs if name in arrived]


def _account(recipe: Recipe, splat: Result, warnings: Sequence[str], workspace: Path) -> Mapping[str, Any]:
    """What the report should tell of the job so far."""
    settings = {"trainer": recipe.trainer, "device": splat.device, "iterations": splat.quality.get("iterations")}
    return {
        "photos": splat.photos,
        "timings": {stage: seconds for stage, seconds in splat.timings.items() if stage != "total"},
        "settings": settings | recipe.params.model_dump(exclude_unset=True),
        "warnings": list(warnings),
        "videos": splat.videos,
        "photo_folder": str(workspace / "images"),
    }
