"""A lens's fall of light: it falls, it can be what lenses do, and taking it out leaves what was there without."""

from __future__ import annotations

import numpy as np
import pytest
from support.dark_corners import arrived, camera_at, corner, picture

from splatworker.formats.camera import Camera
from splatworker.train.falloff import STEPS, Falloff, basis, evened, light_of, squared_radii, stored_of

NONE = np.ones(3)


def natural(camera: Camera) -> Falloff:
    """The fall that is nearest to the cosine's fourth power in a camera's photos."""
    radius = np.linspace(0, 1, 200) * np.hypot(max(camera.cx, camera.width - camera.cx), camera.height / 2)
    true = arrived(camera, camera.cx + radius, np.full(200, camera.cy))
    shares = (radius / radius[-1]) ** 2
    steps, *_ = np.linalg.lstsq(basis(shares), -np.log(true), rcond=None)
    return Falloff(steps)


def test_light_falls_from_the_middle_outwards_and_nowhere_else() -> None:
    dice, radii = np.random.default_rng(0), np.linspace(0, 1, 500)
    for steps in [*dice.exponential(0.3, (20, STEPS)), *np.eye(STEPS)]:
        share = Falloff(steps).at(radii**2)
        assert share == pytest.approx(np.exp(-basis(radii**2) @ steps))
        assert share[0] == 1
        assert (np.diff(share) <= 1e-12).all()
        assert share[-1] == pytest.approx(1 - Falloff(steps).corner)
        assert (Falloff(steps).at(np.array([1.0, 1.3])) == share[-1]).all()


@pytest.mark.parametrize("focal", [150.0, 80.0, 50.0])  # 44, 74 and 100 degrees from corner to corner
def test_the_cosines_fourth_power_can_be_said(focal: float) -> None:
    camera = camera_at(np.zeros(3), np.array([0.0, 0.0, 1.0]), focal)
    found = natural(camera)
    assert (found.steps >= 0).all()
    radius = np.linspace(0, 60, 100)
    assert found.at((radius / 60) ** 2) == pytest.approx(arrived(camera, 48 + radius, np.full(100, 36.0)), abs=0.005)


@pytest.mark.parametrize("middle", [(0.5, 0.5), (0.42, 0.6)])  # cropped beside its middle
def test_photos_are_as_if_their_lens_had_not_darkened_them(middle: tuple[float, float]) -> None:
    camera = camera_at(np.array([0.1, 0.2, -2.0]), np.array([0.3, 0.0, 0.0]), 80.0, middle)
    dark, plain = picture(camera, darkened=True).transpose(2, 0, 1), picture(camera, darkened=False).transpose(2, 0, 1)
    x, y = np.meshgrid(np.arange(96) + 0.5, np.arange(72) + 0.5)
    shares = squared_radii(camera, np.stack([x, y], axis=-1))
    assert 0.93 < shares.max() < 1
    steps, *_ = np.linalg.lstsq(basis(shares.ravel()), -np.log(arrived(camera, x, y)).ravel(), rcond=None)
    found = evened(dark, camera, Falloff(steps), NONE).astype(int)
    assert np.abs(dark - plain.astype(int)).max() > 20
    # A byte of the dark photo may be half a step off, which grows with the light: by less than two and a half steps.
    assert np.abs(found - plain).max() <= 2
    assert np.abs(found - plain).mean() < 0.5


def test_gains_are_taken_out_of_what_is_stored_and_rounded_once() -> None:
    camera, dice = camera_at(np.zeros(3), np.array([0.0, 0.0, 1.0]), 80.0), np.random.default_rng(1)
    photo = dice.integers(0, 256, (3, 72, 96), dtype=np.uint8)
    falloff, gains = natural(camera), np.array([0.7, 1.0, 1.6])
    x, y = np.meshgrid(np.arange(96) + 0.5, np.arange(72) + 0.5)
    share = falloff.at(squared_radii(camera, np.stack([x, y], axis=-1)))
    exact = (255 * stored_of(light_of(photo / 255) / share) / gains[:, None, None]).clip(0, 255)
    assert np.abs(evened(photo, camera, falloff, gains) - exact).max() < 0.55  # half a step, and the table's


def test_no_fall_changes_nothing() -> None:
    camera = camera_at(np.zeros(3), np.array([0.0, 0.0, 1.0]), 80.0)
    photo = np.resize(np.arange(256, dtype=np.uint8), (3, 72, 96))
    np.testing.assert_array_equal(evened(photo, camera, Falloff(np.zeros(STEPS)), NONE), photo)
    assert Falloff(np.zeros(STEPS)).corner == 0
    assert corner(camera) > 0.3


def test_stored_values_and_light_are_each_others_inverse() -> None:
    stored = np.linspace(0, 1, 1000)
    assert stored_of(light_of(stored)) == pytest.approx(stored, abs=1e-7)
    assert light_of(np.array([0.0, 0.5, 1.0])) == pytest.approx([0, 0.2140, 1], abs=1e-4)


def test_the_farthest_corner_is_at_one() -> None:
    camera = Camera(100, 80, 50.0, 50.0, 70.0, 30.0, np.eye(3, 4))
    corners = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 80.0], [100.0, 80.0], [70.0, 30.0]])
    assert squared_radii(camera, corners) == pytest.approx(np.array([5800, 1800, 7400, 3400, 0]) / 7400)
    assert squared_radii(camera.resized(50, 40), corners / 2) == pytest.approx(squared_radii(camera, corners))
