"""The sides of the box around a fisheye."""

from __future__ import annotations

import numpy as np
import pytest

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.faces import TURNS, edges_of, faces_of, sides_of
from splatworker.sfm.fisheye import Fisheye, fisheye_of
from splatworker.sfm.resampling import resample_plainly
from splatworker.sfm.undistorted_camera import WIDEST_DEG, undistorted

WIDTH, HEIGHT = 720, 540


def lens_of(degrees: float, width: int = WIDTH, height: int = HEIGHT) -> tuple[pycolmap.Camera, Fisheye]:
    camera = pycolmap.Camera.create_from_model_name(1, "SIMPLE_RADIAL_FISHEYE", 100, width, height)
    camera.params = [width / np.radians(degrees), width / 2, height / 2, -0.005]
    lens = fisheye_of(camera)
    assert lens is not None
    return camera, lens


def front_of(camera: pycolmap.Camera) -> pycolmap.Camera:
    return undistorted(camera, np.tan(np.radians(WIDEST_DEG / 2)), 0).small


@pytest.mark.parametrize(("degrees", "labels"), [(100, set()), (140, {"left", "right"}), (180, set(TURNS))])
def test_as_many_sides_as_the_lens_is_wide(degrees: float, labels: set[str]) -> None:
    camera, lens = lens_of(degrees)
    faces = faces_of(lens, (WIDTH, HEIGHT), front_of(camera), lens.widest, 0)
    assert {face.label for face in faces} >= labels
    if not labels:
        assert faces == ()


def test_front_and_sides_show_all_of_a_lens_of_180_degrees_and_each_direction_once() -> None:
    camera, lens = lens_of(180)
    front = front_of(camera)
    faces = {face.label: face for face in faces_of(lens, (WIDTH, HEIGHT), front, lens.widest, 0)}
    x, y = np.meshgrid(np.arange(2, WIDTH, 5) + 0.5, np.arange(2, HEIGHT, 5) + 0.5)
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    rays = lens.rays(pixels[lens.angles(pixels) < np.radians(89.5)])
    sides = sides_of(rays, edges_of(front))
    seen = np.zeros(len(rays), int)
    fx, fy, cx, cy = front.params
    with np.errstate(divide="ignore", invalid="ignore"):
        before = rays[:, :2] / rays[:, 2:] * [fx, fy] + [cx, cy]
    seen += ((before >= 0) & (before <= [front.width, front.height])).all(axis=1) & (rays[:, 2] > 0)
    for label, face in faces.items():
        (mine,) = np.nonzero(sides == label)
        i, j = np.floor(face.pixels(rays[mine])).astype(int).T
        inside = (i >= 0) & (j >= 0) & (i < face.camera.width) & (j < face.camera.height)
        seen[mine[inside]] += face.shown[j[inside], i[inside]]
    assert (seen <= 1).all()
    assert (seen == 1).mean() > 0.98  # the rest lies on a pixel that is half another's


def test_a_side_shows_what_the_photo_does() -> None:
    """The photo's grey is the angle of its pixels to the right: so is that of the side's."""
    camera, lens = lens_of(180)
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    rays = lens.rays(np.stack([x, y], axis=-1))
    to_the_right = np.degrees(np.arctan2(rays[..., 0], rays[..., 2]))
    photo = np.nan_to_num(to_the_right).clip(0, 90).astype(np.uint8)[..., None]
    (right,) = (f for f in faces_of(lens, (WIDTH, HEIGHT), front_of(camera), lens.widest, 0) if f.label == "right")
    pixels = resample_plainly(photo, right.places)[..., 0]
    i = np.arange(right.camera.width) + 0.5
    fx, _, cx, _ = right.camera.params
    expected = 90 + np.degrees(np.arctan((i - cx) / fx))
    row = right.camera.height // 2
    columns = right.shown[row]
    assert columns.sum() > 50
    assert np.abs(pixels[row, columns].astype(float) - expected[columns] + 0.5).max() < 1.5


def test_nothing_beyond_the_circle_counts_and_sides_are_shrunk_as_asked() -> None:
    camera, lens = lens_of(180)
    limit = np.radians(75)
    for face in faces_of(lens, (WIDTH, HEIGHT), front_of(camera), limit, 200):
        assert max(face.camera.width, face.camera.height) <= 200
        places = face.places[face.shown].astype(float) + 0.5
        assert (lens.angles(places) <= limit + 1e-6).all()
        assert face.shown.any()
