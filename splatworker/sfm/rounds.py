"""Incremental mapping in rounds: photos that see enough points get their cameras, then all are adjusted together.

COLMAP's mapper adjusts what is around each photo that it adds, and everything now and then, since adjusting everything
is what costs most. With an adjustment that takes a fraction (`adjustment`), a model that grows by a share of its photos
a round is adjusted as a whole in every round, and nothing in between. The first pair, resection, triangulation and the
filters are COLMAP's own steps, with the thresholds that its mapper has (`mapping`), on one thread: the same matches
give the same cameras, however many threads adjust.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from splatworker.sfm import adjustment, model_adjustment
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.watch import Span, watch
from splatworker.sfm.workbench import Workbench

GROWTH = 0.3
"""A round adds at most this share of the photos that have a camera, and one at least."""

FEW_PHOTOS = 5
"""With fewer the intrinsics stay: two or three photos cannot tell a lens from a bend in the scene."""

_DRAFT_STEPS, _DRAFT_TOLERANCE = 15, 1e-4
"""While the model grows an adjustment takes so many steps at most, and ends when one lowers the cost by less than this
share: the next round's begins where it ends."""

_LAST_STEPS, _TOLERANCE = 100, 1e-6
"""At the end, as `mapping` has it for COLMAP's."""

_DRAFT_LOSS: adjustment.Loss = "huber"
"""Wrong matches are in the model until the filters have seen it: Huber's loss, from a pixel on."""

_LAST_ROUNDS, _FEW_CHANGES = 4, 1e-3
"""At the end all is adjusted, filtered and completed so often at most, and until a smaller share of the observations
changes."""


def suits(bench: Workbench) -> bool:
    """Whether the photos of the bench's database can be mapped so."""
    if bench.options.engine == "colmap" or not adjustment.has_kernel():
        return False
    with pycolmap.Database.open(bench.database) as opened:
        cameras, photos = opened.read_all_cameras(), opened.num_images()
    return not has_panoramas(bench) and model_adjustment.can_solve(photos, cameras)


def has_panoramas(bench: Workbench) -> bool:
    """Whether photos of the bench's database are views of a panorama, which move together."""
    with pycolmap.Database.open(bench.database) as opened:
        return any(rig.num_sensors() > 1 for rig in opened.read_all_rigs())


def map_in_rounds(
    bench: Workbench, options: pycolmap.IncrementalPipelineOptions, photos: int, span: Span
) -> pycolmap.Reconstruction | None:
    """The model that grows from the first pair; None where there is no pair to begin with, or no minimum at the end.

    Args:
        bench: its database has verified matches, and `suits`.
        options: as COLMAP's mapper would take them.
        photos: how many there are.
    """
    placed = [0]
    return watch(
        lambda: _map(bench, options, placed.append), lambda: span.report(placed[-1], photos), bench.cancellation
    )


@dataclass(frozen=True)
class _Growing:
    """A model and who works on it."""

    model: pycolmap.Reconstruction
    mapper: pycolmap.IncrementalMapper
    options: pycolmap.IncrementalMapperOptions
    triangulation: pycolmap.IncrementalTriangulatorOptions
    fixed: Collection[int]
    folder: Path
    threads: int


def _map(
    bench: Workbench, options: pycolmap.IncrementalPipelineOptions, on_placed: Callable[[int], None]
) -> pycolmap.Reconstruction | None:
    with pycolmap.Database.open(bench.database) as opened:
        of_cache = pycolmap.DatabaseCacheOptions()
        of_cache.min_num_matches = options.min_num_matches
        cache = pycolmap.DatabaseCache.create(opened, of_cache)
    mapper, model = pycolmap.IncrementalMapper(cache), pycolmap.Reconstruction()
    one = _Growing(
        model,
        mapper,
        options.get_mapper(),
        options.get_triangulation(),
        options.constant_cameras,
        bench.folder,
        bench.threads,
    )
    mapper.begin_reconstruction(model)
    found = _begin(one)
    if found:
        while _add_photos(one):
            on_placed(model.num_reg_frames())
            bench.cancellation.check()
            _adjust(one, _DRAFT_TOLERANCE, _DRAFT_LOSS, _DRAFT_STEPS)
            _clean(one)
        found = model.num_reg_frames() >= options.min_model_size and _finish(one)
    mapper.end_reconstruction(not found)
    if not found:
        return None
    bench.cancellation.check()
    model.update_point_3d_errors()
    return model


def _begin(one: _Growing) -> bool:
    """The first pair and its points, whether there is one."""
    found = one.mapper.find_initial_image_pair(one.options, -1, -1)
    if found is None:
        return False
    (first, second), second_from_first = found
    one.mapper.register_initial_image_pair(one.options, first, second, second_from_first)
    for image_id in (first, second):
        one.mapper.triangulate_image(one.triangulation, image_id)
    if one.model.num_points3D() == 0:
        return False
    _adjust(one, _DRAFT_TOLERANCE, _DRAFT_LOSS, _DRAFT_STEPS)
    _clean(one)
    return True


def _add_photos(one: _Growing) -> int:
    """Give cameras to those that see most of the model; how many got one."""
    most = max(1, int(GROWTH * one.model.num_reg_frames()))
    added = 0
    for image_id in one.mapper.find_next_images(one.options, False):
        if one.mapper.register_next_image(one.options, image_id):
            one.mapper.triangulate_image(one.triangulation, image_id)
            added += 1
            if added == most:
                break
    return added


def _adjust(one: _Growing, tolerance: float, loss: adjustment.Loss, steps: int) -> bool:
    """Whether all cameras and points are at a minimum; in a draft, of few steps, they may be on the way to it."""
    few = one.model.num_reg_frames() < FEW_PHOTOS
    try:
        adjusted = model_adjustment.adjust_model(
            one.model,
            set(one.model.cameras) if few else set(one.fixed),
            loss=loss,
            tolerance=tolerance,
            most_iterations=steps,
            threads=one.threads,
            folder=one.folder,
            on_the_way=steps == _DRAFT_STEPS,
        )
    except ValueError:  # all of its points were filtered out
        return False
    return adjusted.end == "converged"


def _clean(one: _Growing) -> int:
    """Complete and merge the points' tracks, leave out what does not fit; how many observations that changed."""
    changed = one.mapper.complete_and_merge_tracks(one.triangulation) + one.mapper.filter_points(one.options)
    one.mapper.filter_frames(one.options)
    return int(changed)


def _finish(one: _Growing) -> bool:
    """Look once more for points of pairs that have few, then adjust and filter until little changes; whether it did."""
    one.mapper.retriangulate(one.triangulation)
    for _ in range(_LAST_ROUNDS):
        if not _adjust(one, _TOLERANCE, "plain", _LAST_STEPS):
            return False
        if _clean(one) <= _FEW_CHANGES * one.model.compute_num_observations():
            return True
    return _adjust(one, _TOLERANCE, "plain", _LAST_STEPS)
