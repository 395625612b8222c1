"""What is exported: a trained splat and the scene it was trained on, turned upright, with all that is known of both."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.export.object_file import SPLAT, object_from_scene
from splatworker.export.orient import Matrix, move_camera, rotate, upright_rotation
from splatworker.formats.find import find_model, find_splat_of_scene
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.mask_names import AS_GIVEN, MODES, MaskRules
from splatworker.formats.scene import Photo, read_scene
from splatworker.formats.side_files import json_in, json_of, text_of
from splatworker.render.interface import SH_C0
from splatworker.splat_files.registry import read_whole

LARGEST_NUMBER = 1e15
"""A number of a report or a log beyond it is broken."""

PLAIN = (0.94, 0.94, 0.94)
"""The background of an object alone: so light a grey that what is white can be seen before it."""

MOST_POINTS = 5000
"""Of an object's Gaussians, which stand for its sparse points."""


@dataclass(frozen=True)
class Subject:
    """A splat and its scene, upright: y is up.

    Attributes:
        source: the file the splat was read from.
        gaussians: the splat; only Gaussians made of numbers.
        not_finite: how many were not, and were left out.
        behind: so many of the Gaussians, the last ones, are the backdrop: behind the scene, and no part of it.
        rotation: from the world of the files to this one.
        trained, held_out: photos the splat was trained on, and those kept back to score it (often none).
        points, tracks: (N, 3) sparse points, and (N,) in how many photos each was seen.
        alone: whether the splat is an object that was cut from its scene, and the world that object's own.
        background: red, green, blue behind the splat, in [0, 1].
        results: the model folder's results.json; empty without one.
        log: the entries of its train_log.jsonl.
        reconstruction: the scene's report.json; empty without one.
        frame: the scene's frame.json; empty without one.
    """

    source: Path
    gaussians: Gaussians
    not_finite: int
    behind: int
    rotation: Matrix
    trained: list[Photo]
    held_out: list[Photo]
    points: npt.NDArray[np.float64]
    tracks: npt.NDArray[np.float64]
    alone: bool
    background: tuple[float, float, float]
    results: dict[str, Any]
    log: list[dict[str, Any]]
    reconstruction: dict[str, Any]
    frame: dict[str, Any]

    @property
    def around(self) -> tuple[float, float, float]:
        """The colour of a page about the splat: its background, or for whoever leaves a backdrop its mean."""
        if not self.behind:
            return self.background
        red, green, blue = (0.5 + SH_C0 * self.gaussians.sh_dc[-self.behind :].mean(axis=0)).clip(0, 1).tolist()
        return red, green, blue

    @property
    def photos(self) -> list[Photo]:
        """All photos, those trained on first."""
        return [*self.trained, *self.held_out]


def read_subject(splat: Path, scene_folder: Path, alone: Path | None = None) -> Subject:
    """Read a model folder, or a splat of any format, and its scene folder; a folder of `run` is both.

    Args:
        alone: the folder of the object that was cut from it (`object_stage`), which then is the splat.

    Raises:
        InvalidScene: either is missing, broken or empty.
        SplatError: a file cannot be opened.
    """
    source = find_splat_of_scene(splat) if alone is None else alone / SPLAT
    gaussians, not_finite = read_whole(source, "export")
    model = find_model(splat)
    told = text_of(model / "cfg_args") if splat.is_dir() else ""
    scene = read_scene(scene_folder, masks=_masks_in(told), rules=_rules_in(told))
    scene_folder = scene.path
    results = well_typed(_json(model / "results.json"), _RESULTS) if splat.is_dir() else {}
    if "history" in results:
        results["history"] = [entry for entry in results["history"] if "iteration" in entry]
    held_out_names = _held_out(results) or {photo.name for photo in scene.photos if photo.held_out}
    moved = np.eye(4)
    if alone is None:
        moved[:3, :3] = rotation = upright_rotation(scene_folder, [photo.camera for photo in scene.photos])
    else:  # the object's file stands in the object's own frame
        moved, rotation = object_from_scene(alone), np.eye(3)
    photos = [dataclasses.replace(photo, camera=move_camera(photo.camera, moved)) for photo in scene.photos]
    gaussians = rotate(gaussians, rotation)
    points, tracks = scene.points.xyz @ moved[:3, :3].T + moved[:3, 3], scene.points.track_lengths.astype(np.float64)
    if alone is not None:  # what the scene's points show is mostly gone
        points = gaussians.means[:: max(1, len(gaussians) // MOST_POINTS)].astype(np.float64)
        tracks = np.ones(len(points))
    white = "white_background=True" in told
    return Subject(
        source=source,
        gaussians=gaussians,
        not_finite=not_finite,
        behind=_behind_in(told, len(gaussians)) if alone is None else 0,
        rotation=rotation,
        trained=[photo for photo in photos if photo.name not in held_out_names],
        held_out=[photo for photo in photos if photo.name in held_out_names],
        points=points,
        tracks=tracks,
        alone=alone is not None,
        background=PLAIN if alone is not None else (1.0, 1.0, 1.0) if white else (0.0, 0.0, 0.0),
        results=results,
        log=_lines(model / "train_log.jsonl") if splat.is_dir() else [],
        reconstruction=well_typed(_json(scene_folder / "report.json"), _RECONSTRUCTION),
        frame=well_typed(_json(scene_folder / "frame.json"), _FRAME),
    )


def _rules_in(told: str) -> MaskRules:
    """How the splat's training took masks, by its cfg_args."""
    mode = next((mode for mode in MODES if f"mask_mode='{mode}'" in told), AS_GIVEN.mode)
    return MaskRules(mode, "invert_masks=True" in told)


def _behind_in(told: str, count: int) -> int:
    """How many of so many Gaussians are the backdrop."""
    found = re.search(r"\bbackdrop_gaussians=(\d{1,9})\b", told)
    return min(int(found.group(1)), count) if found else 0


def _masks_in(told: str) -> Path | None:
    """The folder of masks that it was given, where that is still there; else the scene's own are looked for."""
    found = re.search(r"\bmasks='([^']+)'", told)
    folder = Path(found.group(1)) if found else None
    return folder if folder is not None and folder.is_dir() else None


def _held_out(results: dict[str, Any]) -> set[str]:
    """The names of the photos that results.json has scores of."""
    photos = well_typed(results.get("test", {}), {"photos": [{"name": str}]}).get("photos", [])
    return {photo["name"] for photo in photos if "name" in photo}


_RESULTS = {
    **{"psnr": float, "ssim": float, "iteration": int, "test": dict},
    "history": [{"iteration": int, "psnr": float, "ssim": float}],
}
_RECONSTRUCTION = {
    **{"photos": int, "points": int, "reprojection_error_px": float, "track_length": float, "rung": str},
    "rejected": [{"name": str, "reason": str, "index": int}],
    "views": [{"panorama": str}],
    "faces": [{"photo": str}],
}
_FRAME = {"axes": str, "unit": str, "scale": float}
_LOG = {"iteration": int, "loss": float, "gaussians": int}


def well_typed(data: object, shape: dict[str, Any]) -> dict[str, Any]:
    """What of some JSON has the names and types that we write; other makers' files of these names say other things."""
    found: dict[str, Any] = {}
    for name, kind in shape.items():
        value = data.get(name) if isinstance(data, dict) else None
        if isinstance(kind, list):
            if isinstance(value, list):
                found[name] = [well_typed(entry, kind[0]) for entry in value if isinstance(entry, dict)]
        elif kind in (int, float):
            if isinstance(value, int | kind) and not isinstance(value, bool) and abs(value) < LARGEST_NUMBER:
                found[name] = value
        elif isinstance(value, kind):
            found[name] = value
    return found


def shrunk(photo: Photo, longest_side: int) -> Photo:
    """The photo with its camera as if it had been taken no larger than this many pixels."""
    camera = photo.camera
    factor = min(1.0, longest_side / max(camera.width, camera.height))
    size = max(1, round(factor * camera.width)), max(1, round(factor * camera.height))
    return dataclasses.replace(photo, camera=camera.resized(*size))


def _json(path: Path) -> dict[str, Any]:
    data = json_of(path)
    return data if isinstance(data, dict) else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    entries = []
    for line in text_of(path).splitlines():
        if (entry := well_typed(json_in(line), _LOG)).get("iteration", -1) >= 0:
            entries.append(entry)
    return entries
