"""COLMAP's files, taken apart and put together: it reads back what was meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support import photo_sets
from support.reconstructions import cloud, model

from splatworker.sfm import sparse_files
from splatworker.sfm.colmap import pycolmap


def test_colmap_reads_back_what_was_changed(tmp_path: Path) -> None:
    before = model(photo_sets.arc(4, degrees=20), cloud(90))
    before.write_binary(tmp_path)
    records = sparse_files.read_images((tmp_path / "images.bin").read_bytes())
    assert [record.image_id for record in records] == [1, 2, 3, 4]
    assert all(
        len(sparse_files.observations(record)) == before.image(record.image_id).num_points3D for record in records
    )
    pinhole = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 500, 320, 240)
    names = {image_id: f"folder/photo {image_id} \u00e4.jpg" for image_id in (1, 2, 3, 4)}
    images = sparse_files.images_file(records, names, {1: lambda pixels: pixels / 2 + [1, 2]})
    (tmp_path / "images.bin").write_bytes(images)
    (tmp_path / "cameras.bin").write_bytes(sparse_files.cameras_file({1: pinhole}))
    colours = {point_id: bytes([point_id % 256, 2, 3]) for point_id in list(before.points3D)[1:]}
    points = sparse_files.with_colours((tmp_path / "points3D.bin").read_bytes(), colours)
    (tmp_path / "points3D.bin").write_bytes(points)
    for left in ("rigs.bin", "frames.bin"):
        (tmp_path / left).unlink()

    after = pycolmap.Reconstruction(tmp_path)
    assert after.cameras[1].params.tolist() == [500, 500, 160, 120]
    assert (after.cameras[1].model_name, after.cameras[1].width, after.cameras[1].height) == ("PINHOLE", 320, 240)
    for image_id, name in names.items():
        old, new = before.image(image_id), after.image(image_id)
        assert new.name == name
        assert np.array_equal(old.cam_from_world().matrix(), new.cam_from_world().matrix())
        for point, moved in zip(old.points2D, new.points2D, strict=True):
            assert np.array_equal(point.xy / 2 + [1, 2], moved.xy)
            assert point.point3D_id == moved.point3D_id
    assert {i: bytes(point.color) for i, point in after.points3D.items()} == {
        next(iter(before.points3D)): bytes(3)
    } | colours
