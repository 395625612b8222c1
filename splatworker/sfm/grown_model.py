"""A model that was grown in arrays as COLMAP's.

By way of the files that COLMAP reads: to make it feature by feature and point by point takes longer than growing it.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from splatworker.formats.image_records import FEATURE, NO_POINT
from splatworker.sfm.agreement import Verified
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.sparse_files import cameras_file
from splatworker.sfm.tracks import NONE, Growing

_IMAGE, _POINT = struct.Struct("<I7dI"), struct.Struct("<Q3d3BdQ")


def to_colmap(
    grown: Growing,
    verified: Verified,
    images: Mapping[int, pycolmap.Image],
    cameras: Mapping[int, pycolmap.Camera],
    folder: Path,
) -> pycolmap.Reconstruction:
    """COLMAP's model of the photos that have a camera, each a frame by itself, with all of their features.

    Args:
        images: by id, as the database has them: their names and cameras.
        cameras: by id, with the parameters of `grown`.
        folder: for the files in between.
    """
    placed = [grown.features.images[photo] for photo in np.flatnonzero(grown.placed)]
    used = {images[image_id].camera_id for image_id in placed}
    with tempfile.TemporaryDirectory(dir=folder) as name:
        written = Path(name)
        (written / "cameras.bin").write_bytes(cameras_file({one: cameras[one] for one in used}))
        (written / "images.bin").write_bytes(_images_file(grown, verified, images))
        (written / "points3D.bin").write_bytes(_points_file(grown))
        model = pycolmap.Reconstruction(written)
    for camera_id in used:
        model.cameras[camera_id].has_prior_focal_length = cameras[camera_id].has_prior_focal_length
    model.update_point_3d_errors()
    return model


def _images_file(grown: Growing, verified: Verified, images: Mapping[int, pycolmap.Image]) -> bytes:
    features = grown.features
    placed = np.flatnonzero(grown.placed)
    parts = [struct.pack("<Q", len(placed))]
    for photo in placed:
        image_id, rows = features.images[photo], slice(features.first[photo], features.first[photo + 1])
        x, y, z, w, *translation = grown.poses[photo]
        image, keypoints = images[image_id], verified.keypoints[image_id]
        records = np.zeros(len(keypoints), FEATURE)
        records["xy"] = keypoints[:, :2]
        points = grown.point_of[rows]
        of_all = np.full(len(keypoints), NO_POINT, np.uint64)
        of_all[features.number[rows]] = np.where(points == NONE, NO_POINT, (points + 1).astype(np.uint64))
        records["point"] = of_all
        parts += [_IMAGE.pack(image_id, w, x, y, z, *translation, image.camera_id), image.name.encode(), b"\0"]
        parts += [struct.pack("<Q", len(records)), records.tobytes()]
    return b"".join(parts)


def _points_file(grown: Growing) -> bytes:
    features = grown.features
    seen = np.flatnonzero(grown.point_of != NONE)
    seen = seen[np.argsort(grown.point_of[seen], kind="stable")]
    ids = np.array(features.images, np.uint32)[features.photo[seen]]
    tracks = np.column_stack([ids, features.number[seen].astype(np.uint32)]).tobytes()
    ends = np.searchsorted(grown.point_of[seen], np.arange(len(grown.points)), side="right").tolist()
    parts, begin = [struct.pack("<Q", len(grown.points))], 0
    for number, (place, end) in enumerate(zip(grown.points.tolist(), ends, strict=True), 1):
        parts += [_POINT.pack(number, *place, 0, 0, 0, -1.0, end - begin), tracks[8 * begin : 8 * end]]
        begin = end
    return b"".join(parts)
