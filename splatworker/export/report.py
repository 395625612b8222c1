"""The report: one page with photos, cameras, scores, training, times and files; no network, no framework."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from splatworker.export.charts import line_chart, map_data, map_from_above, time_bar
from splatworker.export.comparison import ERROR_FULL_SCALE, Comparison
from splatworker.export.pictures import Picture, webp
from splatworker.export.report_videos import of_videos
from splatworker.formats.scene_photo import FORMATS
from splatworker.machine.limits import available_cpus

MOST_COMPARED = 16
"""Photos that are shown beside their renders: the worst."""

MOST_DROPPED = 48
"""Dropped photos that are shown; the others are only named."""

THUMBNAIL = 360

_WORKS = {"sfm": "cameras", "train": "training"}
"""What people call a stage, where its name is another."""

_NO_TIME_S = 0.05
"""A stage that took less, as the choice of frames where there are no videos, is not shown."""

Vectors = npt.NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Pictures:
    """What the report shows that is not a figure.

    Attributes:
        comparisons: photos beside renders, worst first.
        points, centers, forwards, held_out: the map's sparse points, (N, 3), and cameras, (M, 3) and (M,).
        photo_folder: where thumbnails of dropped photos can be made from.
    """

    comparisons: Sequence[Comparison]
    points: Vectors
    centers: Vectors
    forwards: Vectors
    held_out: Sequence[bool]
    photo_folder: Path | None = None
    title: str = field(default="Report of a Gaussian splat")


def to_json(figures: Mapping[str, Any]) -> str:
    """The contents of quality.json."""
    return json.dumps(figures, indent=1, allow_nan=False) + "\n"


def page(figures: Mapping[str, Any], pictures: Pictures) -> str:
    """The contents of report.html."""
    body = [
        f"<h1>{html.escape(pictures.title)}</h1>",
        _summary(figures),
        _warnings(figures),
        _comparisons(figures, pictures),
        _photos(figures, pictures),
        _section("Videos", of_videos(figures.get("videos", ()))),
        _map(pictures),
        _training(figures),
        _times(figures),
        _files(figures),
        _cleaning(figures),
        _settings(figures),
    ]
    shown = map_data(pictures.points, pictures.centers, pictures.forwards, pictures.held_out)
    gaps = {
        "title": html.escape(pictures.title),
        "body": "\n".join(part for part in body if part),
        "map": json.dumps(shown, separators=(",", ":")).replace("<", "\\u003c"),
    }
    template = (files("splatworker.export") / "report_page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(title|body|map)\}\}", lambda gap: gaps[gap[1]], template)


def _summary(figures: Mapping[str, Any]) -> str:
    scores, photos, splat = figures["scores"], figures["photos"], figures["splat"]
    of = f"on {'photos held out' if scores['of'] == 'held out' else 'photos trained on'}"
    shown = [
        (f"{scores['psnr']:.2f} dB" if scores["psnr"] is not None else "-", f"PSNR {of}"),
        (f"{scores['ssim']:.3f}" if scores["ssim"] is not None else "-", f"SSIM {of}"),
        (f"{photos['registered']} of {photos['given']}", "photos used"),
        (f"{splat['gaussians']:,}".replace(",", " "), f"Gaussians, degree {splat['sh_degree']}"),
    ]
    found = figures["reconstruction"]
    if "reprojection_error_px" in found:
        shown.append((f"{found['reprojection_error_px']:.2f} px", "reprojection error"))
    if len(figures["timings"]) > 1:
        shown.append((_duration(sum(figures["timings"].values())), "in all"))
    cells = "".join(f'<div class="figure"><b>{html.escape(b)}</b><span>{html.escape(s)}</span></div>' for b, s in shown)
    return _section("", f'<div class="figures">{cells}</div>')


def _warnings(figures: Mapping[str, Any]) -> str:
    return _section("Warnings", "".join(f'<p class="warning">{html.escape(w)}</p>' for w in figures["warnings"]))


def _comparisons(figures: Mapping[str, Any], pictures: Pictures) -> str:
    shown = pictures.comparisons[:MOST_COMPARED]
    if not shown:
        return ""
    held_out = figures["scores"]["of"] == "held out"
    intro = (
        "Photos that the splat has never seen, worst first: the photo, the splat from the same place, the difference."
        if held_out
        else "No photos were held out, so these scores are flattered: some of the photos trained on, worst first."
    )
    if figures.get("subject") == "object":
        intro += " Of the photos only what lies where the splat shows the object, so its outline is not judged."
    trios = []
    thumbnails = _in_threads(
        _thumbnail, [picture for trio in shown for picture in (trio.photo, trio.drawn, trio.error)]
    )
    for comparison in shown:
        images = "".join(
            f'<img alt="{word}" loading="lazy" src="{next(thumbnails)}">' for word in ("photo", "splat", "difference")
        )
        caption = f"{html.escape(comparison.name)}: {comparison.psnr:.2f} dB, SSIM {comparison.ssim:.3f}"
        trios.append(f'<figure><figcaption>{caption}</figcaption><div class="trio">{images}</div></figure>')
    scale = f"The difference is black where there is none and pale where it is {ERROR_FULL_SCALE:.0%} or more."
    more = len(pictures.comparisons) - len(shown)
    rest = f" {more} more are in quality.json." if more else ""
    return _section(
        "Photos and splat",
        f'<p class="soft">{intro}</p><div class="comparisons">{"".join(trios)}</div><p class="soft">{scale}{rest}</p>',
    )


def _photos(figures: Mapping[str, Any], pictures: Pictures) -> str:
    photos = figures["photos"]
    said = f"{photos['given']} given, {photos['used']} readable, {photos['registered']} with a camera"
    if "panoramas" in photos:
        said += f"; {photos['panoramas']} are panoramas, cut into {photos['views']} views"
    said += f", {photos['held_out']} of them held out." if photos["held_out"] else "."
    dropped = []
    names = [photo["name"] for photo in photos["rejected"][:MOST_DROPPED]]
    thumbnails = _in_threads(lambda name: _dropped_thumbnail(pictures.photo_folder, name), names)
    for photo in photos["rejected"]:
        picture = next(thumbnails, "")
        image = f'<img alt="" loading="lazy" src="{picture}">' if picture else ""
        dropped.append(f"<div>{image}<b>{html.escape(photo['name'])}</b><br>{html.escape(photo['reason'])}</div>")
    left_out = (
        f'<p>Left out:</p><div class="dropped">{"".join(dropped)}</div>' if dropped else "<p>None was left out.</p>"
    )
    return _section("Photos", f"<p>{said}</p>{left_out}")


def _map(pictures: Pictures) -> str:
    if not len(pictures.centers):
        return ""
    above = map_from_above(pictures.points, pictures.centers, pictures.forwards, pictures.held_out)
    key = '<ul class="key"><li><i class="b1"></i>trained on</li>'
    key += '<li><i class="b2"></i>held out</li></ul>' if any(pictures.held_out) else "</ul>"
    return _section(
        "Where the photos were taken",
        f'<div class="pair"><div><p class="soft">From above</p>{above}</div>'
        '<div><p class="soft">Drag to turn</p><canvas id="map3d" aria-label="Cameras and points"></canvas></div></div>'
        + key,
    )


def _training(figures: Mapping[str, Any]) -> str:
    log = figures["training"]["log"]
    loss = {"loss": [(entry["iteration"], entry["loss"]) for entry in log if "loss" in entry]}
    count = {"Gaussians": [(entry["iteration"], entry["gaussians"]) for entry in log if "gaussians" in entry]}
    history = figures["training"]["history"]
    score = {"held out": [(entry["iteration"], entry["psnr"]) for entry in history if "psnr" in entry]}
    charts = [
        ("Loss", line_chart(loss, "iteration", "Loss")),
        ("Gaussians", line_chart(count, "iteration", "Gaussians")),
        ("PSNR on held-out photos, dB", line_chart(score, "iteration", "PSNR")),
    ]
    cells = "".join(f'<div><p class="soft">{name}</p>{chart}</div>' for name, chart in charts if chart)
    return _section("Training", f'<div class="pair">{cells}</div>' if cells else "")


def _times(figures: Mapping[str, Any]) -> str:
    spent = {_WORKS.get(stage, stage): time for stage, time in figures["timings"].items() if time >= _NO_TIME_S}
    bar = time_bar(spent)
    key = "".join(
        f'<li><i class="b{number % 7 + 1}"></i>{html.escape(stage)} {_duration(seconds)}</li>'
        for number, (stage, seconds) in enumerate(spent.items())
    )
    return _section("Time", f'{bar}<ul class="key">{key}</ul>' if bar else "")


def _files(figures: Mapping[str, Any]) -> str:
    rows = [("trained PLY", _size(figures["splat"]["trained_bytes"]), "1.0", "-", figures["frame"].get("axes", ""))]
    for stored in figures["formats"]:
        loss = "none" if stored["psnr_db"] >= 99 else f"{stored['psnr_db']:.1f} dB"
        rows.append((stored["file"], _size(stored["bytes"]), f"{stored['ratio']:.1f}", loss, stored["axes"]))
    names = ("File", "Size", "Times smaller", "Likeness", "Axes")
    kinds = ("", ' class="number"', ' class="number"', ' class="number"', "")
    head = "".join(f"<th{kind}>{name}</th>" for name, kind in zip(names, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            f'<td{kind} data-name="{name}">{html.escape(cell)}</td>'
            for cell, kind, name in zip(row, kinds, names, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    note = "Likeness: PSNR of a picture drawn from the file against one of the splat. From 40 dB on they look the same."
    return _section(
        "Files",
        f'<div class="scroll"><table class="files"><tr>{head}</tr>{body}</table></div><p class="soft">{note}</p>',
    )


def _cleaning(figures: Mapping[str, Any]) -> str:
    cleaning = figures["cleaning"]
    if figures.get("subject") == "object":
        return _section("Cleaning", "<p>The object was cut from the scene, and what is around it left out.</p>")
    if cleaning is None:
        return _section("Cleaning", "<p>Not asked for: all Gaussians are kept.</p>")
    said = [f"{cleaning['removed']} Gaussians ({cleaning['share']:.1%}) are left out of all but the trained PLY."]
    said += [f"{_group(name)}: {count}." for name, count in cleaning["groups"].items()]
    said += [
        f"{_group(name)}: {count}, which stay, because the photos are shown worse without."
        for name, count in cleaning["spared"].items()
    ]
    if cleaning["capped"]:
        said.append("More would have gone, but that is the most that may.")
    return _section("Cleaning", "".join(f"<p>{html.escape(sentence)}</p>" for sentence in said))


def _group(name: str) -> str:
    return {"never seen": "Never seen by a camera", "floater": "Afloat before a camera", "haze": "Haze"}.get(name, name)


def _settings(figures: Mapping[str, Any]) -> str:
    settings = {**figures["reconstruction"], **figures["frame"], **figures["settings"]}
    rows = "".join(
        f"<tr><td>{html.escape(str(name))}</td><td>{html.escape(str(value))}</td></tr>"
        for name, value in settings.items()
    )
    table = f'<div class="scroll"><table>{rows}</table></div>'
    return _section("Settings", f"<details><summary>{len(settings)} values</summary>{table}</details>" if rows else "")


def _section(title: str, inside: str) -> str:
    heading = f"<h2>{title}</h2>" if title else ""
    return f"<section>{heading}{inside}</section>" if inside else ""


def _in_threads(make: Callable[[T], str], sources: Sequence[T]) -> Iterator[str]:
    """What `make` makes of each, in order."""
    with ThreadPoolExecutor(available_cpus()) as pool:
        return iter(list(pool.map(make, sources)))


def _thumbnail(picture: Picture) -> str:
    return _data_uri(_shrunk(Image.fromarray(picture)))


def _dropped_thumbnail(folder: Path | None, name: str) -> str:
    """A small picture of a photo that was dropped; nothing where it cannot be read."""
    if folder is None or not name or Path(name).name != name:
        return ""
    try:
        with Image.open(folder / name, formats=FORMATS) as image:
            image.draft("RGB", (THUMBNAIL, THUMBNAIL))
            return _data_uri(_shrunk(ImageOps.exif_transpose(image).convert("RGB")))
    except (OSError, ValueError, Image.DecompressionBombError):
        return ""


def _shrunk(image: Image.Image) -> Image.Image:
    image = image.copy()
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return image


def _data_uri(image: Image.Image) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp(image, 75)).decode()}"


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"
