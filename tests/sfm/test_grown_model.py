"""Grown arrays as COLMAP's model: nothing is lost on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.adjustments import scene
from support.mapping_twins import grown

from splatworker.sfm import adjustment, tracks
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.grown_model import to_colmap

pytestmark = pytest.mark.skipif(not tracks.has_kernel(), reason="this installation has no mapping kernel")


def test_colmap_has_what_was_grown(tmp_path: Path) -> None:
    problem = scene(6, 60, (2, 4), noise=0.4)
    model, verified = grown(problem, placed=5)
    tracks.extend(model, range(5), tracks.Rules())
    model.points[3] += [0.1, 0, 0]
    images, cameras = {}, {}
    for lens, number in enumerate(problem.model):
        camera = pycolmap.Camera(model=pycolmap.CameraModelId(int(number)), width=640, height=480, camera_id=lens + 1)
        camera.params = problem.parameters[lens, : adjustment.PARAMETERS[int(number)]].tolist()
        camera.has_prior_focal_length = lens == 1
        cameras[lens + 1] = camera
    for photo in range(6):
        camera_id = int(problem.lens_of[photo]) + 1
        images[photo + 1] = pycolmap.Image(name=f"{photo} é.jpg", camera_id=camera_id, image_id=photo + 1)
    found = to_colmap(model, verified, images, cameras, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert found.is_valid()
    assert sorted(found.reg_image_ids()) == [1, 2, 3, 4, 5]
    assert sorted(found.images) == [1, 2, 3, 4, 5]
    assert sorted(found.reg_frame_ids()) == [1, 2, 3, 4, 5]
    assert sorted(found.cameras) == [1, 2]
    assert [found.cameras[one].has_prior_focal_length for one in (1, 2)] == [False, True]
    for camera_id, camera in cameras.items():
        assert found.cameras[camera_id].params.tolist() == camera.params.tolist()
    for photo, image_id in enumerate(model.features.images[:5]):
        image = found.image(image_id)
        assert image.name == f"{photo} é.jpg"
        assert image.frame_id == image_id
        pose = image.cam_from_world()
        assert np.allclose(np.append(pose.rotation.quat, pose.translation), problem.poses[photo], atol=1e-15)
        seen = np.array([feature.xy for feature in image.points2D])
        assert np.array_equal(seen, verified.keypoints[image_id][:, :2])
        rows = slice(model.features.first[photo], model.features.first[photo + 1])
        expected = np.full(len(seen), tracks.NONE)
        expected[model.features.number[rows]] = model.point_of[rows]
        ids = [feature.point3D_id - 1 if feature.has_point3D() else tracks.NONE for feature in image.points2D]
        assert ids == expected.tolist()
    for point, place in enumerate(model.points):
        assert found.point3D(point + 1).xyz.tolist() == place.tolist()
        track = sorted((one.image_id, one.point2D_idx) for one in found.point3D(point + 1).track.elements)
        features = np.flatnonzero(model.point_of == point)
        assert track == sorted(
            (int(model.features.photo[one]) + 1, int(model.features.number[one])) for one in features
        )
    assert found.num_points3D() == len(model.points)
    errors = [found.point3D(point + 1).error for point in range(len(model.points))]
    assert np.argmax(errors) == 3
    assert 0 < np.median(errors) < 1
