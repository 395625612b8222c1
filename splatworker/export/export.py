"""Everything that is made of a trained splat: small files, a page, pictures, a film, a report.

The splat is cleaned and turned upright once; then each output is made by itself, in a thread of its own as far as the
processors go: drawing takes a GPU hardly any time, and encoding what was drawn leaves it to the others. One that fails
is a warning by its name, and the others are made all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from splatworker.contract.outputs import OUTPUTS
from splatworker.errors import SplatError, from_os_error
from splatworker.export import report as report_page
from splatworker.export.account import AXES, Account, Loss, figures, format_loss, score
from splatworker.export.camera_path import Viewpoint, by_what_they_show, flight, focus, viewpoint_of
from splatworker.export.clean import Cleaning, clean
from splatworker.export.comparison import Comparison, best_shown, trained_size
from splatworker.export.film import write_film
from splatworker.export.orient import HALF_TURN_ABOUT_Z, rotate
from splatworker.export.parts import Parts
from splatworker.export.pictures import Artist, Picture, poster, webp, write_webp
from splatworker.export.subject import Subject, read_subject, shrunk
from splatworker.export.viewer import PageContents, write_viewer
from splatworker.export.visibility import measure_visibility
from splatworker.formats.atomic import write_text
from splatworker.formats.camera import Camera
from splatworker.formats.find import find_model
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take
from splatworker.machine.limits import available_cpus
from splatworker.render.backend import renderer_for
from splatworker.render.interface import Renderer
from splatworker.render.tensors import to_tensors
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import format_of, write_any
from splatworker.stages.progress import Reporter

HALF_TURNED = tuple(known.name for known in FORMATS.values() if known.y_down)
"""Files for viewers that take y to point down; SPZ's have it point up, as we do."""

FOR_CAMERAS = tuple(known.name for known in FORMATS.values() if known.keeps_what_shows)
"""Files that keep best what the cameras see; the page has a SOG in it."""

CANDIDATES = 5
"""Photos that show most, of which the one that the splat shows best becomes the first view."""


@dataclass(frozen=True)
class RenderBudget:
    """How large and how many the pictures are: a GPU draws thousands a second, a CPU some ten.

    Attributes:
        judged: longest side of the views that decide about cleaning and scores, at most.
        poster: height of a poster.
        film_height, film_rate, film_seconds: pixels, pictures a second, seconds.
    """

    judged: int
    poster: int
    film_height: int
    film_rate: int
    film_seconds: int


ON_GPU = RenderBudget(judged=1600, poster=1080, film_height=720, film_rate=30, film_seconds=8)
ON_CPU = RenderBudget(judged=640, poster=720, film_height=360, film_rate=15, film_seconds=6)


FEWEST_THREADS, MOST_THREADS = 3, 12
"""Outputs made at once: by the processors, which bounds the memory, too."""

RELATIVE_SECONDS = {"turntable": 6.0, "scores": 3.0} | {name: known.relative_seconds for name, known in FORMATS.items()}
"""How long parts that are made side by side take, where one is not the time of most; the longest are begun first."""


Results = Mapping[str, Future[Any]]
"""What the parts that were made side by side have ended with, by their names."""


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
    artist: Artist
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
) -> dict[str, Any]:
    """Make the wanted outputs of a model folder, or of a splat of any format.

    Args:
        scene: the scene folder it was trained on.
        folder: where the files go.
        wanted: names of `OUTPUTS`.
        cleaning: leave out what no training photo supports.
        account: what happened before, for the report.

    Returns:
        The stage's result: outputs (name -> file, bytes, seconds), gaussians, and what cleaning did.

    Raises:
        InvalidScene: splat or scene is missing or broken.
        DiskFull, SplatError: the folder cannot be written.
    """
    parts = Parts(report)
    parts.progress("reading", 0.0)
    with parts.timed("reading"):
        subject = read_subject(splat, scene)
    if subject.not_finite:
        parts.warning(f"{subject.not_finite} Gaussians contained NaN or infinity and were dropped.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "export") from error
    with parts.timed("opening the GPU"):
        renderer = renderer_for(device)
    run = _prepare(subject, renderer, folder, wanted, parts, trained=trained_size(find_model(splat)), cleaning=cleaning)
    results = _make_side_by_side(run, wanted, renderer)
    parts.progress("report", 0.9)
    _make_page(run, wanted, results)
    _make_report(run, wanted, results, account or Account())
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


def cleaning_in_figures(cleaning: Cleaning | None) -> dict[str, Any] | None:
    """What cleaning did, ready for JSON; None where it was not wanted."""
    if cleaning is None:
        return None
    return {
        "removed": cleaning.count,
        "share": round(cleaning.count / max(1, len(cleaning.keep)), 4),
        "groups": cleaning.removed,
        "spared": cleaning.spared,
        "capped": cleaning.capped,
    }


def _prepare(
    subject: Subject,
    renderer: Renderer,
    folder: Path,
    wanted: Sequence[str],
    parts: Parts,
    *,
    trained: int,
    cleaning: bool,
) -> ExportRun:
    """Clean the splat and choose the view that it is shown from."""
    budget = ON_GPU if renderer.device.type == "cuda" else ON_CPU
    longest = min(trained or budget.judged, budget.judged)
    photos = [shrunk(photo, longest) for photo in subject.trained]
    splat, lines, done = subject.gaussians, None, None
    if cleaning or {"viewer", *FOR_CAMERAS} & set(wanted):
        with parts.timed("what is seen"):
            visibility = measure_visibility(
                renderer, to_tensors(splat, renderer.device), [photo.camera for photo in photos],
                lambda share: parts.progress("what is seen", 0.05 + 0.2 * share),
            )  # fmt: skip
        lines = visibility.lines
        if cleaning:
            with parts.timed("cleaning"):
                done = clean(
                    splat, visibility, photos, subject.points, renderer, subject.background,
                    lambda share: parts.progress("cleaning", 0.25 + 0.05 * share),
                )  # fmt: skip
            if done.count:
                splat, lines = take(splat, done.keep), lines.of(done.keep)
    artist = Artist(splat, renderer, subject.background)
    with parts.timed("choosing the view"):
        viewpoint = _first_view(subject, artist, longest)
    turned = rotate(splat, HALF_TURN_ABOUT_Z) if {"viewer", *HALF_TURNED} & set(wanted) else splat
    judging = bool({"report", "quality"} & set(wanted))
    return ExportRun(
        subject, splat, lines, turned, done, artist, viewpoint, budget, trained or budget.judged, folder, parts, judging
    )  # fmt: skip


def _first_view(subject: Subject, artist: Artist, longest: int) -> Viewpoint:
    cameras = [photo.camera for photo in subject.trained]
    best = by_what_they_show(cameras, subject.points, subject.tracks)[:CANDIDATES]
    shown = best_shown(artist, [shrunk(subject.trained[index], longest // 2) for index in best])
    camera = next(photo.camera for photo in subject.trained if photo.name == shown.name)
    return viewpoint_of(camera, focus(cameras, subject.points))


def _make_side_by_side(run: ExportRun, wanted: Sequence[str], renderer: Renderer) -> Results:
    """All that needs no other output; and what the page and the report need, which they fail with if it failed."""
    formats = [name for name in AXES if name in wanted or (name == "sog" and "viewer" in wanted)]
    tasks: dict[str, Callable[[], Any]] = {
        name: partial(_make_format, run, name, renderer.device.type) for name in formats
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

    if not run.attempt(name, write) or not run.judging:
        return None
    with run.parts.timed(f"what {name} loses"):
        path = run.folder / run.made[name]["file"]
        return format_loss(name, path, run.splat, run.subject, run.artist, run.budget.judged)


def _make_poster(run: ExportRun, name: str) -> None:
    height = run.budget.poster
    width = 16 * height // 9 if name == "poster" else height
    camera = run.viewpoint.shaped(width, height).camera(width, height)
    run.attempt(name, lambda path: write_webp(path, poster(run.artist, camera)))


def _small_picture(run: ExportRun) -> bytes:
    """The picture that the page shows while it loads."""
    aspect = run.viewpoint.tan_x / run.viewpoint.tan_y
    size = (320, max(2, round(320 / aspect))) if aspect > 1 else (max(2, round(320 * aspect)), 320)
    return webp(poster(run.artist, run.viewpoint.camera(*size)), 70)


def _make_turntable(run: ExportRun) -> None:
    budget, subject = run.budget, run.subject
    height = budget.film_height
    width = 16 * height // 9 // 2 * 2
    cameras = [photo.camera for photo in subject.photos]
    start = int(np.argmin([np.linalg.norm(camera.center - run.viewpoint.position) for camera in cameras]))
    viewpoints = flight(cameras, subject.points, start, budget.film_rate * budget.film_seconds)
    views = [viewpoint.shaped(width, height).camera(width, height) for viewpoint in viewpoints]

    def pictures() -> Iterator[Picture]:
        for index, picture in enumerate(_one_ahead(run.artist, views)):
            yield picture
            run.parts.advance("turntable", OUTPUTS["turntable"].words, (index + 1) / len(views))

    run.attempt("turntable", lambda path: write_film(path, pictures(), width, height, budget.film_rate))


def _one_ahead(artist: Artist, views: Sequence[Camera]) -> Iterator[Picture]:
    """Pictures of the views, each drawn while the one before is taken away."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(artist.picture, views[0])
        for view in views[1:]:
            picture = coming.result()
            coming = pool.submit(artist.picture, view)
            yield picture
        yield coming.result()


def _scores(run: ExportRun) -> list[Comparison]:
    """At the size of the training alone they compare with the trainer's own."""
    with run.parts.timed("scores"):
        return score(run.subject, run.artist, run.trained)


def _make_page(run: ExportRun, wanted: Sequence[str], results: Results) -> None:
    """The page, with the SOG in it or beside it; a SOG that is in it and was not wanted for itself goes."""
    if "viewer" not in wanted or "sog" not in run.made:
        return
    sog = run.folder / OUTPUTS["sog"].file
    alone = True

    def write(path: Path) -> None:
        nonlocal alone
        small = results["small picture"].result()
        alone = write_viewer(path, PageContents("Gaussian splat", sog, run.viewpoint, run.subject.background, small))

    if run.attempt("viewer", write) and not alone:
        run.parts.warning("The splat is too large for one page: viewer.html loads splat.sog from beside itself.")
    if "sog" not in wanted and alone:
        (run.folder / run.made.pop("sog")["file"]).unlink()


def _make_report(run: ExportRun, wanted: Sequence[str], results: Results, account: Account) -> None:
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
