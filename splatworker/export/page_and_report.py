"""The outputs that are made of other outputs: the page with the splat in it, and the report with its figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from splatworker.contract.outputs import OUTPUTS
from splatworker.export import report as report_page
from splatworker.export.account import AXES, Account, figures
from splatworker.export.clean import cleaning_in_figures
from splatworker.export.export_run import ExportRun
from splatworker.export.side_by_side import Results
from splatworker.export.viewer import PageContents, write_viewer
from splatworker.formats.atomic import write_text


def make_page(run: ExportRun, wanted: Sequence[str], results: Results) -> None:
    """Make the page, with the SOG in it or beside it; a SOG that is in it and was not wanted for itself goes."""
    if "viewer" not in wanted or "sog" not in run.made:
        return
    sog = run.folder / OUTPUTS["sog"].file
    alone = True

    def write(path: Path) -> None:
        nonlocal alone
        small = results["small picture"].result()
        around, antialiased = run.subject.around, run.splat.antialiased
        alone = write_viewer(path, PageContents("Gaussian splat", sog, run.viewpoint, around, small, antialiased))

    if run.attempt("viewer", write) and not alone:
        run.parts.warning("The splat is too large for one page: viewer.html loads splat.sog from beside itself.")
    if "sog" not in wanted and alone:
        (run.folder / run.made.pop("sog")["file"]).unlink()


def make_report(run: ExportRun, wanted: Sequence[str], results: Results, account: Account) -> None:
    """Make report.html and quality.json, where they are wanted: of all that was made before them."""
    if not run.judging:
        return
    subject, parts = run.subject, run.parts
    account.timings.setdefault("export", round(parts.seconds, 2))
    cleaning = cleaning_in_figures(run.cleaning)

    def all_figures() -> dict[str, Any]:
        losses = [results[name].result() for name in AXES if name in run.made]
        return figures(subject, account, results["scores"].result(), losses, cleaning, run.splat, parts.times)

    def page() -> str:
        cameras = [photo.camera for photo in subject.photos]
        pictures = report_page.Pictures(
            comparisons=results["scores"].result(),
            points=subject.points,
            centers=np.array([camera.center for camera in cameras]),
            forwards=np.array([camera.camera_from_world[2, :3] for camera in cameras]),
            held_out=[index >= len(subject.trained) for index in range(len(cameras))],
            photo_folder=account.photo_folder,
        )
        return report_page.page(all_figures(), pictures)

    if "quality" in wanted:
        run.attempt("quality", lambda path: write_text(path, report_page.to_json(all_figures()), "export"))
    if "report" in wanted:
        run.attempt("report", lambda path: write_text(path, page(), "export"))
