"""Everything that is made of a trained splat: small files, a page, pictures, a film, a report.

The splat is cleaned and turned upright once; then each output is made by itself, the files in threads beside the
pictures. One that fails is a warning by its name, and the others are made all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from splatworker.errors import SplatError, from_os_error
from splatworker.export import report as report_page
from splatworker.export.account import Account, figures, format_losses, score
from splatworker.export.camera_path import Look, by_what_they_show, flight, focus, look_of
from splatworker.export.clean import Cleaning, clean
from splatworker.export.comparison import compare, trained_size
from splatworker.export.film import write_film
from splatworker.export.orient import HALF_TURN_ABOUT_Z, rotate
from splatworker.export.outputs import OUTPUTS
from splatworker.export.pictures import Artist, poster, webp, write_webp
from splatworker.export.registry import format_of, write_any
from splatworker.export.subject import Subject, read_subject, shrunk
from splatworker.export.subset import take
from splatworker.export.viewer import Scene, write_viewer
from splatworker.formats.atomic import write_text
from splatworker.gaussians import Gaussians
from splatworker.progress import Reporter
from splatworker.render.backend import renderer_for
from splatworker.render.camera import Camera
from splatworker.render.interface import Renderer

HALF_TURNED = ("sog", "compressed_ply", "splat")
"""Files for viewers that take y to point down; SPZ's have it point up, as we do."""

CANDIDATES = 5
"""Photos that show most, of which the one that the splat shows best becomes the first view."""


@dataclass(frozen=True)
class Effort:
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


ON_GPU = Effort(judged=1600, poster=1080, film_height=720, film_rate=30, film_seconds=8)
ON_CPU = Effort(judged=640, poster=720, film_height=360, film_rate=15, film_seconds=6)


@dataclass
class Making:
    """An export under way.

    Attributes:
        splat: upright, and cleaned unless that was not wanted.
        trained: longest side of the photos that it was trained on, in pixels.
        made: name -> file, bytes and seconds of every output so far.
    """

    subject: Subject
    splat: Gaussians
    cleaning: Cleaning | None
    artist: Artist
    look: Look
    effort: Effort
    trained: int
    folder: Path
    report: Reporter
    made: dict[str, dict[str, Any]] = field(default_factory=dict)

    def attempt(self, name: str, make: Callable[[Path], object]) -> bool:
        """Make one output; whether it was made. A failure is a warning."""
        path = self.folder / OUTPUTS[name].file
        started = time.monotonic()
        try:
            make(path)
        except Exception as error:  # whatever went wrong with an extra: the splat is there
            said = from_os_error(error, "export").message if isinstance(error, OSError) else str(error)
            self.report.warning(f"The output '{name}' could not be made: {said or type(error).__name__}")
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
        cleaning: leave out what no photo vouches for.
        account: what happened before, for the report.

    Returns:
        The stage's result: outputs (name -> file, bytes, seconds), gaussians, and what cleaning did.

    Raises:
        InvalidScene: splat or scene is missing or broken.
        DiskFull, SplatError: the folder cannot be written.
    """
    started = time.monotonic()
    report.progress("reading", 0.0)
    subject = read_subject(splat, scene)
    if subject.not_finite:
        report.warning(f"{subject.not_finite} Gaussians were no numbers and are left out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "export") from error
    renderer = renderer_for(device)
    making = _prepare(subject, renderer, folder, report, trained=trained_size(splat), cleaning=cleaning)
    report.progress("files", 0.35)
    _make_files(making, wanted, renderer)
    if {"report", "quality"} & set(wanted):
        report.progress("report", 0.8)
        _make_report(making, wanted, account or Account(), started)
    report.progress("done", 1.0)
    missing = [name for name in wanted if name not in making.made]
    if missing and len(missing) == len(wanted):
        raise SplatError("None of the outputs could be made.", hint="The warnings say why.", stage="export")
    return {
        "outputs": {name: making.made[name] for name in wanted if name in making.made},
        "gaussians": len(making.splat),
        "cleaning": cleaning_in_figures(making.cleaning),
        "seconds": round(time.monotonic() - started, 2),
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
    subject: Subject, renderer: Renderer, folder: Path, report: Reporter, *, trained: int, cleaning: bool
) -> Making:
    """Clean the splat and choose the view that it is shown from."""
    effort = ON_GPU if renderer.device.type == "cuda" else ON_CPU
    longest = min(trained or effort.judged, effort.judged)
    splat, done = subject.gaussians, None
    if cleaning:
        photos = [shrunk(photo, longest) for photo in subject.trained]
        done = clean(
            splat, photos, subject.points, renderer, subject.background,
            lambda share: report.progress("cleaning", 0.05 + 0.25 * share),
        )  # fmt: skip
        splat = take(splat, done.keep) if done.count else splat
    artist = Artist(splat, renderer, subject.background)
    cameras = [photo.camera for photo in subject.trained]
    best = by_what_they_show(cameras, subject.points, subject.tracks)[:CANDIDATES]
    shown = compare(artist, [shrunk(subject.trained[index], longest // 2) for index in best], set())
    name = shown[-1].name
    camera = next(photo.camera for photo in subject.trained if photo.name == name)
    look = look_of(camera, focus(cameras, subject.points))
    return Making(subject, splat, done, artist, look, effort, trained or effort.judged, folder, report)


def _make_files(making: Making, wanted: Sequence[str], renderer: Renderer) -> None:
    """The splat's formats in threads; poster and film meanwhile, here; then the page."""
    formats = [name for name in ("spz", "compressed_ply", "splat", "cleaned_ply") if name in wanted]
    needs_sog = "sog" in wanted or "viewer" in wanted
    turned = making.splat
    if needs_sog or set(formats) & set(HALF_TURNED):
        turned = rotate(making.splat, HALF_TURN_ABOUT_Z)
    with ThreadPoolExecutor(max_workers=2) as pool:
        under_way: list[Future[bool]] = [
            pool.submit(_write_format, making, name, turned, renderer.device.type)
            for name in [*(["sog"] if needs_sog else []), *formats]
        ]
        small = _make_pictures(making, wanted)
        for future in under_way:
            future.result()
    if "viewer" in wanted and "sog" in making.made:
        page = Scene(
            "Gaussian splat", making.folder / OUTPUTS["sog"].file, making.look, making.subject.background, small
        )
        alone = True

        def write(path: Path) -> None:
            nonlocal alone
            alone = write_viewer(path, page)

        if making.attempt("viewer", write) and not alone:
            making.report.warning(
                "The splat is too large for one page: viewer.html loads splat.sog from beside itself."
            )
        if "sog" not in wanted and alone:
            (making.folder / making.made.pop("sog")["file"]).unlink()


def _write_format(making: Making, name: str, turned: Gaussians, device: str) -> bool:
    splat = making.splat
    if name in HALF_TURNED:
        splat = turned
    elif name == "cleaned_ply":  # beside the trainer's own: in its frame
        splat = rotate(making.splat, making.subject.rotation.T)

    def write(path: Path) -> None:
        assert format_of(path) == ("ply" if name == "cleaned_ply" else name)
        write_any(path, splat, device)

    return making.attempt(name, write)


def _make_pictures(making: Making, wanted: Sequence[str]) -> bytes:
    """Posters and film; the small picture that the page shows while it loads."""
    look, height = making.look, making.effort.poster
    shapes = {"poster": (16 * height // 9, height), "poster_square": (height, height)}
    for name, (width, tall) in shapes.items():
        if name in wanted:
            making.report.progress("poster", 0.4)
            camera = look.shaped(width, tall).camera(width, tall)
            making.attempt(name, partial(_write_poster, making.artist, camera))
    if "turntable" in wanted:
        making.report.progress("film", 0.45)
        making.attempt("turntable", lambda path: _write_turntable(making, path))
    aspect = look.tan_x / look.tan_y
    size = (320, max(2, round(320 / aspect))) if aspect > 1 else (max(2, round(320 * aspect)), 320)
    return webp(poster(making.artist, look.camera(*size)), 70)


def _write_poster(artist: Artist, camera: Camera, path: Path) -> None:
    write_webp(path, poster(artist, camera))


def _write_turntable(making: Making, path: Path) -> None:
    effort, subject = making.effort, making.subject
    height = effort.film_height
    width = 16 * height // 9 // 2 * 2
    cameras = [photo.camera for photo in subject.photos]
    start = int(np.argmin([np.linalg.norm(camera.center - making.look.position) for camera in cameras]))
    looks = flight(cameras, subject.points, start, effort.film_rate * effort.film_seconds)

    def pictures() -> Any:
        for index, look in enumerate(looks):
            yield making.artist.picture(look.shaped(width, height).camera(width, height))
            making.report.progress("film", 0.45 + 0.3 * (index + 1) / len(looks))

    write_film(path, pictures(), width, height, effort.film_rate)


def _make_report(making: Making, wanted: Sequence[str], account: Account, started: float) -> None:
    subject, artist = making.subject, making.artist
    scored = score(subject, artist, making.trained)  # at that size alone they compare with the trainer's own
    losses = format_losses(making.folder, making.made, making.splat, subject, artist, making.effort.judged)
    cleaning = cleaning_in_figures(making.cleaning)
    account.timings.setdefault("export", round(time.monotonic() - started, 2))
    found = figures(subject, account, scored, losses, cleaning, making.splat)
    if "quality" in wanted:
        making.attempt("quality", lambda path: write_text(path, report_page.to_json(found), "export"))
    if "report" in wanted:
        cameras = [photo.camera for photo in subject.photos]
        pictures = report_page.Pictures(
            comparisons=scored,
            points=subject.points,
            centers=np.array([camera.center for camera in cameras]),
            forwards=np.array([camera.camera_from_world[2, :3] for camera in cameras]),
            held_out=[index >= len(subject.trained) for index in range(len(cameras))],
            photo_folder=account.photo_folder,
        )
        making.attempt("report", lambda path: write_text(path, report_page.page(found, pictures), "export"))
