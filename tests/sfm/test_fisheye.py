"""A fisheye's lens to its rim."""

from __future__ import annotations

import numpy as np
import pytest

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.fisheye import Fisheye, fisheye_of, shown_up_to

PARAMS: dict[str, list[float]] = {
    "SIMPLE_FISHEYE": [100, 240, 180],
    "SIMPLE_RADIAL_FISHEYE": [100, 240, 180, -0.02],
    "RADIAL_FISHEYE": [100, 240, 180, 0.02, -0.004],
    "OPENCV_FISHEYE": [100, 104, 240, 180, 0.02, -0.01, 0.003, -0.0004],
}


def camera(model: str) -> pycolmap.Camera:
    made = pycolmap.Camera.create_from_model_name(1, model, 100, 480, 360)
    made.params = PARAMS[model]
    return made


def lens(model: str) -> Fisheye:
    found = fisheye_of(camera(model))
    assert found is not None
    return found


@pytest.mark.parametrize("model", PARAMS)
def test_it_draws_what_colmap_draws_and_the_way_back(model: str) -> None:
    random = np.random.default_rng(0)
    rays = np.concatenate([random.uniform(-3, 3, (200, 2)), np.ones((200, 1))], axis=1)
    expected = np.asarray(camera(model).img_from_cam(rays))
    assert np.allclose(lens(model).places(rays), expected, atol=1e-6)
    back = lens(model).rays(expected)
    assert np.allclose(back, rays / np.linalg.norm(rays, axis=1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("model", PARAMS)
def test_a_right_angle_has_a_place_and_what_lies_behind_has_none(model: str) -> None:
    found = lens(model)
    assert found.widest == pytest.approx(np.pi / 2)
    aside = found.places(np.array([[1.0, 0, 0], [0, -1, 0], [0.2, 0, -1], [0, 0, 1]]))
    assert np.isfinite(aside[[0, 1, 3]]).all()
    assert np.isnan(aside[2]).all()
    assert aside[3].tolist() == found.center.tolist()
    assert found.rays(aside[:1])[0] == pytest.approx([1, 0, 0], abs=1e-5)


def test_where_a_lens_turns_back_it_ends() -> None:
    made = camera("SIMPLE_RADIAL_FISHEYE")
    made.params = [100, 240, 180, -0.25]  # the distance falls from 1.15 radians on: 1 = 0.75 t^2
    found = fisheye_of(made)
    assert found is not None
    assert found.widest == pytest.approx(np.sqrt(1 / 0.75), abs=0.02)
    assert np.isinf(found.angles(np.array([[470.0, 180.0]]))).all()


def test_other_lenses_are_none() -> None:
    assert fisheye_of(pycolmap.Camera.create_from_model_name(1, "OPENCV", 100, 480, 360)) is None
    assert fisheye_of(pycolmap.Camera.create_from_model_name(1, "THIN_PRISM_FISHEYE", 100, 480, 360)) is None


def test_the_circle_of_a_lens_ends_where_all_photos_are_black() -> None:
    found = lens("SIMPLE_FISHEYE")
    x, y = np.meshgrid(np.arange(240) * 2 + 1, np.arange(180) * 2 + 1)
    degrees = np.degrees(found.angles(np.stack([x, y], axis=-1).astype(float)))
    whole = np.full((180, 240), 120, np.uint8)
    night = np.zeros((180, 240), np.uint8)
    circle = np.where(degrees < 75, whole, 3).astype(np.uint8)
    size = 480, 360
    assert np.degrees(shown_up_to(found, size, [circle, night])) == pytest.approx(73.5, abs=1.5)
    assert shown_up_to(found, size, [circle, whole]) == found.widest
    assert shown_up_to(found, size, [night]) == found.widest
    assert shown_up_to(found, size, []) == found.widest
