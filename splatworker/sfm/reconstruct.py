"""The way through this room: photos in, a scene to train on out."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from splatworker.errors import InvalidJob, NoPhotos, TooFewPhotos
from splatworker.formats.mask_names import AS_GIVEN, MaskRules, masks_folder
from splatworker.machine.limits import available_cpus
from splatworker.sfm import features, panoramas, reasons, remarks, told_areas
from splatworker.sfm.accelerator import Accelerator
from splatworker.sfm.cameras import group_photos
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.cut import TOO_SMALL, with_views
from splatworker.sfm.database import alias
from splatworker.sfm.duplicates import find_near_duplicates
from splatworker.sfm.early_features import find_features
from splatworker.sfm.frame import apply_frame, find_frame
from splatworker.sfm.ladder import Attempt, best
from splatworker.sfm.layout import lay_out, needed
from splatworker.sfm.mask_evidence import used_masks
from splatworker.sfm.masks import with_masks
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.output import scene_to_write
from splatworker.sfm.overlap import overlapping_photos
from splatworker.sfm.photo import PhotoHeader, read_photos
from splatworker.sfm.photo_features import Ahead
from splatworker.sfm.polish import polish
from splatworker.sfm.report import SfmResult, write_report
from splatworker.sfm.search import search
from splatworker.sfm.undistort import write_scene
from splatworker.sfm.watch import Cancellation, Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages import arrivals
from splatworker.stages.file_names import find_files, readable
from splatworker.stages.file_names import left_out as left_out_files
from splatworker.stages.progress import Reporter


def reconstruct(
    images: Path,
    scene: Path,
    options: SfmOptions,
    reporter: Reporter,
    cancellation: Cancellation | None = None,
    all_arrived: arrivals.AllArrived | None = None,
    *,
    overwrite: bool = False,
    masks: Path | None = None,
    mask_rules: MaskRules = AS_GIVEN,
    accelerator: Accelerator | None = None,
    ahead: Ahead | None = None,
) -> SfmResult:
    """Find cameras and points for a folder of photos and write `scene`, whole or not at all.

    Args:
        images: a folder of JPEG and PNG files with their EXIF, pixels not turned by it; sub-folders are searched.
        scene: folder to make: images/ without lens distortion, sparse/0/ with PINHOLE cameras, report.json. An
            older scene of ours there is replaced; any other folder with something in it is refused.
        all_arrived: whether all photos have arrived; until then features are found in those that have. None: they are.
        overwrite: other things may be in `scene`, and stay.
        masks: a folder of masks; None for the one that comes with the photos, if any (`mask_names.masks_folder`).
        mask_rules: how they, and the photos' alpha, are meant.
        accelerator: a GPU that is being opened; None to begin with that here.
        ahead: features that are being found already.

    Raises:
        NoPhotos, TooFewPhotos, NoFeatures, NoOverlap, NoReconstruction: with a sentence for whoever took the photos.
        Cancelled: `cancellation` was requested.
        InvalidMasks: the masks are of other photos, or one cannot be used.
        InvalidJob: `scene` cannot be filled or holds what is not ours, or CUDA was asked for and is not there.
    """
    cancellation = cancellation or Cancellation()
    threads = options.threads or available_cpus()
    timer = StepTimer()
    accelerator = accelerator or Accelerator(wanted=options.wants_own_gpu)
    ahead = ahead or Ahead()
    if options.device == "cuda" and not (features.may_use_own_gpu(options) or features.has_cuda()):
        raise InvalidJob(
            "COLMAP cannot use a GPU here, nor can our own kernels: there is none, or nothing was built for one.",
            hint="Leave the device to auto.",
            stage="sfm",
        )

    with scene_to_write(scene, images, beside=overwrite) as part:
        work = part / "work"
        work.mkdir()
        bench = Workbench(
            work, work / "photos", options, threads, cancellation, mask_rules, accelerator=accelerator, ahead=ahead
        )
        arrived = find_features(dataclasses.replace(bench, photos=images), all_arrived) if all_arrived else None
        masks = masks or masks_folder(images)
        given, useless, unreadable = _read(images, masks, options)
        inside = find_files(images, masks)
        passed_over = [
            *(
                f"The folder {name} was passed over: {reason}."
                for name, reason in inside.passed_over.items()
                if images / name != masks
            ),
            *left_out_files(inside.set_aside.items()),
        ]
        given = with_masks(given, masks, mask_rules)
        near_duplicates = find_near_duplicates(given, images)
        photos = [photo for photo in given if photo.name not in near_duplicates]
        misread = told_areas.ordinary_after_all(photos, images, bench)
        photos = [dataclasses.replace(one, area=None, upright_by=1) if one.name in misread else one for one in photos]
        photos, _ = with_views(photos, needed(options))
        with timer("layout"):
            span = Span(reporter, "reading photos", 0.0, 0.02)
            photos = lay_out(photos, images, bench, span)
        by_header = group_photos(
            photos, [bench.photos / alias(number, photo) for number, photo in enumerate(photos, 1)]
        )
        findings = search(bench, photos, by_header, reporter, timer, arrived)
        groups = findings.groups
        evidence = reasons.Evidence(photos, images, findings.keypoints, findings.graph)
        attempt = _fit_to_deliver(evidence, findings.attempts, options)
        of_headers = tuple(remarks.of_headers(groups, attempt))

        with timer("polishing"):
            reporter.progress("refining cameras", 0.93)
            judged = attempt.inspection
            arrays = None if judged.implausible_images else judged.arrays
            polished = polish(_without_implausible(attempt), groups, bench, arrays)
            model = polished.model
            focals = {camera_id: camera.mean_focal_length() for camera_id, camera in model.cameras.items()}
        misplaced: tuple[int, ...] = ()
        if not options.keep_frame:
            frame = find_frame(model, dict(enumerate(photos, 1)), polished.arrays)
            apply_frame(model, frame)
            misplaced = frame.misplaced
            (part / "frame.json").write_text(json.dumps(frame.to_json(), indent=2) + "\n")
        with timer("undistortion"):
            span = Span(reporter, "removing lens distortion", 0.95, 1.0)
            written = write_scene(model, photos, part, bench, span)

        kept = set(model.reg_frame_ids())
        left_out = reasons.why_left_out(evidence, attempt, kept)
        result = SfmResult(
            photos=len(given) + len(useless) + len(unreadable),
            registered=len(kept),
            rejected=(
                *left_out.items(),
                *((name, f"This photo is nearly the same as {other}.") for name, other in near_duplicates.items()),
                *((name, f"This photo was left out because {reason}.") for name, reason in useless.items()),
                *((name, "This file is not a photo.") for name in unreadable),
            ),
            points=model.num_points3D(),
            reprojection_error_px=model.compute_mean_reprojection_error(),
            track_length=model.compute_mean_track_length(),
            overlap=round(overlapping_photos(model, polished.arrays), 1),
            rung=attempt.rung,
            engines={"mapping": attempt.engine} | ({"polish": polished.by} if polished.by else {}),
            on_gpu=accelerator.steps,
            panoramas=panoramas.count(photos),
            views=[view for view in panoramas.views_kept(model, photos) if view["name"] not in written.hidden],
            faces=written.faces,
            warnings=(
                *passed_over,
                *filter(None, [accelerator.remark]),
                *panoramas.remarks(photos),
                *remarks.of_told_areas([photo.name for photo in photos if photo.name in misread]),
                *remarks.of_photos(evidence, groups, left_out, len(near_duplicates), options),
                *of_headers,
                *remarks.of_lenses(groups, focals, doubtful=findings.doubtful_lens),
                *remarks.of_fisheyes(groups, written),
                *remarks.of_mirrored(photos),
                *remarks.of_positions(photos, misplaced),
                *remarks.of_masks(photos, findings.masks, attempt),
                *remarks.of_video(photos, model.compute_mean_reprojection_error()),
                *remarks.of_a_bend(photos, attempt),
                *remarks.of_like_things(findings.graph, attempt),
            ),
            timings=timer.seconds,
        )
        masking = asdict(findings.masks) | {"used": used_masks(attempt)} if findings.masks else None
        write_report(part / "report.json", result, model, groups, findings.graph, findings.attempts, masking)
        shutil.rmtree(work, ignore_errors=True)
    for warning in result.warnings:
        reporter.warning(warning)
    reporter.progress("done", 1.0)
    return result


def _read(images: Path, masks: Path | None, options: SfmOptions) -> tuple[list[PhotoHeader], dict[str, str], list[str]]:
    """The photos of the folder in capture order, as many as are needed; why others are of no use; what is no photo."""
    if not images.is_dir():
        raise NoPhotos(f"There is no folder {images}.", hint="Give a folder of photos.")
    found, unreadable = read_photos(images, masks)
    if not found:
        others = f"; splatworker photos makes them of others ({unreadable[0]}, ...)" if unreadable else ""
        raise NoPhotos(
            f"There is no JPEG or PNG photo in {readable(images.name)}.", hint=f"Give a folder of photos{others}."
        )
    useless = {photo.name: photo.unusable for photo in found if photo.unusable}
    useless |= {photo.name: TOO_SMALL for photo in with_views(found, needed(options))[1]}
    photos = [photo for photo in found if photo.name not in useless]
    if useless and len(photos) < options.min_registered:
        name, reason = next(iter(useless.items()))
        raise NoPhotos(
            f"Of {len(found)} photos {len(useless)} cannot be used. Of {name}: {reason}.",
            hint="Give ordinary photos of one subject, or equirectangular panoramas.",
        )
    if len(photos) < options.min_registered:
        raise TooFewPhotos(
            f"{len(photos)} photos are too few: {options.min_registered} are needed.", hint=reasons.SHOOTING_HINT
        )
    panoramas.demand_few_enough(photos, needed(options))
    return photos, useless, unreadable


class StepTimer:
    """Seconds of each step: `with clock("features"): ...`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time the block."""
        start = time.monotonic()
        yield
        self.seconds[step] = round(self.seconds.get(step, 0.0) + time.monotonic() - start, 3)


def _fit_to_deliver(evidence: reasons.Evidence, attempts: Sequence[Attempt], options: SfmOptions) -> Attempt:
    """The best attempt, or the error that says why there is none that a splat can be trained on."""
    if no_depth := reasons.why_no_depth(evidence, attempts):
        raise no_depth
    attempt = best(attempts) if attempts else None
    given = len(evidence.given)
    wanted = min(options.min_registered, given)  # near-duplicates that were left out are not missed
    least = max(wanted, math.ceil(options.min_share * given))
    if attempt and attempt.plausible and attempt.registered >= least:
        return attempt
    if no_matches := reasons.why_no_features(evidence) or reasons.why_no_overlap(evidence):
        raise no_matches
    if several := reasons.why_several_scenes(evidence, least):
        raise several
    hint = reasons.asked_lens(options) or reasons.SHOOTING_HINT
    if attempt and attempt.plausible:
        raise reasons.why_too_few(evidence, attempt, least, hint)
    raise reasons.why_no_reconstruction(evidence, attempts, hint)


def _without_implausible(attempt: Attempt) -> pycolmap.Reconstruction:
    """The attempt's model without the cameras that cannot be true."""
    model = attempt.model
    assert model is not None
    for image_id in attempt.inspection.implausible_images:
        model.deregister_frame(model.image(image_id).frame_id)  # and with it all views of a panorama
    return model
