"""What is delivered: the model, how the photos came to it, and all that is told of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from splatworker.sfm import panoramas, reasons, remarks
from splatworker.sfm.accelerator import Accelerator
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.input_photos import InputPhotos
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.mask_evidence import used_masks
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.overlap import overlapping_photos
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.polish import Polished
from splatworker.sfm.report import SfmResult
from splatworker.sfm.search import Findings
from splatworker.sfm.undistort import Written


@dataclass(frozen=True)
class Delivery:
    """A scene that is delivered, and how it came about.

    Attributes:
        given: what there was to begin with.
        findings, evidence: what was seen of the photos, and every attempt.
        attempt: the one that is delivered.
        polished: its model, in the frame of the scene.
        misplaced: ids of images whose positions (GPS) were not believed.
        written: what was written beside one straight picture of each photo.
    """

    given: InputPhotos
    findings: Findings
    evidence: reasons.Evidence
    attempt: Attempt
    polished: Polished
    misplaced: Sequence[int]
    written: Written

    @property
    def model(self) -> pycolmap.Reconstruction:
        """Cameras, as the photos were taken, and points."""
        return self.polished.model

    @property
    def photos(self) -> Sequence[PhotoHeader]:
        """The images of the model: photos, and views of panoramas."""
        return self.evidence.photos


def result_of(
    delivery: Delivery, options: SfmOptions, accelerator: Accelerator, timings: Mapping[str, float]
) -> SfmResult:
    """The stage's result.

    Args:
        timings: seconds by step.
    """
    model, attempt, polished = delivery.model, delivery.attempt, delivery.polished
    kept = set(model.reg_frame_ids())
    left_out = reasons.why_left_out(delivery.evidence, attempt, kept)
    views = panoramas.views_kept(model, delivery.photos)
    return SfmResult(
        photos=delivery.given.count,
        registered=len(kept),
        rejected=tuple(_rejected(delivery.given, left_out)),
        points=model.num_points3D(),
        reprojection_error_px=model.compute_mean_reprojection_error(),
        track_length=model.compute_mean_track_length(),
        overlap=round(overlapping_photos(model, polished.arrays), 1),
        rung=attempt.rung,
        engines={"mapping": attempt.engine} | ({"polish": polished.by} if polished.by else {}),
        on_gpu=accelerator.steps,
        panoramas=panoramas.count(delivery.photos),
        views=[view for view in views if view["name"] not in delivery.written.hidden],
        faces=delivery.written.faces,
        warnings=tuple(_warnings(delivery, left_out, options, accelerator)),
        timings=timings,
    )


def _rejected(given: InputPhotos, left_out: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and reason of every photo without a camera.

    Args:
        left_out: why those have none that were tried.
    """
    yield from left_out.items()
    for name, other in given.near_duplicates.items():
        yield name, f"This photo is nearly the same as {other}."
    for name, reason in given.useless.items():
        yield name, f"This photo was left out because {reason}."
    for name in given.unreadable:
        yield name, "This file is not a photo."


def _warnings(
    delivery: Delivery, left_out: Mapping[str, str], options: SfmOptions, accelerator: Accelerator
) -> Iterator[str]:
    """All that the user should know, a sentence each."""
    given, findings, attempt, photos = delivery.given, delivery.findings, delivery.attempt, delivery.photos
    focals = {camera_id: camera.mean_focal_length() for camera_id, camera in delivery.model.cameras.items()}
    yield from given.passed_over
    if accelerator.remark:
        yield accelerator.remark
    yield from panoramas.remarks(photos)
    yield from remarks.of_told_areas([photo.name for photo in photos if photo.name in given.misread])
    yield from remarks.of_photos(delivery.evidence, findings.groups, left_out, len(given.near_duplicates), options)
    yield from remarks.of_headers(findings.groups, attempt)
    yield from remarks.of_lenses(findings.groups, focals, doubtful=findings.doubtful_lens)
    yield from remarks.of_fisheyes(findings.groups, delivery.written)
    yield from remarks.of_mirrored(photos)
    yield from remarks.of_positions(photos, delivery.misplaced)
    yield from remarks.of_masks(photos, findings.masks, attempt)
    yield from remarks.of_video(photos, delivery.model.compute_mean_reprojection_error())
    yield from remarks.of_a_bend(photos, attempt)
    yield from remarks.of_like_things(findings.graph, attempt)


def masks_in_report(delivery: Delivery) -> dict[str, Any] | None:
    """What spoke for the photos' masks and against them, and what was done; None where that was no question."""
    evidence = delivery.findings.masks
    return asdict(evidence) | {"used": used_masks(delivery.attempt)} if evidence else None
