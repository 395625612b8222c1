"""The way through this room: photos in, a scene to train on out."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from splatworker.errors import InvalidJob
from splatworker.formats.mask_names import AS_GIVEN, MaskRules, masks_folder
from splatworker.machine.limits import available_cpus
from splatworker.sfm import features, reasons
from splatworker.sfm.accelerator import Accelerator
from splatworker.sfm.cameras import CameraGroup, group_photos
from splatworker.sfm.cut import with_views
from splatworker.sfm.database import alias
from splatworker.sfm.delivery import Delivery, masks_in_report, result_of
from splatworker.sfm.early_features import find_features
from splatworker.sfm.frame import apply_frame, find_frame
from splatworker.sfm.input_photos import read_input
from splatworker.sfm.ladder import Attempt, best
from splatworker.sfm.layout import lay_out, needed
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.output import scene_to_write
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.photo_features import Ahead
from splatworker.sfm.polish import Polished, polish
from splatworker.sfm.report import SfmResult, write_report
from splatworker.sfm.search import search
from splatworker.sfm.undistort import write_scene
from splatworker.sfm.watch import Cancellation, Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages import arrivals
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
    _demand_gpu(options)

    with scene_to_write(scene, images, beside=overwrite) as part:
        work = part / "work"
        work.mkdir()
        bench = Workbench(
            work, work / "photos", options, threads, cancellation, mask_rules, accelerator=accelerator, ahead=ahead
        )
        arrived = find_features(dataclasses.replace(bench, photos=images), all_arrived) if all_arrived else None
        masks = masks or masks_folder(images)
        given = read_input(images, masks, bench)
        photos, _ = with_views(given.chosen, needed(options))
        with timer("layout"):
            photos = lay_out(photos, images, bench, Span(reporter, "reading photos", 0.0, 0.02))
        by_header = group_photos(
            photos, [bench.photos / alias(number, photo) for number, photo in enumerate(photos, 1)]
        )

        findings = search(bench, photos, by_header, reporter, timer, arrived)
        evidence = reasons.Evidence(photos, images, findings.keypoints, findings.graph)
        attempt = _fit_to_deliver(evidence, findings.attempts, options)

        with timer("polishing"):
            reporter.progress("refining cameras", 0.93)
            polished = _polished(attempt, findings.groups, bench)
        misplaced = () if options.keep_frame else _put_upright(polished, photos, part)
        with timer("undistortion"):
            written = write_scene(
                polished.model, photos, part, bench, Span(reporter, "removing lens distortion", 0.95, 1.0)
            )

        delivery = Delivery(given, findings, evidence, attempt, polished, misplaced, written)
        result = result_of(delivery, options, accelerator, timer.seconds)
        write_report(
            part / "report.json",
            result,
            polished.model,
            findings.groups,
            findings.graph,
            findings.attempts,
            masks_in_report(delivery),
        )
        shutil.rmtree(work, ignore_errors=True)
    for warning in result.warnings:
        reporter.warning(warning)
    reporter.progress("done", 1.0)
    return result


def _demand_gpu(options: SfmOptions) -> None:
    """Refuse a GPU that was asked for where nothing could use one."""
    if options.device == "cuda" and not (features.may_use_own_gpu(options) or features.has_cuda()):
        raise InvalidJob(
            "COLMAP cannot use a GPU here, nor can our own kernels: there is none, or nothing was built for one.",
            hint="Leave the device to auto.",
            stage="sfm",
        )


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


def _polished(attempt: Attempt, groups: Sequence[CameraGroup], bench: Workbench) -> Polished:
    """The attempt's model, without the cameras that cannot be true, with refined intrinsics."""
    model = attempt.model
    assert model is not None
    implausible = attempt.inspection.implausible_images
    for image_id in implausible:
        model.deregister_frame(model.image(image_id).frame_id)  # and with it all views of a panorama
    return polish(model, groups, bench, None if implausible else attempt.inspection.arrays)


def _put_upright(polished: Polished, photos: Sequence[PhotoHeader], scene: Path) -> tuple[int, ...]:
    """Bring the model into the frame of the scene and write down which; ids of images whose positions (GPS) were not
    believed.
    """
    frame = find_frame(polished.model, dict(enumerate(photos, 1)), polished.arrays)
    apply_frame(polished.model, frame)
    (scene / "frame.json").write_text(json.dumps(frame.to_json(), indent=2) + "\n")
    return frame.misplaced
