"""Mapping: cameras and points from the matches, by COLMAP's incremental or global mapper."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from splatworker.sfm import draft, matching
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.database import forget_focal_lengths
from splatworker.sfm.watch import Span, watch
from splatworker.sfm.workbench import Workbench

ONE_THREAD = 1

ONE_THREAD_PHOTOS = 100
"""Up to so many photos COLMAP's mappers work on one thread. On two, the incremental one takes whichever good first pair
is ready first, and the same photos give one of several models; the global one adds up in the order in which threads
are done, and no two runs give the same bytes. And two were no faster: with 18, 50 or 88 photos; globally with 16 or 29.
"""


@dataclass(frozen=True)
class MapperPreset:
    """What an attempt lets the incremental mapper do.

    Attributes:
        hold_intrinsics: keep focal length and distortion at their priors.
        low_angles: accept points seen under half a degree, and a first pair under four.
        draft: place the photos by their coarsest features, and take in the others at the end.
        without_header: begin as if no photo told its focal length.
    """

    hold_intrinsics: bool = False
    low_angles: bool = False
    draft: bool = False
    without_header: bool = False


def map_incrementally(
    bench: Workbench, output: Path, preset: MapperPreset, photos: int, span: Span, most_seconds: float = 0.0
) -> list[pycolmap.Reconstruction]:
    """Models of the photos, the one with most photos first; none where no two photos make a start.

    COLMAP's own first model is the first it began, not the best. After `most_seconds`, unless that is 0, it stops with
    what it has.
    """
    output.mkdir(parents=True)
    database = bench.database
    if preset.draft:
        database = output / "draft.db"
        draft.thin_out(bench.database, database)
    if preset.without_header:
        database = output / "without_header.db"
        shutil.copyfile(bench.database, database)
        forget_focal_lengths(database, bench.fixed_cameras)
        matching.verify(bench, database, span, strict=False)
    options = incremental_options(preset, bench, mapper_threads(photos, bench.threads))
    if most_seconds:
        options.max_runtime_seconds = math.ceil(most_seconds)
    registered = 0

    def count() -> None:
        nonlocal registered
        registered += 1

    models = watch(
        lambda: pycolmap.incremental_mapping(
            database,
            bench.photos,
            output,
            options,
            next_image_callback=count,
            cancellation_token=bench.cancellation.token,
        ),
        lambda: span.report(registered, photos),
        bench.cancellation,
    )
    ordered = by_size(models)
    if preset.draft and ordered:
        draft.complete(ordered[0], bench, incremental_options(MapperPreset(), bench, bench.threads))
    return ordered


def mapper_threads(photos: int, threads: int) -> int:
    """How many of the threads one of COLMAP's mappers gets."""
    return ONE_THREAD if photos <= ONE_THREAD_PHOTOS else threads


def incremental_options(preset: MapperPreset, bench: Workbench, threads: int) -> pycolmap.IncrementalPipelineOptions:
    """COLMAP's options for a preset."""
    mapping = pycolmap.IncrementalPipelineOptions()
    mapping.num_threads = threads
    mapping.random_seed = bench.options.seed
    # Rigs are those of panoramas, whose views lie where they were cut.
    mapping.ba_refine_sensor_from_rig = False
    mapping.constant_cameras = mapping.mapper.constant_cameras = set(bench.fixed_cameras)
    mapping.min_model_size = 3
    # Fewer and shorter global bundle adjustments: no camera of four sets moved by more than 0.008 % of the extent or
    # turned by more than 0.011 degree. Local ones keep COLMAP's two refinements: one alone moved them ten times as far.
    mapping.ba_global_frames_ratio = 1.3
    mapping.ba_global_points_ratio = 1.3
    mapping.ba_global_max_refinements = 2
    mapping.ba_global_function_tolerance = 1e-6
    if preset.draft:
        # All that a draft must get right is what is near enough to be adjusted at its end.
        mapping.ba_local_function_tolerance = 1e-3
        mapping.ba_global_frames_ratio = 1.6
        mapping.ba_global_points_ratio = 1.6
    mapping.extract_colors = False  # whoever writes the scene looks at its photos in any case (`undistort`)
    # A focal length beyond these multiples of the longer side is no camera's: COLMAP drops the photo.
    mapping.min_focal_length_ratio = mapping.mapper.min_focal_length_ratio = 0.2
    mapping.max_focal_length_ratio = mapping.mapper.max_focal_length_ratio = 8.0
    if preset.hold_intrinsics:
        mapping.ba_refine_focal_length = False
        mapping.ba_refine_extra_params = False
        mapping.mapper.abs_pose_refine_focal_length = False
        mapping.mapper.abs_pose_refine_extra_params = False
    if preset.low_angles:
        mapping.mapper.init_min_tri_angle = 4.0
        mapping.mapper.filter_min_tri_angle = 0.5
        mapping.triangulation.min_angle = 0.5
    return mapping


def map_globally(bench: Workbench, output: Path, photos: int, span: Span) -> list[pycolmap.Reconstruction]:
    """Models by global mapping (GLOMAP, Pan et al. 2024) on strictly verified matches, most photos first."""
    output.mkdir(parents=True)
    strict = output / "strict.db"
    shutil.copyfile(bench.database, strict)
    matching.verify_again(bench, strict, span)
    mapping = pycolmap.GlobalPipelineOptions()
    mapping.num_threads = mapper_threads(photos, bench.threads)
    mapping.random_seed = bench.options.seed
    mapping.mapper.refine_sensor_from_rig = False
    mapping.mapper.rotation_averaging.refine_sensor_from_rig = False
    mapping.mapper.global_positioning.refine_sensor_from_rig = False
    mapping.mapper.bundle_adjustment.refine_sensor_from_rig = False
    models = watch(
        lambda: pycolmap.global_mapping(strict, bench.photos, output, mapping), lambda: None, bench.cancellation
    )
    return by_size(models)


def by_size(models: dict[int, pycolmap.Reconstruction]) -> list[pycolmap.Reconstruction]:
    """Models with most photos first, and among equals the one with most points."""
    return sorted(models.values(), key=lambda model: (-model.num_reg_frames(), -model.num_points3D()))
