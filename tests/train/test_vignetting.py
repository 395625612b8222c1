"""How lenses darken, from the points that photos share: what is true comes out; what only looks like it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from support.dark_corners import arrived, camera_at, corner

from splatworker.formats.camera import Camera
from splatworker.formats.scene import Photo
from splatworker.train import falloff_fit
from splatworker.train.falloff import Falloff, stored_of
from splatworker.train.sightings import Sightings
from splatworker.train.vignetting import FEWEST_PHOTOS, fallen, lenses_of

Array = npt.NDArray[np.float64]
Lens = Callable[[Camera, Array, Array], Array]


@dataclass
class Taken:
    """Photos, what each shows of the points, and where."""

    photos: list[Photo]
    sightings: list[Sightings]
    places: list[Array]


def plain(camera: Camera, x: Array, y: Array) -> Array:
    return np.ones(len(x))


def take(
    cameras: list[Camera],
    points: Array,
    shade: Callable[[Camera], Array],
    lens: Lens = plain,
    gains: Array | None = None,
    seen: Callable[[Camera], npt.NDArray[np.bool_]] = lambda camera: np.array([True]),
) -> Taken:
    """What cameras show of points of all colours, each of which is found in half of the photos that it falls into.

    Args:
        shade: (K,) of a camera, by what the points' light is multiplied there.
        lens: by what it is on its way to a pixel; gains: by what a photo's stored values are.
        seen: (K,) of a camera, which points face it.
    """
    dice = np.random.default_rng(0)
    own = np.exp(dice.uniform(np.log(0.05), np.log(0.5), len(points)))[:, None] * dice.uniform(
        0.8, 1.2, (len(points), 3)
    )
    taken = Taken([], [], [])
    for number, camera in enumerate(cameras):
        x, y, depth = camera.camera_from_world[:, :3] @ points.T + camera.camera_from_world[:, 3:]
        u, v = camera.fx * x / depth + camera.cx, camera.fy * y / depth + camera.cy
        inside = (depth > 0) & (u > 0) & (u < camera.width) & (v > 0) & (v < camera.height)
        which = np.flatnonzero(inside & seen(camera) & (dice.random(len(points)) < 0.5))
        light = own[which] * (shade(camera) * np.ones(len(points)))[which, None]
        stored = stored_of(light * lens(camera, u[which], v[which])[:, None]) * (
            1.0 if gains is None else gains[number]
        )
        shown = np.clip(stored + dice.normal(0, 0.012, stored.shape), 0, 1)
        taken.photos.append(Photo(f"{number}.jpg", Path(f"{number}.jpg"), camera))
        taken.sightings.append(Sightings(which.astype(np.uint64), shown))
        taken.places.append(np.column_stack([u, v])[which])
    return taken


def room(count: int = 24, focal: float = 80.0, middle: tuple[float, float] = (0.5, 0.5)) -> tuple[list[Camera], Array]:
    """From within, one part of a wall after the other."""
    dice = np.random.default_rng(4)
    points = dice.normal(size=(8000, 3))
    points *= 3 / np.linalg.norm(points, axis=1, keepdims=True)
    aims = np.column_stack([dice.normal(0, 0.6, count), dice.normal(0, 0.3, count), np.ones(count)])
    return [camera_at(dice.uniform(-1, 1, 3), 4 * aim, focal, middle) for aim in aims], points


def turntable(lit: str) -> Taken:
    """A ball that turns before a camera that looks at its middle, in light that stays where the camera is."""
    dice = np.random.default_rng(5)
    normals = dice.normal(size=(4000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    angles = np.linspace(0, 4 * np.pi, 30, endpoint=False)
    centers = 3.2 * np.column_stack([np.cos(angles), np.repeat([0.1, 0.35], 15), np.sin(angles)])
    cameras = [camera_at(center, dice.normal(0, 0.03, 3), 90.0) for center in centers]

    def towards(camera: Camera) -> Array:
        way = camera.center - normals
        return np.asarray(way / np.linalg.norm(way, axis=1, keepdims=True))

    def shade(camera: Camera) -> Array:
        front = towards(camera)
        if lit == "from one side":
            front = camera.camera_from_world[:, :3].T @ np.array([-0.7, -0.5, -0.5])
        return np.asarray(0.2 + 0.8 * np.maximum(0, (normals * front).sum(axis=1)))

    return take(cameras, normals, shade, seen=lambda camera: (normals * towards(camera)).sum(axis=1) > 0.35)


def even(camera: Camera) -> Array:
    return np.ones(1)


def far_from_true(falloff: Falloff, camera: Camera) -> float:
    """The largest difference of the light that arrives at pixels up to nine tenths of the way to the corner."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    squared = ((x - camera.cx) ** 2 + (y - camera.cy) ** 2).ravel()
    squared /= max(camera.cx, camera.width - camera.cx) ** 2 + max(camera.cy, camera.height - camera.cy) ** 2
    difference = np.abs(falloff.at(squared) - arrived(camera, x.ravel(), y.ravel()))
    return float(difference[squared < 0.81].max())


@pytest.mark.parametrize("focal", [130.0, 80.0, 50.0])
@pytest.mark.parametrize("gains", [False, True])
def test_a_true_fall_is_found(focal: float, gains: bool) -> None:
    cameras, points = room(focal=focal)
    changing = np.random.default_rng(6).uniform(0.6, 1.4, len(cameras)) if gains else None
    taken = take(cameras, points, even, arrived, changing)
    ((lens, falloff),) = fallen(taken.photos, taken.sightings, taken.places)
    assert lens == list(range(len(cameras)))
    assert far_from_true(falloff, cameras[0]) < 0.03
    assert falloff.corner == pytest.approx(corner(cameras[0]), abs=0.05)


def test_the_fall_is_round_about_where_the_lens_is_centred() -> None:
    """Round about the photo's middle it would be 0.023 from the true one; as it is, it is 0.005."""
    cameras, points = room(focal=80.0, middle=(0.2, 0.7))
    taken = take(cameras, points, even, arrived)
    ((_, falloff),) = fallen(taken.photos, taken.sightings, taken.places)
    assert far_from_true(falloff, cameras[0]) < 0.015


@pytest.mark.parametrize("gains", [False, True])
def test_none_is_found_where_there_is_none(gains: bool) -> None:
    cameras, points = room()
    changing = np.random.default_rng(6).uniform(0.6, 1.4, len(cameras)) if gains else None
    taken = take(cameras, points, even, plain, changing)
    assert fallen(taken.photos, taken.sightings, taken.places) == []


def test_a_fall_too_small_to_matter_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras, points = room()
    taken = take(cameras, points, even, lambda camera, x, y: arrived(camera, x, y) ** 0.03)
    assert 0.02 < 1 - (1 - corner(cameras[0])) ** 0.03 < 0.03
    assert fallen(taken.photos, taken.sightings, taken.places) == []
    for bound in ("LEAST_FALL", "FORETOLD"):
        monkeypatch.setattr(falloff_fit, bound, 0.0)
    assert len(fallen(taken.photos, taken.sightings, taken.places)) == 1


@pytest.mark.parametrize("lit", ["from the front", "from one side"])
def test_the_edge_of_a_thing_on_a_turntable_is_no_corner(lit: str) -> None:
    taken = turntable(lit)
    assert sum(len(seen.points) for seen in taken.sightings) > 5000
    assert fallen(taken.photos, taken.sightings, taken.places) == []


def test_what_a_turntable_would_be_taken_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above can fail."""
    taken = turntable("from the front")
    monkeypatch.setattr(falloff_fit, "TOLD", 0.0)
    ((_, falloff),) = fallen(taken.photos, taken.sightings, taken.places)
    assert falloff.corner > 0.5


def test_light_that_stays_with_the_camera_is_not_taken_for_the_lens() -> None:
    """Walls that are lit from one side of whoever walks, and photos that turn: they differ from side to side."""
    cameras, points = room()

    def shade(camera: Camera) -> Array:
        x, _, depth = camera.camera_from_world[:, :3] @ points.T + camera.camera_from_world[:, 3:]
        return np.asarray(np.exp(-0.4 * np.arctan2(x, np.abs(depth))))

    taken = take(cameras, points, shade)
    assert fallen(taken.photos, taken.sightings, taken.places) == []
    ((_, falloff),) = fallen(*vars(take(cameras, points, shade, arrived)).values())
    assert far_from_true(falloff, cameras[0]) < 0.04


def test_two_lenses_of_a_set_have_falls_of_their_own_and_a_third_none() -> None:
    cameras, points = room(count=48)
    turn = [
        replace(camera, fx=focal, fy=focal) for camera, focal in zip(cameras, 16 * [130.0, 60.0, 90.0], strict=True)
    ]

    def lens(camera: Camera, x: Array, y: Array) -> Array:
        return plain(camera, x, y) if camera.fx == 90 else arrived(camera, x, y)

    taken = take(turn, points, even, lens)
    photos = [replace(photo, lens=number % 3) for number, photo in enumerate(taken.photos)]
    (first, long), (second, wide) = fallen(photos, taken.sightings, taken.places)
    assert (first, second) == (list(range(0, 48, 3)), list(range(1, 48, 3)))
    assert far_from_true(long, turn[0]) < 0.04
    assert far_from_true(wide, turn[1]) < 0.04
    # Where each photo has a camera of its own, those that draw alike are one lens.
    alone = [replace(photo, lens=number) for number, photo in enumerate(taken.photos)]
    again = fallen(alone, taken.sightings, taken.places)
    assert [(lens, fall.steps.tolist()) for lens, fall in again] == [
        (first, long.steps.tolist()),
        (second, wide.steps.tolist()),
    ]


def test_who_saw_a_point_wrongly_has_little_to_say() -> None:
    cameras, points = room()
    taken = take(cameras, points, even, arrived)
    dice = np.random.default_rng(7)
    for seen in taken.sightings:
        wrong = dice.random(len(seen.points)) < 0.15
        seen.colours[wrong] = dice.uniform(0.1, 0.9, (np.count_nonzero(wrong), 3))
    ((_, falloff),) = fallen(taken.photos, taken.sightings, taken.places)
    assert far_from_true(falloff, cameras[0]) < 0.05


def test_the_same_comes_out_every_time() -> None:
    cameras, points = room()
    taken = take(cameras, points, even, arrived)
    one, other = (fallen(taken.photos, taken.sightings, taken.places)[0][1] for _ in range(2))
    np.testing.assert_array_equal(one.steps, other.steps)


def test_few_photos_and_few_points_tell_nothing() -> None:
    cameras, points = room()
    taken = take(cameras[: FEWEST_PHOTOS - 1], points, even, arrived)
    assert fallen(taken.photos, taken.sightings, taken.places) == []
    taken = take(cameras, points[:60], even, arrived)
    assert fallen(taken.photos, taken.sightings, taken.places) == []
    nothing = Sightings(np.zeros(0, np.uint64), np.zeros((0, 3)))
    assert fallen(taken.photos, [nothing] * len(cameras), [np.zeros((0, 2))] * len(cameras)) == []
    assert fallen([], [], []) == []


def test_places_that_are_none_are_left_out() -> None:
    cameras, points = room()
    taken = take(cameras, points, even, arrived)
    before = fallen(taken.photos, taken.sightings, taken.places)
    for number, place in enumerate([(1e300, -1e300), (-5.0, 3.0), (96.1, 3.0)] * 8):
        seen = taken.sightings[number]
        colours = np.concatenate([seen.colours, np.full((1, 3), 0.5)])
        taken.sightings[number] = Sightings(np.append(seen.points, seen.points[0]), colours)
        taken.places[number] = np.concatenate([taken.places[number], [place]])
    ((_, one), (_, other)) = *before, *fallen(taken.photos, taken.sightings, taken.places)
    np.testing.assert_array_equal(one.steps, other.steps)


def test_points_that_are_seen_at_one_radius_tell_nothing() -> None:
    cameras, points = room()
    taken = take(cameras, points, even, arrived)
    middle = [np.full_like(places, 1.0) * [48.0, 36.0] for places in taken.places]
    assert fallen(taken.photos, taken.sightings, middle) == []


def test_pictures_cut_out_of_one_photo_are_no_lenses() -> None:
    """Sides of a fisheye's photo, and views of a panorama: their middle is not the lens's."""
    cameras, points = room()
    taken = take(cameras, points, even, arrived)
    assert len(lenses_of(taken.photos)) == 1
    turned = [
        replace(camera, camera_from_world=np.diag([-1.0, 1, -1]) @ camera.camera_from_world) for camera in cameras
    ]
    sides = [Photo(f"{number}_side.jpg", Path("x.jpg"), camera, lens=1) for number, camera in enumerate(turned)]
    assert lenses_of([*taken.photos, *sides]) == []
    other = [replace(photo, lens=2, camera=moved(photo.camera)) for photo in taken.photos]
    assert lenses_of([*taken.photos, *sides, *other]) == [list(range(48, 72))]


def moved(camera: Camera) -> Camera:
    pose = camera.camera_from_world.copy()
    pose[:, 3] += 0.5
    return replace(camera, camera_from_world=pose)


def test_upright_photos_are_by_the_lens_of_the_others() -> None:
    camera = room()[0][0]
    upright = Camera(72, 96, 80.5, 80.5, 36.0, 48.0, moved(camera).camera_from_world)
    longer = replace(camera, fx=90.0, fy=90.0, width=95)  # a pixel less to sort by
    smaller = replace(camera, width=48, height=36)
    photos = []
    for number in range(24):
        one = (camera, upright, longer, smaller)[number % 4]
        pose = one.camera_from_world + np.array([0, 0, 0, 0.01 * number])
        photos.append(Photo(f"{number}", Path("x"), replace(one, camera_from_world=pose), lens=number))
    turned = [number for number in range(24) if number % 4 < 2]
    assert lenses_of(photos) == [turned, [*range(2, 24, 4)], [*range(3, 24, 4)]]
