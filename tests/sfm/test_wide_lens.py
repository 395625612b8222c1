"""What is made of a fisheye beside its middle: circles, names, and features that go where their directions lie."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splatworker.formats.image_records import FEATURE, NO_POINT, ImageRecord
from splatworker.sfm import sparse_files
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.faces import TURNS, share_out, sides_of, turned
from splatworker.sfm.undistorted_camera import undistorted
from splatworker.sfm.wide_lens import Wide, named, wide_of

WIDTH, HEIGHT = 480, 480


def lens(degrees: float = 180.0) -> pycolmap.Camera:
    camera = pycolmap.Camera.create_from_model_name(1, "SIMPLE_RADIAL_FISHEYE", 100, WIDTH, HEIGHT)
    camera.params = [WIDTH / np.radians(degrees), WIDTH / 2, HEIGHT / 2, 0.0]
    return camera


def front(camera: pycolmap.Camera) -> pycolmap.Camera:
    return undistorted(camera, np.tan(np.radians(55)), 0).pinhole


def photos(folder: Path, circle: float) -> list[Path]:
    """Ten, grey within a circle of this share of the width, and nearly black around it."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5 - WIDTH / 2, np.arange(HEIGHT) + 0.5 - HEIGHT / 2)
    paths = []
    for number in range(10):
        grey = np.where(np.hypot(x, y) < circle * WIDTH / 2, 90 + 10 * number, 4).astype(np.uint8)
        paths.append(folder / f"{number}.jpg")
        Image.fromarray(grey).save(paths[-1], quality=90)
    return paths


def wide(folder: Path, circle: float = 1.5, longest: int = 0) -> Wide:
    camera = lens()
    made = wide_of(camera, front(camera), photos(folder, circle), longest)
    assert made is not None
    return made


def test_a_lens_that_fills_its_photos_has_four_faces_and_all_its_front(tmp_path: Path) -> None:
    made = wide(tmp_path)
    assert [face.label for face in made.faces] == list(TURNS)
    assert made.shown is None
    assert made.share == pytest.approx(np.pi / 4 - 0.33, abs=0.03)  # a circle in a square, less its middle


def test_a_smaller_circle_is_seen_and_nothing_around_it_counts(tmp_path: Path) -> None:
    made = wide(tmp_path, circle=0.6)  # 54 degrees from the axis: within the front's corners
    assert made.faces == ()
    assert made.shown is not None
    assert 0.5 < made.shown.mean() < 0.8
    larger = wide(tmp_path, circle=0.85)
    assert 0 < larger.share < wide(tmp_path).share
    assert all(not face.shown[0, 0] or not face.shown[-1, -1] for face in larger.faces)


def test_photos_that_are_cut_short_say_nothing(tmp_path: Path) -> None:
    paths = photos(tmp_path, 1.5)
    for path in paths:
        path.write_bytes(path.read_bytes()[:300])
    camera = lens()
    made = wide_of(camera, front(camera), paths, 0)
    assert made is not None
    assert len(made.faces) == 4


def test_other_lenses_have_no_rim() -> None:
    camera = pycolmap.Camera.create_from_model_name(1, "THIN_PRISM_FISHEYE", 100, WIDTH, HEIGHT)
    assert wide_of(camera, front(lens()), [], 0) is None


def record(image_id: int, camera_id: int, xy: np.ndarray) -> ImageRecord:
    features = np.zeros(len(xy), FEATURE)
    features["xy"], features["point"] = xy, np.arange(len(xy))
    return ImageRecord(image_id, np.array([0.8, 0.6, 0, 0, 1, 2, 3.0]), camera_id, "", features)


def test_names_and_ids_are_nobody_elses(tmp_path: Path) -> None:
    made = wide(tmp_path)
    records = [record(3, 1, np.zeros((0, 2))), record(7, 2, np.zeros((0, 2))), record(9, 1, np.zeros((0, 2)))]
    names = {3: "sub/a.JPG", 7: "sub/A_Right.jpg", 9: "b.png"}
    aside = named(records, names, {1: made}, 2)
    assert aside[7] == []
    assert [one.name for one in aside[3]] == ["sub/a_right_2.jpg", "sub/a_left.jpg", "sub/a_down.jpg", "sub/a_up.jpg"]
    assert [one.name for one in aside[9]] == ["b_right.png", "b_left.png", "b_down.png", "b_up.png"]
    everything = [*aside[3], *aside[9]]
    assert [one.image_id for one in everything] == list(range(10, 18))
    assert [one.camera_id for one in aside[3]] == [one.camera_id for one in aside[9]] == [3, 4, 5, 6]


def test_a_feature_goes_to_the_face_that_shows_it_and_its_track_with_it(tmp_path: Path) -> None:
    made = wide(tmp_path)
    random = np.random.default_rng(0)
    xy = random.uniform(5, WIDTH - 5, (300, 2))
    one = record(1, 1, xy)
    aside = named([one], {1: "a.jpg"}, {1: made}, 1)[1]
    straight, others, now = share_out(one, made.rim, made.edges, aside)
    assert len(straight.features) == 300
    rays = made.rim.rays(xy)
    known = np.isfinite(rays).all(axis=1)
    sides = np.where(known, sides_of(np.nan_to_num(rays), made.edges), "")
    assert (now[sides == "", 0] == 1).all()
    assert (straight.features["point"] == NO_POINT).sum() == sum(len(other.features) for other in others) > 80
    rotation = pycolmap.Rotation3d(np.array([0.6, 0, 0, 0.8])).matrix()
    for other, where in zip(others, aside, strict=True):
        face = where.face
        assert np.allclose(other.pose, turned(one.pose, face.turn))
        w, x, y, z = other.pose[:4]
        assert np.allclose(pycolmap.Rotation3d(np.array([x, y, z, w])).matrix(), face.turn @ rotation)
        for number, feature in enumerate(other.features):
            (was,) = np.nonzero((now == [other.image_id, number]).all(axis=1))[0]
            assert feature["point"] == was
            seen = face.turn @ rays[was]
            assert np.allclose(face.camera.img_from_cam(seen[None])[0], feature["xy"], atol=1e-6)
    point = struct.pack("<Q3d3BdQ4I", 5, 0, 0, 0, 0, 0, 0, 1, 2, 1, 17, 2, 4)
    now[17] = (12, 34)
    moved = sparse_files.with_tracks(struct.pack("<Q", 1) + point, {1: now})
    assert struct.unpack("<4I", moved[-16:]) == (12, 34, 2, 4)
    now[17] = 0
    dropped = sparse_files.with_tracks(struct.pack("<Q", 1) + point, {1: now})
    assert struct.unpack("<Q2I", dropped[-16:]) == (1, 2, 4)
