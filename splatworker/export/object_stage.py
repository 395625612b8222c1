"""The stage `object`: cut the object that all photos show out of a trained scene, and say where it was.

FOLDER/splat.ply       the object alone, in a frame of its own
FOLDER/object.json     `object_from_scene`, and the cameras of the photos in that frame
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from splatworker.errors import from_os_error
from splatworker.export import segmentation
from splatworker.export.comparison import read_photo
from splatworker.export.object_alone import ObjectAlone, isolate, voters
from splatworker.export.object_file import ACCOUNT, SPLAT
from splatworker.export.orient import Matrix, move_camera, quarter_turns
from splatworker.export.second_opinion import sharpen
from splatworker.export.standing import stand
from splatworker.export.subject import Subject, read_subject, shrunk
from splatworker.formats.atomic import write_text
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import write_ply
from splatworker.formats.scene import Photo
from splatworker.render.backend import renderer_for
from splatworker.render.device import is_gpu
from splatworker.render.interface import Renderer
from splatworker.render.tensors import for_renderer
from splatworker.stages.progress import Reporter

ASKED_ON_CPU, ASKED_ON_GPU = 400, 800
"""The longest side, in pixels, at which photos are asked."""

AXES = "y up, right-handed; the origin lies below the middle of the object, which stands on y = 0"


def cut_out(
    splat: Path, scene: Path, folder: Path, report: Reporter, *, device: str = "auto", ask_network: bool = False
) -> dict[str, Any]:
    """Write the object of a model folder, or of a splat of any format, and what there is to say about it.

    Args:
        ask_network: let a segmentation network's masks vote, too, where it is installed.

    Returns:
        What object.json says, but for its cameras; and the file of the splat as "ply".

    Raises:
        NoSingleSubject: there is none, or it cannot be told from what is around.
        InvalidScene: splat or scene is missing or broken.
        DiskFull, SplatError: the folder cannot be written.
    """
    report.progress("reading", 0.0)
    subject = read_subject(splat, scene)
    renderer = renderer_for(device)
    longest = ASKED_ON_GPU if is_gpu(renderer.device) else ASKED_ON_CPU
    photos = [shrunk(photo, longest) for photo in subject.photos]
    geometry = 0.6 if ask_network else 1.0
    found = isolate(
        subject.gaussians,
        [photo.camera for photo in photos],
        subject.points,
        renderer,
        lambda share: report.progress("finding the object", geometry * share),
    )
    opinion: dict[str, Any] = {}
    if ask_network:
        found, opinion = _sharpened(
            found,
            subject,
            photos[voters(len(photos))],
            renderer,
            report,
            lambda share: report.progress("asking the network", geometry + (1 - geometry) * share),
        )
    standing = stand(subject.gaussians, found)
    to_upright = np.eye(4)
    to_upright[:3, :3] = subject.rotation
    told: dict[str, Any] = {
        "gaussians": len(standing.gaussians),
        "gaussians_of_scene": len(subject.gaussians),
        "axes": AXES,
        "unit": str(subject.frame.get("unit", "arbitrary")),
        "size": np.round(standing.high - standing.low, 6).tolist(),
        "support": found.plane is not None,
        "object_from_scene": (standing.moved @ to_upright).tolist(),
        **opinion,
    }
    _write(folder, standing.gaussians, told, _cameras(subject, standing.moved))
    report.progress("done", 1.0)
    return told | {"ply": str(folder / SPLAT)}


def _write(folder: Path, gaussians: Gaussians, told: dict[str, Any], cameras: list[dict[str, Any]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "object") from error
    write_ply(folder / SPLAT, gaussians)
    write_text(folder / ACCOUNT, json.dumps(told | {"cameras": cameras}, indent=1) + "\n", "object")


def _sharpened(
    found: ObjectAlone,
    subject: Subject,
    photos: Sequence[Photo],
    renderer: Renderer,
    report: Reporter,
    progress: Callable[[float], None],
) -> tuple[ObjectAlone, dict[str, Any]]:
    """The object as a segmentation network's masks of these photos have it, and what is told of that.

    Where it is not installed, or not believed, the object stays as it was found, and a warning says why.
    """
    if (missing := segmentation.why_missing()) is not None:
        report.warning(f"segmentation: not installed. The object was cut out without it, since {missing}.")
        return found, {"segmentation": {"used": False, "reason": f"not installed: {missing}"}}
    look = segmentation.network()
    started = time.process_time()
    masks, unsure = segmentation.masks_of(
        [partial(read_photo, photo) for photo in photos],
        [quarter_turns(photo.camera) for photo in photos],
        [(photo.camera.width, photo.camera.height) for photo in photos],
        look,
        lambda share: progress(0.5 * share),
    )
    seconds = (time.process_time() - started) / len(photos)
    opinion = sharpen(
        found,
        masks,
        unsure,
        [photo.camera for photo in photos],
        for_renderer(subject.gaussians, renderer),
        renderer,
        lambda share: progress(0.5 + 0.5 * share),
    )
    told = {**opinion.told, "cpu_seconds_a_photo": round(seconds, 3)}
    if opinion.doubt:
        report.warning(f"segmentation: not used, since {opinion.doubt}. The object was cut out without it.")
        return found, {"segmentation": {"used": False, "reason": opinion.doubt, **told}}
    return dataclasses.replace(found, keep=opinion.keep), {"segmentation": {"used": True, **told}}


def _cameras(subject: Subject, moved: Matrix) -> list[dict[str, Any]]:
    """The photos' cameras in the object's frame: COLMAP's axes, pixels of the scene's undistorted photos."""
    told = []
    for photo in subject.photos:
        camera = move_camera(photo.camera, moved)
        told.append(
            {
                "name": photo.name,
                **{name: getattr(camera, name) for name in ("width", "height", "fx", "fy", "cx", "cy")},
                "camera_from_object": camera.camera_from_world.tolist(),
            }
        )
    return told
