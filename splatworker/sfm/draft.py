"""A draft on the coarsest features, made true by all of them: for photos with more features than placing them takes.

The incremental mapper adjusts its model after every photo, so its time is that of its points times its photos. A few
hundred features place a photo; the rest make it truer and give the trainer points to start from, and for that they
need to be looked at once, at the end. Coarse features are few, lie all over the photo, and are found again from
farther away.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.pairs import Pair
from splatworker.sfm.watch import watch
from splatworker.sfm.workbench import Workbench

FEATURES = 700
"""Features of a photo that a draft stands on. With 500 a camera of fox ended 0.07 degrees from where the mapper puts it
by all features, with 700 0.03; 1000 took half as long again for the same."""

PLENTY = 1500
"""Half of the photos must have so many verified features. With fewer there is little to save, and what a draft leaves
out moves cameras: by 0.1 degrees where photos of fox had 1000."""

Verified = dict[Pair, pycolmap.TwoViewGeometry]
"""Pair of images -> its geometry, with (N, 2) `inlier_matches`: a feature of the first, one of the second."""

_FEWEST_MATCHES = 15
"""COLMAP's own minimum of a verified pair."""


def is_worthwhile(database: Path) -> bool:
    """Whether the photos have features to spare."""
    with pycolmap.Database.open(database) as opened:
        verified = _verified(opened)
        seen = _seen(verified, {image.image_id: _scales(opened, image.image_id) for image in opened.read_all_images()})
    return bool(np.median([mask.sum() for mask in seen.values()]) >= PLENTY)


def thin_out(database: Path, copy: Path) -> None:
    """Copy a database with the verified matches among the coarsest features of each photo that have any."""
    shutil.copyfile(database, copy)
    with pycolmap.Database.open(copy) as opened:
        scales = {image.image_id: _scales(opened, image.image_id) for image in opened.read_all_images()}
        verified = _verified(opened)
        seen = _seen(verified, scales)
        kept = {image_id: _coarsest(scales[image_id], seen[image_id]) for image_id in scales}
        with pycolmap.DatabaseTransaction(opened):
            opened.clear_two_view_geometries()
            for (first, second), geometry in verified.items():
                matches = geometry.inlier_matches
                among = matches[kept[first][matches[:, 0]] & kept[second][matches[:, 1]]]
                if len(among) >= _FEWEST_MATCHES:
                    geometry.inlier_matches = among
                    opened.write_two_view_geometry(first, second, geometry)


def complete(model: pycolmap.Reconstruction, bench: Workbench, options: pycolmap.IncrementalPipelineOptions) -> None:
    """Add the points of all verified matches to a draft, and adjust cameras and points together."""

    def work() -> None:
        with pycolmap.Database.open(bench.database) as opened:
            cache = pycolmap.DatabaseCache.create(opened, pycolmap.DatabaseCacheOptions())
        mapper = pycolmap.IncrementalMapper(cache)
        mapper.begin_reconstruction(model)
        triangulation = options.get_triangulation()
        for image_id in sorted(model.reg_image_ids()):
            bench.cancellation.check()
            mapper.triangulate_image(triangulation, image_id)
        mapper.iterative_global_refinement(
            options.ba_global_max_refinements,
            options.ba_global_max_refinement_change,
            options.get_mapper(),
            options.get_global_bundle_adjustment(),
            triangulation,
        )
        mapper.end_reconstruction(False)
        bench.cancellation.check()
        model.extract_colors_for_all_images(bench.photos)

    watch(work, lambda: None, bench.cancellation)


def _verified(opened: pycolmap.Database) -> Verified:
    pair_ids, geometries = opened.read_two_view_geometries()
    pairs = (pycolmap.pair_id_to_image_pair(pair_id) for pair_id in pair_ids)
    return {pair: geometry for pair, geometry in zip(pairs, geometries, strict=True) if len(geometry.inlier_matches)}


def _scales(opened: pycolmap.Database, image_id: int) -> npt.NDArray[np.float32]:
    """Size of each feature of a photo: COLMAP keeps x, y and the four numbers of an affine frame."""
    if not opened.exists_keypoints(image_id):
        return np.zeros(0, np.float32)  # a wall, the night; COLMAP's table of none has no columns either
    keypoints = opened.read_keypoints(image_id)
    return np.sqrt(np.abs(keypoints[:, 2] * keypoints[:, 5] - keypoints[:, 3] * keypoints[:, 4]))


def _seen(verified: Verified, scales: dict[int, npt.NDArray[np.float32]]) -> dict[int, npt.NDArray[np.bool_]]:
    """Image id -> which of its features have a verified match."""
    seen = {image_id: np.zeros(len(sizes), bool) for image_id, sizes in scales.items()}
    for (first, second), geometry in verified.items():
        seen[first][geometry.inlier_matches[:, 0]] = True
        seen[second][geometry.inlier_matches[:, 1]] = True
    return seen


def _coarsest(sizes: npt.NDArray[np.float32], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which features are the coarsest of those seen elsewhere; of two alike, the first."""
    order = np.argsort(np.where(seen, -sizes, np.inf), kind="stable")[:FEATURES]
    kept = np.zeros(len(sizes), bool)
    kept[order] = True
    return kept & seen
