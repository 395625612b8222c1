"""COLMAP's database: cameras, images and what is known of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from splatworker.sfm import database
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.workbench import Workbench


def test_what_is_forgotten_is_forgotten_in_a_copy(misled_bench: Workbench, tmp_path: Path) -> None:
    shutil.copyfile(misled_bench.database, tmp_path / "copy.db")
    database.forget_focal_lengths(tmp_path / "copy.db")
    for path, focal, told in ((misled_bench.database, 1800.0, True), (tmp_path / "copy.db", 1.2 * 480, False)):
        with pycolmap.Database.open(path) as opened:
            (camera,) = opened.read_all_cameras()
            pairs = opened.num_verified_image_pairs()
        assert camera.mean_focal_length() == pytest.approx(focal)
        assert camera.has_prior_focal_length == told
        assert (pairs > 0) == told


def test_images_are_numbered_in_capture_order_under_names_without_spaces(tmp_path: Path) -> None:
    photos = [PhotoHeader("my photo.JPG", 60, 40), PhotoHeader("b.png", 60, 40)]
    groups = [CameraGroup((photos[1],), 50.0, True), CameraGroup((photos[0],), 72.0, False)]
    database.create(tmp_path / "a.db", photos, groups, "PINHOLE")
    with pycolmap.Database.open(tmp_path / "a.db") as opened:
        images = {image.image_id: (image.name, image.camera_id) for image in opened.read_all_images()}
        cameras = {camera.camera_id: camera for camera in opened.read_all_cameras()}
    assert images == {1: ("000001.jpg", 2), 2: ("000002.png", 1)}
    assert [cameras[number].has_prior_focal_length for number in (1, 2)] == [True, False]
    assert {camera.model_name for camera in cameras.values()} == {"PINHOLE"}
    assert database.keypoint_counts(tmp_path / "a.db") == {1: 0, 2: 0}


def test_features_go_to_photos_of_the_same_name_and_size_alone(tmp_path: Path) -> None:
    found = [PhotoHeader("a.jpg", 60, 40), PhotoHeader("b.jpg", 60, 40), PhotoHeader("gone.jpg", 60, 40)]
    with pycolmap.Database.open(tmp_path / "early.db") as opened:
        for photo in found:
            database.add_photo(opened, photo)
        for image in opened.read_all_images():
            opened.write_keypoints(image.image_id, np.ones((image.image_id + 4, 4), np.float32))
            descriptors = pycolmap.FeatureDescriptors(
                pycolmap.FeatureExtractorType.SIFT, np.ones((image.image_id + 4, 128), np.uint8)
            )
            opened.write_descriptors(image.image_id, descriptors)
    photos = [PhotoHeader("b.jpg", 60, 40), PhotoHeader("a.jpg", 40, 60), PhotoHeader("new.jpg", 60, 40)]
    database.create(tmp_path / "a.db", photos, [CameraGroup(tuple(photos), 72.0, False)], "auto")
    database.copy_features(tmp_path / "early.db", tmp_path / "a.db", photos)
    assert database.keypoint_counts(tmp_path / "a.db") == {1: 6, 2: 0, 3: 0}
