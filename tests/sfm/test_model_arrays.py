"""COLMAP's model as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.adjustments import reconstruction, scene

from splatworker.sfm import model_arrays
from splatworker.sfm.colmap import pycolmap


def test_a_model_is_read_as_it_is(tmp_path: Path) -> None:
    model = reconstruction(scene(5, 40, (4, 2), noise=0.5))
    model.delete_point3D(7)
    model.deregister_frame(model.image(8).frame_id)
    arrays = model_arrays.read(model, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert list(arrays.images) == [2, 5, 11, 14]
    assert arrays.point_ids.tolist() == sorted(model.point3D_ids())
    for row, point_id in enumerate(arrays.point_ids.tolist()):
        assert arrays.points[row].tolist() == model.point3D(point_id).xyz.tolist()
    image, point, seen = arrays.observations()
    expected = [
        (place, int(arrays.rows(np.array([feature.point3D_id], np.uint64))[0]), *feature.xy)
        for place, image_id in enumerate(arrays.images)
        for feature in model.image(image_id).points2D
        if feature.has_point3D()
    ]
    assert [tuple(row) for row in np.column_stack([image, point, seen]).tolist()] == expected
    assert len(expected) == model.compute_num_observations()


def test_points_are_read_in_turn_where_their_places_are_not_told(tmp_path: Path) -> None:
    model = reconstruction(scene(5, 40, (2,), noise=0.5))
    arrays = model_arrays.read(model)
    model.add_point3D([1.0, 2.0, 3.0], pycolmap.Track())  # which no image sees
    lonely = model_arrays.read(model)
    assert len(lonely.points) == len(arrays.points) + 1
    model.write_binary(tmp_path)
    data = (tmp_path / "points3D.bin").read_bytes()
    for one in (model_arrays._read_points_in_turn(data), (lonely.point_ids, lonely.points)):
        assert np.array_equal(one[0][:-1], arrays.point_ids)
        assert np.array_equal(one[1][:-1], arrays.points)
        assert one[1][-1].tolist() == [1.0, 2.0, 3.0]


def test_an_empty_model_has_none() -> None:
    arrays = model_arrays.read(pycolmap.Reconstruction())
    assert arrays.images == {}
    assert arrays.points.shape == (0, 3)
    assert [len(of) for of in arrays.observations()] == [0, 0, 0]
