"""An export under way: the splat as it is shown, who draws it and from where, and what has been made so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from splatworker.contract.outputs import OUTPUTS
from splatworker.errors import from_os_error
from splatworker.export.camera_path import Viewpoint, fitted, focus, sorted_by_breadth, sorted_by_coverage, viewpoint_of
from splatworker.export.clean import Cleaning, clean
from splatworker.export.comparison import best_shown, read_ignored
from splatworker.export.orient import HALF_TURN_ABOUT_Z, rotate
from splatworker.export.parts import Parts
from splatworker.export.pictures import SplatRenderer
from splatworker.export.render_budget import ON_CPU, ON_GPU, RenderBudget
from splatworker.export.subject import Subject, shrunk
from splatworker.export.visibility import measure_visibility
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take
from splatworker.render.device import is_gpu
from splatworker.render.interface import Renderer
from splatworker.render.tensors import for_renderer
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.records import FORMATS

HALF_TURNED = tuple(known.name for known in FORMATS.values() if known.y_down)
"""Files for viewers that take y to point down; SPZ's have it point up, as we do."""

FOR_CAMERAS = tuple(known.name for known in FORMATS.values() if known.keeps_what_shows)
"""Files that keep best what the cameras see; the page has a SOG in it."""

CANDIDATES = 5
"""Photos that show most, of which the one that the splat shows best becomes the first view."""


@dataclass
class ExportRun:
    """An export under way.

    Attributes:
        splat: upright, and cleaned unless that was not wanted.
        lines: who sees how much of it, where that was looked at.
        turned: the same for files whose viewers take y to point down; the same as `splat` where none is wanted.
        trained: longest side of the photos that it was trained on, in pixels.
        judging: whether the report or its figures are wanted.
        made: name -> file, bytes and seconds of every output so far.
    """

    subject: Subject
    splat: Gaussians
    lines: LinesOfSight | None
    turned: Gaussians
    cleaning: Cleaning | None
    splat_renderer: SplatRenderer
    viewpoint: Viewpoint
    budget: RenderBudget
    trained: int
    folder: Path
    parts: Parts
    judging: bool
    made: dict[str, dict[str, Any]] = field(default_factory=dict)

    def attempt(self, name: str, make: Callable[[Path], object]) -> bool:
        """Make one output; whether it was made. A failure is a warning."""
        path = self.folder / OUTPUTS[name].file
        started = time.monotonic()
        try:
            with self.parts.timed(name):
                make(path)
        except Exception as error:  # whatever went wrong with an extra: the splat is there
            said = from_os_error(error, "export").message if isinstance(error, OSError) else str(error)
            self.parts.warning(f"The output '{name}' could not be made: {said or type(error).__name__}")
            with suppress(OSError):
                path.unlink()
            return False
        self.made[name] = {
            "file": path.name,
            "bytes": path.stat().st_size,
            "seconds": round(time.monotonic() - started, 2),
        }
        return True


def prepare(
    subject: Subject,
    renderer: Renderer,
    folder: Path,
    wanted: Sequence[str],
    parts: Parts,
    *,
    trained: int,
    cleaning: bool,
) -> ExportRun:
    """Clean the splat, choose the view that it is shown from, and turn a copy for formats whose y points down.

    Args:
        wanted: names of `OUTPUTS`.
        trained: longest side of the photos that it was trained on, in pixels; 0 where nobody knows.
        cleaning: leave out what no training photo supports.
    """
    cleaning = cleaning and not subject.alone  # the cut has left out what the photos do not support
    budget = ON_GPU if is_gpu(renderer.device) else ON_CPU
    longest = min(trained or budget.judged, budget.judged)
    photos = [shrunk(photo, longest) for photo in subject.trained]
    splat, lines, done = subject.gaussians, None, None
    if cleaning or {"viewer", *FOR_CAMERAS} & set(wanted):
        with parts.timed("what is seen"):
            visibility = measure_visibility(
                renderer, for_renderer(splat, renderer), [photo.camera for photo in photos],
                lambda share: parts.progress("what is seen", 0.05 + 0.2 * share),
                lambda index: read_ignored(photos[index]),
            )  # fmt: skip
        lines = visibility.lines
        if cleaning:
            with parts.timed("cleaning"):
                done = clean(
                    splat, visibility, photos, subject.points, renderer, subject.background,
                    lambda share: parts.progress("cleaning", 0.25 + 0.05 * share), subject.behind,
                )  # fmt: skip
            if done.count:
                splat, lines = take(splat, done.keep), lines.of(done.keep)
    splat_renderer = SplatRenderer(splat, renderer, subject.background)
    with parts.timed("choosing the view"):
        viewpoint = first_view(subject, splat_renderer, longest)
    turned = rotate(splat, HALF_TURN_ABOUT_Z) if {"viewer", *HALF_TURNED} & set(wanted) else splat
    judging = bool({"report", "quality"} & set(wanted))
    return ExportRun(
        subject=subject,
        splat=splat,
        lines=lines,
        turned=turned,
        cleaning=done,
        splat_renderer=splat_renderer,
        viewpoint=viewpoint,
        budget=budget,
        trained=trained or budget.judged,
        folder=folder,
        parts=parts,
        judging=judging,
    )


def first_view(subject: Subject, splat_renderer: SplatRenderer, longest: int) -> Viewpoint:
    """The view of the photo that the splat shows best, of those that show most of the scene; `longest` in pixels."""
    cameras = [photo.camera for photo in subject.trained]
    if subject.alone:
        best = sorted_by_breadth(cameras, subject.points)[:CANDIDATES]
    else:
        best = sorted_by_coverage(cameras, subject.points, subject.tracks)[:CANDIDATES]
    photos = [shrunk(subject.trained[index], longest // 2) for index in best]
    shown = best_shown(splat_renderer, photos, subject.alone)
    camera = next(photo.camera for photo in subject.trained if photo.name == shown.name)
    if subject.alone:
        return fitted(camera.center, subject.points)
    return viewpoint_of(camera, focus(cameras, subject.points))
