"""Outputs that need no other: the formats, the posters, the film; each in a thread of its own.

Drawing takes a GPU hardly any time, and encoding what was drawn leaves it to the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from splatworker.contract.outputs import OUTPUTS
from splatworker.export.account import AXES, Loss, format_loss, score
from splatworker.export.camera_path import flight, flight_around
from splatworker.export.comparison import Comparison
from splatworker.export.export_run import HALF_TURNED, ExportRun
from splatworker.export.film import write_film
from splatworker.export.orient import HALF_TURN_ABOUT_Z, rotate
from splatworker.export.pictures import Picture, SplatRenderer, poster, webp, write_webp
from splatworker.formats.camera import Camera
from splatworker.machine.limits import available_cpus
from splatworker.render.device import kind
from splatworker.render.interface import Renderer
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import format_of, untold_in_words, write_any

FEWEST_THREADS, MOST_THREADS = 3, 12
"""Outputs made at once: by the processors, which bounds the memory, too."""

RELATIVE_SECONDS = {"turntable": 6.0, "scores": 3.0} | {name: known.relative_seconds for name, known in FORMATS.items()}
"""How long parts that are made side by side take, where one is not the time of most; the longest are begun first."""


Results = Mapping[str, Future[Any]]
"""What the parts that were made side by side have ended with, by their names."""


def make_side_by_side(run: ExportRun, wanted: Sequence[str], renderer: Renderer) -> Results:
    """Make all that needs no other output; and what the page and the report need, which they fail with if it failed.

    Args:
        wanted: names of `OUTPUTS`.

    Returns:
        What each part has come to, by its name; a part that failed has its exception.
    """
    formats = [name for name in AXES if name in wanted or (name == "sog" and "viewer" in wanted)]
    tasks: dict[str, Callable[[], Any]] = {
        name: partial(_make_format, run, name, kind(renderer.device)) for name in formats
    }
    tasks |= {name: partial(_make_poster, run, name) for name in ("poster", "poster_square") if name in wanted}
    if "turntable" in wanted:
        tasks["turntable"] = partial(_make_turntable, run)
    if "viewer" in wanted:
        tasks["small picture"] = partial(_small_picture, run)
    if run.judging:
        tasks["scores"] = partial(_scores, run)
    budget = {
        name: RELATIVE_SECONDS.get(name, 1.0)
        for name in sorted(tasks, key=lambda name: -RELATIVE_SECONDS.get(name, 1.0))
    }
    run.parts.side_by_side(budget, 0.35, 0.9)

    def do(name: str) -> Any:
        words = OUTPUTS[name].words if name in OUTPUTS else name
        run.parts.advance(name, words, 0.0)
        done = tasks[name]()
        run.parts.advance(name, words, 1.0)
        return done

    threads = max(FEWEST_THREADS, min(available_cpus(), MOST_THREADS))
    with ThreadPoolExecutor(threads) as pool:
        return {name: pool.submit(do, name) for name in budget}


def _make_format(run: ExportRun, name: str, device: str) -> Loss | None:
    """A file of a format, and where it was made and somebody wants to know, what it has lost."""
    splat, lines = run.splat, run.lines
    if name in HALF_TURNED:
        splat, lines = run.turned, lines.turned(HALF_TURN_ABOUT_Z) if lines is not None else None
    elif name == "cleaned_ply":  # beside the trainer's own: in its frame
        splat = rotate(run.splat, run.subject.rotation.T)

    def write(path: Path) -> None:
        assert format_of(path) == ("ply" if name == "cleaned_ply" else name)
        write_any(path, splat, device, lines)

    if not run.attempt(name, write):
        return None
    if name in FORMATS and (untold := untold_in_words(name, splat)):
        run.parts.warning(untold)
    if not run.judging:
        return None
    with run.parts.timed(f"what {name} loses"):
        path = run.folder / run.made[name]["file"]
        return format_loss(name, path, run.splat, run.subject, run.splat_renderer, run.budget.judged)


def _make_poster(run: ExportRun, name: str) -> None:
    height = run.budget.poster
    width = 16 * height // 9 if name == "poster" else height
    camera = run.viewpoint.shaped(width, height).camera(width, height)
    run.attempt(name, lambda path: write_webp(path, poster(run.splat_renderer, camera)))


def _small_picture(run: ExportRun) -> bytes:
    """The picture that the page shows while it loads."""
    aspect = run.viewpoint.tan_x / run.viewpoint.tan_y
    size = (320, max(2, round(320 / aspect))) if aspect > 1 else (max(2, round(320 * aspect)), 320)
    return webp(poster(run.splat_renderer, run.viewpoint.camera(*size)), 70)


def _make_turntable(run: ExportRun) -> None:
    budget, subject = run.budget, run.subject
    height = budget.film_height
    width = 16 * height // 9 // 2 * 2
    cameras = [photo.camera for photo in subject.photos]
    start = int(np.argmin([np.linalg.norm(camera.center - run.viewpoint.position) for camera in cameras]))
    fly = flight_around if subject.alone else flight
    viewpoints = fly(cameras, subject.points, start, budget.film_rate * budget.film_seconds)
    views = [viewpoint.shaped(width, height).camera(width, height) for viewpoint in viewpoints]

    def pictures() -> Iterator[Picture]:
        for index, picture in enumerate(_one_ahead(run.splat_renderer, views)):
            yield picture
            run.parts.advance("turntable", OUTPUTS["turntable"].words, (index + 1) / len(views))

    run.attempt("turntable", lambda path: write_film(path, pictures(), width, height, budget.film_rate))


def _one_ahead(splat_renderer: SplatRenderer, views: Sequence[Camera]) -> Iterator[Picture]:
    """Pictures of the views, each drawn while the one before is taken away."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(splat_renderer.picture, views[0])
        for view in views[1:]:
            picture = coming.result()
            coming = pool.submit(splat_renderer.picture, view)
            yield picture
        yield coming.result()


def _scores(run: ExportRun) -> list[Comparison]:
    """At the size of the training alone they compare with the trainer's own."""
    with run.parts.timed("scores"):
        return score(run.subject, run.splat_renderer, run.trained)
