"""The last touch: intrinsics as fine as the finished model can tell them.

Mapping is done with few parameters a camera (`cameras`), or with intrinsics held, because early models of few
photos cannot tell more. The finished one often can: one bundle adjustment lets the focal length go where it was
held, and gives each lens as many parameters as its photos speak for (`lens_model`). What is not better is not kept.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from splatworker.sfm import adjustment, gate, model_adjustment, model_arrays, some_of_many
from splatworker.sfm.cameras import CameraGroup, fixed_cameras
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.lens_model import richer_lenses
from splatworker.sfm.model_arrays import ModelArrays
from splatworker.sfm.options import Engine
from splatworker.sfm.watch import watch
from splatworker.sfm.workbench import Workbench

MANY_PHOTOS = 20
"""Where our own adjustment cannot choose: from so many photos of one camera on it is given OPENCV, or its fisheye."""

_WORTHWHILE = 0.98
"""More parameters always fit better; where nothing else speaks for them, they are kept if the reprojection error falls
by two per cent or more."""

_TOLERANCE = 1e-7
"""Ends when a step lowers the cost by less than this share. To the bitter end COLMAP took twice as long, for 0.0001
degrees and 0.0001 % of the extent (fox)."""

_LOSS: adjustment.Loss = "huber"
"""Ours, as at the end of `rounds`: some wrong matches pass every filter."""

_OUR_TOLERANCE = 1e-6
"""With that loss the last digits take long: fox 33 steps to 1e-7 instead of 13. The cameras of a rendered scene that it
refines came out the same within 0.1 % of AUC."""

_TOLERANCE_OF_MANY = 1e-5
"""Of many photos, whose steps take long. To 1e-8, with 40 steps in place of 5, 300 of a ring have the same AUC."""


@dataclass(frozen=True)
class Polished:
    """What became of a model.

    Attributes:
        model: with refined intrinsics, or the model itself where that does not make it better.
        by: whose bundle adjustment refined it; None where it is the model itself.
        arrays: those of `model`, if they have been read.
    """

    model: pycolmap.Reconstruction
    by: Engine | None
    arrays: ModelArrays | None


def polish(
    model: pycolmap.Reconstruction,
    groups: Sequence[CameraGroup],
    bench: Workbench,
    arrays: ModelArrays | None = None,
) -> Polished:
    """Refine the intrinsics, with all cameras and points, and keep that where it makes the model better.

    Args:
        arrays: the model's, if they have been read.
    """
    arrays = arrays or model_arrays.read(model, bench.folder)
    refined = copy.deepcopy(model)
    fixed = fixed_cameras(groups)
    chosen = bench.options.camera_model == "auto" and watch(
        lambda: _choose_lenses(refined, groups, bench, arrays), lambda: None, bench.cancellation
    )
    by = watch(lambda: _adjust(refined, fixed, bench, arrays), lambda: None, bench.cancellation)
    refined.update_point_3d_errors()
    worthwhile = 1.0 if chosen else _WORTHWHILE
    better = refined.compute_mean_reprojection_error() < worthwhile * model.compute_mean_reprojection_error()
    if better:
        found = gate.inspect(refined, groups)
        doubted = found.doubted.keys() - gate.contradictions(model, groups).keys()
        if not found.faults and not found.implausible_images and not doubted:
            return Polished(refined, by, found.arrays)
    return Polished(model, None, arrays)


def _choose_lenses(
    model: pycolmap.Reconstruction, groups: Sequence[CameraGroup], bench: Workbench, arrays: ModelArrays
) -> bool:
    """Give cameras the lens models that their photos speak for; whether any was chosen by evidence."""
    fixed = fixed_cameras(groups)
    if bench.options.engine != "colmap" and adjustment.has_kernel():
        try:
            lenses = richer_lenses(model, fixed, threads=bench.threads, arrays=arrays)
        except ValueError:  # too many photos, or none that could be moved
            pass
        else:
            for camera_id, lens in lenses.items():
                model.cameras[camera_id].model = lens.model
                model.cameras[camera_id].params = list(lens.params)
            return bool(lenses)
    for camera_id, camera in model.cameras.items():
        if len(groups[camera_id - 1].photos) >= MANY_PHOTOS and camera_id not in fixed:
            refine_model(camera)
    return False


def _adjust(model: pycolmap.Reconstruction, fixed: Collection[int], bench: Workbench, arrays: ModelArrays) -> Engine:
    """Adjust all cameras and points, but not the intrinsics of cameras whose ids are `fixed`; says by whom.

    By our own adjustment where it is for this model and finds a minimum, else, or if that was asked for, by COLMAP's.
    """
    still = not pycolmap.ObservationManager(model).filter_observations_with_negative_depth()
    if (
        bench.options.engine != "colmap"
        and not model_adjustment.why_not(model)
        and _adjust_by_ours(model, fixed, bench, arrays if still else None)
    ):
        return "own"
    adjust_by_colmap(model, fixed, bench.threads)
    return "colmap"


def _adjust_by_ours(
    model: pycolmap.Reconstruction, fixed: Collection[int], bench: Workbench, arrays: ModelArrays | None
) -> bool:
    """Whether our own adjustment found a minimum; else the model is as it was."""
    are_many = model.num_reg_images() > some_of_many.MANY_PHOTOS
    tolerance = _TOLERANCE_OF_MANY if are_many else _OUR_TOLERANCE
    try:
        adjusted = model_adjustment.adjust_model(
            model, fixed, loss=_LOSS, tolerance=tolerance, threads=bench.threads, folder=bench.folder,
            arrays=arrays, accelerator=bench.accelerator,
        )  # fmt: skip
    except ValueError:  # nothing to adjust, or a number that is none: let COLMAP make of it what it can
        return False
    return adjusted.end == "converged"


def adjust_by_colmap(
    model: pycolmap.Reconstruction, fixed: Collection[int], threads: int
) -> pycolmap.BundleAdjustmentSummary:
    """What `pycolmap.bundle_adjustment` does, which cannot be kept from logging it."""
    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    options.refine_sensor_from_rig = False  # the views of a panorama lie where they were cut
    options.ceres.solver_options.num_threads = threads
    options.ceres.solver_options.function_tolerance = _TOLERANCE
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in model.reg_image_ids():
        config.add_image(image_id)
    for camera_id in set(model.cameras) & set(fixed):
        config.set_constant_cam_intrinsics(camera_id)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    return pycolmap.create_default_bundle_adjuster(options, config, model).solve()


def refine_model(camera: pycolmap.Camera) -> None:
    """SIMPLE_RADIAL (f, cx, cy, k) as OPENCV (fx, fy, cx, cy, k1, k2, p1, p2); its fisheye as that (..., k1 to k4)."""
    f, cx, cy, k = camera.params
    is_fisheye = "FISHEYE" in camera.model_name
    camera.model = pycolmap.CameraModelId.OPENCV_FISHEYE if is_fisheye else pycolmap.CameraModelId.OPENCV
    camera.params = [f, f, cx, cy, k, 0.0, 0.0, 0.0]
