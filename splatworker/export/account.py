"""How good a splat is and how it came to be, in figures: quality.json, and what the report shows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from splatworker.errors import InvalidScene
from splatworker.export.comparison import Comparison, compare
from splatworker.export.orient import HALF_TURN_ABOUT_Z, Matrix, rotate_camera
from splatworker.export.pictures import SplatRenderer
from splatworker.export.subject import Subject, shrunk
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.scene import Photo
from splatworker.render.arrays import mean_square_difference
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import read_any

MOST_SCORED = 64
"""Photos that are scored at most; more would only take longer to say the same."""

UNTRUSTED_SCORED = 8
"""Photos that are scored where none were held out."""

LOSS_VIEWS = 3
"""Views from which a format's loss is measured."""

_LOG_ENTRIES = 200

Loss = dict[str, Any]
"""What a file of a format costs and loses, ready for JSON."""

AXES = {name: known.axes for name, known in FORMATS.items() if name != "ply"} | {"cleaned_ply": FORMATS["ply"].axes}
"""The axes of each file: a viewer of the format shows it upright."""


@dataclass(frozen=True)
class Account:
    """What happened before the export, as far as somebody tells.

    Attributes:
        photos: given, used, registered, and rejected with name and reason each.
        timings: stage -> seconds.
        settings: parameter -> value.
        warnings: sentences.
        videos: what was found in each video, and which of its frames were taken, and why.
        photo_folder: where the decoded photos lie, for thumbnails of those that were dropped.
    """

    photos: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    videos: list[dict[str, Any]] = field(default_factory=list)
    photo_folder: Path | None = None


def read_account(path: Path) -> Account:
    """The account in a JSON file with the names of `Account`.

    Raises:
        InvalidScene: it cannot be read.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        folder = data.get("photo_folder")
        return Account(
            photos=dict(data.get("photos", {})),
            timings={str(stage): float(seconds) for stage, seconds in data.get("timings", {}).items()},
            settings=dict(data.get("settings", {})),
            warnings=[str(warning) for warning in data.get("warnings", [])],
            videos=[dict(video) for video in data.get("videos", [])],
            photo_folder=Path(folder) if folder else None,
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidScene(f"The account {path.name} cannot be read: {error}.", stage="export") from error


def scored_photos(subject: Subject, longest_side: int) -> tuple[list[Photo], set[str]]:
    """The photos to score, and the names of those held out: all of these, or where there are none some others."""
    held_out = {photo.name for photo in subject.held_out}
    chosen = subject.held_out or subject.trained[:: max(1, len(subject.trained) // UNTRUSTED_SCORED)]
    step = -(-len(chosen) // MOST_SCORED)
    return [shrunk(photo, longest_side) for photo in chosen[::step]], held_out


def figures(
    subject: Subject,
    account: Account,
    scored: Sequence[Comparison],
    formats: list[Loss],
    cleaning: dict[str, Any] | None,
    gaussians: Gaussians,
    parts: Mapping[str, tuple[float, float]],
) -> dict[str, Any]:
    """All that quality.json says; `parts` are those of the export so far, each with its beginning and end."""
    found, trained = subject.reconstruction, subject.results
    rejected = account.photos.get("rejected") or found.get("rejected") or []
    views = found.get("views", [])
    panoramas = len({view.get("panorama") for view in views})
    kind = "held out" if subject.held_out else "trained on"
    return {
        "subject": "object" if subject.alone else "scene",
        "splat": {
            "gaussians": len(gaussians),
            "gaussians_trained": len(subject.gaussians) + subject.not_finite,
            "not_finite": subject.not_finite,
            "sh_degree": gaussians.sh_degree,
            **({"antialiased": True} if gaussians.antialiased else {}),
            "trained_bytes": subject.source.stat().st_size,
        },
        "photos": {
            "given": account.photos.get("given", found.get("photos", len(subject.photos))),
            "used": account.photos.get("used", found.get("photos", len(subject.photos))),
            "registered": len(subject.photos) - len(views) - len(found.get("faces", [])) + panoramas,
            **({"panoramas": panoramas, "views": len(views)} if views else {}),
            "held_out": len(subject.held_out),
            "rejected": [{"name": _name(photo), "reason": str(photo.get("reason", ""))} for photo in rejected],
        },
        "scores": {
            "of": kind,
            "psnr": _mean([comparison.psnr for comparison in scored]),
            "ssim": _mean([comparison.ssim for comparison in scored]),
            "photos": [
                {"name": comparison.name, "psnr": comparison.psnr, "ssim": comparison.ssim} for comparison in scored
            ],
            "as_trained": {name: trained[name] for name in ("psnr", "ssim", "iteration") if name in trained},
        },
        "training": {
            "log": subject.log[:: max(1, len(subject.log) // _LOG_ENTRIES)],
            "history": trained.get("history", []),
        },
        "reconstruction": {
            name: found[name] for name in ("points", "reprojection_error_px", "track_length", "rung") if name in found
        },
        "frame": {name: subject.frame[name] for name in ("axes", "unit", "scale") if name in subject.frame},
        "cleaning": cleaning,
        "formats": formats,
        "timings": dict(account.timings),
        "export": {part: list(times) for part, times in parts.items()},
        "settings": dict(account.settings),
        "warnings": list(account.warnings),
        **({"videos": list(account.videos)} if account.videos else {}),
    }


def format_loss(
    name: str, path: Path, gaussians: Gaussians, subject: Subject, splat_renderer: SplatRenderer, side: int
) -> Loss:
    """Of a file of a format: bytes, ratio to the PLY, and what drawing it loses against drawing the splat."""
    cameras = [shrunk(photo, side).camera for photo in subject.photos]
    cameras = cameras[:: max(1, len(cameras) // LOSS_VIEWS)][:LOSS_VIEWS]
    turn = _from_upright(name, subject.rotation)  # turning a few cameras is less than turning a splat
    stored = SplatRenderer(read_any(path), splat_renderer.renderer, subject.background, splat_renderer.lock)
    errors = [
        mean_square_difference(stored.image(rotate_camera(camera, turn)), splat_renderer.image(camera))
        for camera in cameras
    ]
    size = path.stat().st_size
    ply_bytes = len(gaussians) * 4 * (17 + 3 * gaussians.sh_rest.shape[1])
    return {
        "name": name,
        "file": path.name,
        "bytes": size,
        "ratio": round(ply_bytes / size, 1),
        "psnr_db": round(-10 * math.log10(max(float(np.mean(errors)), 1e-10)), 2),
        "axes": AXES[name],
    }


def _from_upright(name: str, rotation: Matrix) -> Matrix:
    """The rotation from the upright world to that of a file."""
    if name == "cleaned_ply":
        return rotation.T
    return HALF_TURN_ABOUT_Z if FORMATS[name].y_down else np.eye(3)


def _name(photo: dict[str, Any]) -> str:
    """What a dropped photo is called; one that never came has only its number in the job."""
    number = photo.get("index")
    return str(photo.get("name") or ("a photo" if number is None else f"photo {number + 1}"))


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def score(subject: Subject, splat_renderer: SplatRenderer, longest_side: int) -> list[Comparison]:
    """The photos beside what the splat shows of them, worst first."""
    photos, held_out = scored_photos(subject, longest_side)
    return compare(splat_renderer, photos, held_out, subject.alone)
