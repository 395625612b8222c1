"""Points have the colours that their photos show: those of COLMAP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from support import photo_sets
from support.grey_photos import picture
from support.reconstructions import cloud
from support.reconstructions import model as reconstruction

from splatworker.sfm import point_colours, sparse_files


def test_colours_are_those_that_colmap_finds(tmp_path: Path) -> None:
    model = reconstruction(photo_sets.arc(4, degrees=20), cloud(120))
    photos = {}
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        image.name = f"{image_id}.png"
        camera = model.camera(image.camera_id)
        small = np.dstack([picture(3 * image_id + k, camera.height // 4, camera.width // 4) for k in range(3)])
        photos[image_id] = small.repeat(4, axis=0).repeat(4, axis=1)
        Image.fromarray(photos[image_id]).save(tmp_path / image.name)
    model.write_binary(tmp_path)
    records = sparse_files.read_images((tmp_path / "images.bin").read_bytes())
    found = point_colours.means(
        [point_colours.look(photos[one.image_id], sparse_files.observations(one)) for one in records]
    )
    model.extract_colors_for_all_images(tmp_path)
    expected = {point_id: bytes(point.color) for point_id, point in model.points3D.items()}
    assert len({colour for colour in expected.values() if any(colour)}) > 20
    assert {point_id: found.get(point_id, b"\0\0\0") for point_id in expected} == expected

    points = (tmp_path / "points3D.bin").read_bytes()
    coloured = sparse_files.with_colours(points, found)
    model.write_binary(tmp_path)
    assert coloured == (tmp_path / "points3D.bin").read_bytes()


def test_of_what_lies_beyond_the_photo_nothing_is_said() -> None:
    photo = np.full((4, 6, 3), 90, np.uint8)
    kind = [("xy", "<f8", 2), ("point", "<u8")]
    seen = point_colours.look(
        photo, np.array([((3, 2), 7), ((0.2, 2), 8), ((5.7, 2), 9), ((np.nan, 2), 10), ((3, 40), 11)], kind)
    )
    assert seen.points.tolist() == [7]
    assert point_colours.means([seen]) == {7: bytes([90, 90, 90])}
    assert point_colours.means([]) == {}
