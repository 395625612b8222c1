"""Flights are smooth, closed, and stay where photos were taken."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from splatworker.export.camera_path import Viewpoint, flight, focus, sorted_by_coverage, viewpoint_of
from splatworker.formats.camera import Camera

FRAMES = 120


def camera_at(
    center: npt.ArrayLike, target: npt.ArrayLike, width: int = 64, height: int = 48, focal: float = 60.0
) -> Camera:
    viewpoint = Viewpoint(np.array(center, float), np.array(target, float), width / 2 / focal, height / 2 / focal)
    return viewpoint.camera(width, height)


def ring(start: float, end: float, count: int = 24, height: float = 1.0, wobble: float = 0.1) -> list[Camera]:
    rng = np.random.default_rng(0)
    angles = np.linspace(start, end, count, endpoint=False)
    return [
        camera_at(
            [(3 + wobble * rng.normal()) * np.sin(a), height + wobble * rng.normal(), 3 * np.cos(a)],
            [0.05 * rng.normal(), 0, 0],
        )
        for a in angles
    ]


POINTS = np.random.default_rng(1).normal(scale=0.4, size=(400, 3))
TRACKS = np.full(400, 4.0)


def positions(viewpoints: list[Viewpoint]) -> np.ndarray:
    return np.array([viewpoint.position for viewpoint in viewpoints])


def closed_steps(points: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(np.diff(np.vstack([points, points[:1]]), axis=0), axis=1))


@pytest.mark.parametrize("span", [2 * np.pi, np.pi, np.pi / 3])
def test_a_flight_closes_and_has_no_jumps(span: float) -> None:
    path = positions(flight(ring(0, span), POINTS, 0, FRAMES))
    steps = closed_steps(path)
    assert steps.max() < 3.5 * np.median(steps) + 0.01
    turns = np.linalg.norm(np.diff(path, 2, axis=0), axis=1)
    assert turns.max() < 0.02  # no corner: nothing moves off from rest in one frame


def test_a_full_ring_is_flown_all_around_and_an_arc_is_not_left() -> None:
    around = positions(flight(ring(0, 2 * np.pi), POINTS, 0, FRAMES))
    angles = np.unwrap(np.arctan2(around[:, 0], around[:, 2]))
    assert abs(angles[-1] - angles[0]) > 6
    arc = positions(flight(ring(-0.5, 0.5), POINTS, 0, FRAMES))
    angles = np.arctan2(arc[:, 0], arc[:, 2])
    assert angles.min() > -0.52
    assert angles.max() < 0.52
    assert np.ptp(angles) > 0.7


@pytest.mark.parametrize("start", [0, 7, 20])
def test_it_starts_near_the_given_camera(start: int) -> None:
    cameras = ring(0, 2 * np.pi)
    assert np.linalg.norm(flight(cameras, POINTS, start, FRAMES)[0].position - cameras[start].center) < 0.5


def test_it_never_goes_lower_or_higher_than_people_did() -> None:
    cameras = [*ring(0, 2 * np.pi, height=0.4), *ring(0.1, 2 * np.pi + 0.1, height=1.6)]
    heights = [camera.center[1] for camera in cameras]
    path = positions(flight(cameras, POINTS, 0, FRAMES))
    assert path[:, 1].min() >= min(heights)
    assert path[:, 1].max() <= max(heights)


def test_along_a_facade_it_moves_along() -> None:
    cameras = [camera_at([x, 1.5, 8 + 0.1 * np.sin(x)], [x + 0.2, 2, 0]) for x in np.linspace(-10, 10, 15)]
    points = np.random.default_rng(0).uniform([-12, 0, -0.2], [12, 6, 0.2], size=(500, 3))
    viewpoints = flight(cameras, points, 7, FRAMES)
    path = positions(viewpoints)
    assert np.ptp(path[:, 0]) > 15
    assert path[:, 2].min() > 7
    forwards = np.array([viewpoint.target - viewpoint.position for viewpoint in viewpoints])
    forwards /= np.linalg.norm(forwards, axis=1, keepdims=True)
    assert forwards[:, 2].max() < -0.9  # it keeps looking at the facade
    assert closed_steps(path).max() < 0.7


def test_views_are_upright_and_look_at_their_target() -> None:
    for viewpoint in flight(ring(0, 2 * np.pi), POINTS, 0, 20):
        camera = viewpoint.camera(96, 54)
        rotation = camera.camera_from_world[:, :3]
        assert np.linalg.det(rotation) == pytest.approx(1)
        assert rotation[1] @ [0, 1, 0] < 0  # y down in the picture is down in the world
        assert abs(rotation[0] @ [0, 1, 0]) < 1e-9  # and the horizon is level
        seen = rotation @ viewpoint.target + camera.camera_from_world[:, 3]
        np.testing.assert_allclose(seen[:2], 0, atol=1e-9)
        assert seen[2] > 0


def test_focus_is_what_the_cameras_look_at() -> None:
    np.testing.assert_allclose(focus(ring(0, 2 * np.pi), POINTS), 0, atol=0.05)
    parallel = [camera_at([x, 0, 5], [x, 0, 0]) for x in (-1, 0, 1)]
    found = focus(parallel, POINTS)
    assert (np.abs(found) < 0.5).all()  # among the points, though parallel axes meet nowhere


def test_the_first_view_shows_most() -> None:
    cameras = [camera_at([0, 0, 3], [2, 0, 0]), camera_at([0, 0, 3], [0, 0, 0]), camera_at([0, 0, 3], [0, 0, 6])]
    assert sorted_by_coverage(cameras, POINTS, TRACKS) == [1, 0, 2]


def test_a_cameras_own_look_is_its_view() -> None:
    camera = camera_at([1, 2, 3], [0, 0, 0])
    again = viewpoint_of(camera, np.zeros(3)).camera(64, 48)
    np.testing.assert_allclose(again.camera_from_world, camera.camera_from_world, atol=1e-9)
    assert (again.fx, again.fy) == (camera.fx, camera.fy)


def test_another_shape_keeps_the_area_and_pixels_stay_square() -> None:
    viewpoint = viewpoint_of(camera_at([1, 2, 3], [0, 0, 0], width=450, height=800), np.zeros(3))
    wide = viewpoint.shaped(1280, 720)
    camera = wide.camera(1280, 720)
    assert camera.fx == pytest.approx(camera.fy)
    assert 0.7 < wide.tan_x * wide.tan_y / (viewpoint.tan_x * viewpoint.tan_y) <= 1
    assert viewpoint.shaped(900, 1600) is viewpoint


def test_a_phone_held_upright_sees_more_up_than_across() -> None:
    """Its photos lie, and the views made of them stand."""
    lying = camera_at([0, 1, 3], [0, 1, 0])
    roll = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    held = dataclasses.replace(lying, camera_from_world=roll @ lying.camera_from_world)
    assert viewpoint_of(lying, np.zeros(3)).tan_x > viewpoint_of(lying, np.zeros(3)).tan_y
    viewpoint = viewpoint_of(held, np.zeros(3))
    assert (viewpoint.tan_x, viewpoint.tan_y) == pytest.approx((24 / 60, 32 / 60))


def test_a_flight_through_panoramas_turns_once_around_and_stays_level() -> None:
    """Five views of each of six panoramas on a line: four around and one up."""
    places = [[x, 1.0 + 0.05 * x, 0.2 * x] for x in np.linspace(-2, 2, 6)]
    looks: list[list[float]] = [[0, 0, 1], [1, 0, 0], [0, 0, -1], [-1, 0, 0], [0, 1, 1e-6]]
    cameras = [
        camera_at(place, [one + other for one, other in zip(place, look, strict=True)], 64, 64, 32.0)
        for place in places
        for look in looks
    ]
    path = flight(cameras, POINTS, 0, FRAMES)
    looking = np.array([viewpoint.target - viewpoint.position for viewpoint in path])
    assert np.allclose(looking[:, 1], 0)
    angles = np.unwrap(np.arctan2(looking[:, 0], looking[:, 2]))
    assert angles[-1] - angles[0] == pytest.approx(2 * np.pi * (1 - 1 / FRAMES))
    assert closed_steps(positions(path)).max() < 0.3
    assert positions(path)[:, 1].min() > 0.85
    assert positions(path)[:, 0].max() - positions(path)[:, 0].min() > 2
