"""Everything that is made of a trained splat: small files, a page, pictures, a film, a report.

The splat is cleaned and turned upright once (`export_run`); then each output is made by itself, side by side as far as
the processors go (`side_by_side`), and last those that are made of others (`page_and_report`). One that fails is a
warning by its name, and the others are made all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from splatworker.errors import SplatError, from_os_error
from splatworker.export.account import Account
from splatworker.export.clean import cleaning_in_figures
from splatworker.export.comparison import trained_size
from splatworker.export.export_run import prepare
from splatworker.export.page_and_report import make_page, make_report
from splatworker.export.parts import Parts
from splatworker.export.side_by_side import make_side_by_side
from splatworker.export.subject import read_subject
from splatworker.formats.find import find_model
from splatworker.render.backend import renderer_for
from splatworker.splat_files.registry import left_out_in_words
from splatworker.stages.progress import Reporter


def export(
    splat: Path,
    scene: Path,
    folder: Path,
    wanted: Sequence[str],
    report: Reporter,
    *,
    cleaning: bool = True,
    device: str = "auto",
    account: Account | None = None,
    alone: Path | None = None,
) -> dict[str, Any]:
    """Make the wanted outputs of a model folder, or of a splat of any format.

    Args:
        scene: the scene folder it was trained on.
        folder: where the files go.
        wanted: names of `OUTPUTS`.
        cleaning: leave out what no training photo supports.
        account: what happened before, for the report.
        alone: the folder of the object that was cut from it (`object_stage`): the outputs are of the object alone.

    Returns:
        The stage's result: outputs (name -> file, bytes, seconds), gaussians, and what cleaning did.

    Raises:
        InvalidScene: splat or scene is missing or broken.
        DiskFull, SplatError: the folder cannot be written.
    """
    parts = Parts(report)
    parts.progress("reading", 0.0)
    with parts.timed("reading"):
        subject = read_subject(splat, scene, alone)
    if subject.not_finite:
        parts.warning(left_out_in_words(subject.not_finite))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "export") from error
    with parts.timed("opening the GPU"):
        renderer = renderer_for(device)
    run = prepare(subject, renderer, folder, wanted, parts, trained=trained_size(find_model(splat)), cleaning=cleaning)
    results = make_side_by_side(run, wanted, renderer)
    parts.progress("report", 0.9)
    make_page(run, wanted, results)
    make_report(run, wanted, results, account or Account())
    parts.progress("done", 1.0)
    missing = [name for name in wanted if name not in run.made]
    if missing and len(missing) == len(wanted):
        raise SplatError("None of the outputs could be made.", hint="The warnings say why.", stage="export")
    return {
        "outputs": {name: run.made[name] for name in wanted if name in run.made},
        "gaussians": len(run.splat),
        "cleaning": cleaning_in_figures(run.cleaning),
        "parts": {part: list(times) for part, times in parts.times.items()},
        "seconds": round(parts.seconds, 2),
    }
