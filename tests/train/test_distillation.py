"""What teachers show: options of their own, places between the photos, and the mean of their pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from splatworker.formats.camera import Camera
from splatworker.render.interface import View
from splatworker.train.distillation import NEAREST, Picture, between, mean_rotation, of_teacher, taught
from splatworker.train.options import Options
from splatworker.train.views import Views

POINTS = np.random.default_rng(0).normal(0, 0.5, (400, 3))
"""Of a scene around the origin."""


def turned(angle: float) -> np.ndarray:
    """A rotation about the vertical axis, by an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])


def moved(x: float) -> np.ndarray:
    """The pose of a camera that stands so far to the right, and looks ahead."""
    return np.hstack([np.eye(3), [[-x], [0], [0]]])


def ring(count: int, radius: float = 6.0) -> list[Camera]:
    """Cameras on a circle that look at its center."""
    made = []
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        rotation = turned(angle)
        center = -radius * rotation[2]
        made.append(Camera(40, 30, 50, 50, 20, 15, np.hstack([rotation, (-rotation @ center)[:, None]])))
    return made


def test_a_teacher_trains_its_own_iterations_with_random_numbers_of_its_own() -> None:
    options = Options(
        Path(),
        Path(),
        seed=3,
        iterations=8000,
        position_lr_max_steps=8000,
        coarse_iterations=2000,
        densify_until_iter=4000,
        save_iterations=[8000],
        test_iterations=[4000],
        checkpoint_iterations=[10],
        teacher_iterations=2000,
    )
    teachers = [of_teacher(options, number) for number in (1, 2)]
    assert len({options.seed, *(teacher.seed for teacher in teachers)}) == 3
    for teacher in teachers:
        assert (teacher.iterations, teacher.position_lr_max_steps) == (2000, 2000)
        assert (teacher.coarse_iterations, teacher.densify_until_iter) == (500, 1000)
        assert not teacher.save_iterations and not teacher.test_iterations and not teacher.checkpoint_iterations
        unchanged = {"position_lr_init": options.position_lr_init, "dropout": options.dropout}
        assert {name: getattr(teacher, name) for name in unchanged} == unchanged


def test_views_lie_between_photos_that_are_near_and_look_where_these_look() -> None:
    cameras = ring(12)
    centers = np.array([camera.center for camera in cameras])
    views = between(cameras, POINTS, 30, seed=1)
    assert len(views) == 30
    for number, view in enumerate(views):
        own = cameras[number % 12]
        distances = np.linalg.norm(centers - own.center, axis=1)
        reach = np.sort(distances)[NEAREST]
        assert 0.05 < np.linalg.norm(view.center - own.center) < reach
        rotation = view.camera_from_world[:, :3]
        assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)
        toward = -view.center / np.linalg.norm(view.center)
        assert rotation[2] @ toward > 0.75
        assert replace(view, camera_from_world=own.camera_from_world) == replace(own)


def test_some_views_stand_on_the_far_side_of_a_photo_and_look_where_it_looks() -> None:
    """Of a row: every other view, away from its neighbour, so that of the first and the last some are off its ends."""
    row = [replace(camera, camera_from_world=moved(x)) for x, camera in zip(range(6), ring(6), strict=True)]
    views = between(row, np.add(POINTS, [2.5, 0, 20]), 240, seed=0, beyond=0.5)
    assert len(views) == 240
    assert all(np.array_equal(view.camera_from_world[:, :3], np.eye(3)) for view in views)
    of_the_last = np.array([view.center[0] for view in views])[5::6]
    behind, between_two = of_the_last[0::2], of_the_last[1::2]
    assert behind.min() > 4.6 and behind.max() > 6
    assert between_two.max() < 5.4
    assert max(view.center[0] for view in between(row, np.add(POINTS, [2.5, 0, 20]), 240, seed=0)) < 5.4


def test_fewer_views_than_photos_are_spread_over_all_of_them() -> None:
    cameras = ring(12)
    centers = np.array([camera.center for camera in cameras])
    views = between(cameras, POINTS, 4, seed=0)
    for number, view in enumerate(views):
        distances = np.linalg.norm(centers - view.center, axis=1)
        assert 3 * number in np.argsort(distances)[: NEAREST + 1]
    assert max(view.center[0] for view in views) > 2 and min(view.center[0] for view in views) < -2


def test_the_same_seed_gives_the_same_views() -> None:
    one, same, other = (between(ring(5), POINTS, 4, seed) for seed in (1, 1, 2))
    for first, second, third in zip(one, same, other, strict=True):
        assert np.array_equal(first.camera_from_world, second.camera_from_world)
        assert not np.array_equal(first.camera_from_world, third.camera_from_world)


def test_no_view_stands_in_something() -> None:
    """Two that look at each other through a post: half way between them, one would stand in it."""
    cameras = ring(2)
    post = np.random.default_rng(1).normal(0, 0.05, (400, 3))
    views = between(cameras, post, 40, seed=0)
    for view in views:
        depths = post @ view.camera_from_world[2, :3] + view.camera_from_world[2, 3]
        assert np.median(depths[depths > 0]) > 2
    assert len(views) < 40


def test_half_way_between_two_rotations_is_half_the_angle() -> None:
    assert mean_rotation(turned(0.2), turned(1.0), 0.5) == pytest.approx(turned(0.6))
    assert mean_rotation(turned(0.2), turned(1.0), 0.0) == pytest.approx(turned(0.2))
    beyond = mean_rotation(turned(0.2), turned(0.4), -0.5)
    assert beyond == pytest.approx(turned(0.1), abs=0.01)


@pytest.mark.parametrize("streams", [False, True])
def test_what_is_taught_is_the_mean_of_the_teachers_pictures(*, streams: bool) -> None:
    cameras = ring(3)
    photos = Views([View(camera, np.zeros((3, 30, 40), np.uint8)) for camera in cameras], "cpu" if streams else None)

    def teacher(grey: int, hole: int | None) -> Picture:
        hidden = None if hole is None else np.full((30, 40), hole, np.uint8)
        return np.full((3, 30, 40), grey, np.uint8), hidden

    told = taught(cameras[:2], [lambda _: teacher(10, None), lambda _: teacher(21, None)], "cpu", photos)
    assert [view.camera for view in told] == cameras[:2]
    assert {int(value) for view in told for value in np.unique(view.photo)} == {16}
    assert not told.have_holes
    assert told.streams == streams
    through = taught(cameras[:1], [lambda _: teacher(0, 200), lambda _: teacher(0, 100)], "cpu", photos)
    hole = through.hole(0)
    assert hole is not None
    assert np.unique(hole).tolist() == [150]
