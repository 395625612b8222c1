"""Reconstructions whose cameras and points are known, without photos."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from splatworker.sfm.agreement import Verified
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import PhotoHeader

SIZE = (640, 480)


def group(count: int = 12, focal: float = 560.0, has_prior: bool = True) -> CameraGroup:
    return CameraGroup(tuple(PhotoHeader(f"{n}.jpg", *SIZE) for n in range(count)), focal, has_prior)


def camera(focal: float = 560.0, k: float = 0.0) -> pycolmap.Camera:
    made = pycolmap.Camera.create_from_model_name(1, "SIMPLE_RADIAL", focal, *SIZE)
    made.params = [focal, 320, 240, k]
    return made


def model(
    poses: Sequence[np.ndarray],
    points: np.ndarray,
    focal: float = 560.0,
    zooms: Sequence[float] | None = None,
    noise: float = 0.0,
    through: pycolmap.Camera | None = None,
) -> pycolmap.Reconstruction:
    """A reconstruction in which every point that falls into a photo is observed.

    `zooms` tells for each photo how many times the camera's focal length it was really taken with; `noise` is added to
    what is seen, in pixels. `through` is the lens that they were taken by, where it is not the camera's.
    """
    rng = np.random.default_rng(1)
    made = pycolmap.Reconstruction()
    made.add_camera_with_trivial_rig(camera(focal))
    tracks = [pycolmap.Track() for _ in points]
    for image_id, pose in enumerate(poses, 1):
        rays = points @ pose[:, :3].T + pose[:, 3]
        zoom = zooms[image_id - 1] if zooms else 1.0
        pixels = (
            np.asarray(through.img_from_cam(rays)) if through else rays[:, :2] / rays[:, 2:] * focal * zoom + [320, 240]
        )
        pixels += noise * rng.normal(size=(len(points), 2))
        seen = np.flatnonzero(np.all((pixels >= 0) & (pixels < SIZE), axis=1))
        image = pycolmap.Image(name=f"{image_id}.jpg", camera_id=1, image_id=image_id)
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D(pixel) for pixel in pixels[seen]])
        rotation = pycolmap.Rotation3d(pose[:, :3])
        made.add_image_with_trivial_frame(image, pycolmap.Rigid3d(rotation, pose[:, 3]))
        for index, point in enumerate(seen):
            tracks[point].add_element(image_id, index)
    for point, track in zip(points, tracks, strict=True):
        if track.length():
            made.add_point3D(point, track)
    return made


def verified(of: pycolmap.Reconstruction) -> Verified:
    """What COLMAP's database would hold of a sound reconstruction: all features of common points, matched."""
    images = {image_id: of.image(image_id) for image_id in of.reg_image_ids()}
    keypoints = {i: np.array([point.xy for point in image.points2D], np.float32) for i, image in images.items()}
    indices = {i: {p.point3D_id: k for k, p in enumerate(image.points2D)} for i, image in images.items()}
    matches = {}
    for first, second in combinations(sorted(images), 2):
        common = sorted(indices[first].keys() & indices[second].keys())
        matches[first, second] = np.array(
            [(indices[first][point], indices[second][point]) for point in common], np.uint32
        ).reshape(-1, 2)
    return Verified(keypoints, matches)


def cloud(count: int = 300, depth: float = 0.0) -> np.ndarray:
    return np.asarray(np.random.default_rng(0).uniform(-0.8, 0.8, (count, 3)) + np.array([0, 0.6, depth]))
