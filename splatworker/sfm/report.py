"""What is said of a reconstruction: report.json beside the scene, and the stage's result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.frame import camera_extent
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.ladder import Attempt


@dataclass(frozen=True)
class SfmResult:
    """The outcome of a reconstruction.

    Attributes:
        photos, registered: photos given and photos that have a camera; a panorama is one photo.
        panoramas: how many panoramas were cut into views.
        views: "panorama", "name", "width" and "height" of each view that has a camera.
        faces: "photo", "name", "width" and "height" of each picture of a side that a fisheye's photo shows.
        rejected: (name, reason) of every photo that has none, in capture order.
        points: three-dimensional points.
        reprojection_error_px: mean over all observations, in pixels of the photos as given.
        track_length: mean number of photos that see a point.
        overlap: with how many others a photo overlaps (`overlapping_photos`), the mean.
        rung: the attempt of the ladder that won.
        engines: step -> whose it was, "own" or "colmap"; no "polish" where nothing came of it.
        on_gpu: steps of which a GPU did some of the work, by our own kernels: the result is the same without.
        warnings: sentences for the user; also sent to the reporter.
        timings: step -> seconds.
    """

    photos: int
    registered: int
    rejected: tuple[tuple[str, str], ...]
    points: int
    reprojection_error_px: float
    track_length: float
    overlap: float
    rung: str
    warnings: tuple[str, ...]
    timings: Mapping[str, float]
    engines: Mapping[str, str] = field(default_factory=dict)
    on_gpu: Sequence[str] = ()
    panoramas: int = 0
    views: Sequence[Mapping[str, Any]] = ()
    faces: Sequence[Mapping[str, Any]] = ()

    def to_event(self) -> dict[str, Any]:
        """As JSON-serialisable result of the stage."""
        result = asdict(self)
        result["rejected"] = [{"name": name, "reason": reason} for name, reason in self.rejected]
        result["warnings"] = list(self.warnings)
        return result


def write_report(
    path: Path,
    result: SfmResult,
    model: pycolmap.Reconstruction,
    groups: Sequence[CameraGroup],
    graph: MatchGraph,
    attempts: Sequence[Attempt],
    masks: Mapping[str, Any] | None = None,
) -> None:
    """Write report.json; `model` is the distorted one, whose intrinsics the undistorted photos no longer show.

    `masks` says what spoke for the photos' masks and against them, where that was a question.
    """
    cameras = dict(model.cameras.items())
    centers = np.array([model.image(image_id).projection_center() for image_id in model.reg_image_ids()])
    report = result.to_event() | {
        "extent": camera_extent(centers),
        "pairs": {"matched": graph.tried, "verified": len(graph.inliers)},
        "cameras": [_camera(cameras.get(number), group) for number, group in enumerate(groups, 1)],
        "attempts": [_attempt(attempt) for attempt in attempts],
        **({"masks": masks} if masks else {}),
    }
    path.write_text(json.dumps(report, indent=2) + "\n")


def _camera(camera: pycolmap.Camera | None, group: CameraGroup) -> dict[str, Any]:
    """A camera, None where none of its photos could be placed: COLMAP then drops it."""
    params = camera and zip(camera.params_info.replace(" ", "").split(","), camera.params.tolist(), strict=True)
    return {
        "model": camera and camera.model_name,
        "width": group.width,
        "height": group.height,
        "params": dict(params or ()),
        "prior_focal": group.focal if group.has_prior else None,
        "photos": [photo.name for photo in group.photos],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    model = attempt.model
    return {
        "look": attempt.look,
        "rung": attempt.rung,
        "engine": attempt.engine,
        "registered": attempt.registered,
        "points": model.num_points3D() if model else 0,
        "reprojection_error_px": model.compute_mean_reprojection_error() if model else None,
        "faults": attempt.inspection.faults,
        "bent": len(attempt.inspection.bent),
        "seconds": round(attempt.seconds, 2),
    }
