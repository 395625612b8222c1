"""What is behind everything is found where it is plain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.bluish_wall import HARMONICS, behind_all
from support.colmap_files import ring_cameras

from splatworker.formats.camera import Camera
from splatworker.render.interface import Ignored, View
from splatworker.train.backdrop import (
    DEGREE,
    MOST_ASKED,
    STEPS,
    Backdrop,
    _common_and_own,
    directions,
    find_backdrop,
    fitted,
    widened,
    with_points,
)
from splatworker.train.options import Options

NO_POINTS = np.empty((0, 3))
ONE_POINT = np.zeros((1, 3))
"""In the middle of every camera's picture."""


def pictures(count: int = 8, width: int = 80, height: int = 60) -> list[View]:
    """Photos of nothing but what is behind everything."""
    cameras = ring_cameras(count, width, height)
    return [View(camera, np.round(255 * behind_all(camera).clip(0, 1)).astype(np.uint8)) for camera in cameras]


def with_thing(view: View) -> View:
    """A photo with something green in its middle."""
    photo = view.photo.copy()
    photo[:, 24:36, 32:48] = np.array([30, 160, 40], np.uint8)[:, None, None]
    return View(view.camera, photo)


def greatest_error(found: Backdrop) -> float:
    """Over all that the cameras see; nothing is known of what is above and below them."""
    cameras = [view.camera for view in pictures()]
    return max(float(np.abs(behind_all(one, found.harmonics) - behind_all(one)).max()) for one in cameras)


def options(tmp_path: Path, **given: object) -> Options:
    return Options(source_path=tmp_path, model_path=tmp_path / "model", **given)  # type: ignore[arg-type]


def with_noise(view: View, share: float, seed: int) -> View:
    """A photo, so much of which, from the left, is anything else."""
    photo, chance = view.photo.copy(), np.random.default_rng(seed)
    part = photo[:, :, : round(share * photo.shape[2])]
    part[...] = chance.integers(0, 256, part.shape)
    return View(view.camera, photo)


def test_it_is_found_as_it_is() -> None:
    found = fitted(pictures(), NO_POINTS)
    assert found is not None
    assert found.empty == found.explained == 1
    assert greatest_error(found) < 0.03  # 0.022: photos are whole numbers, and smoothness costs a little
    assert np.array_equal(found.harmonics * STEPS, np.round(found.harmonics * STEPS))


def of_many_days(count: int = 16) -> tuple[list[View], np.ndarray]:
    """Photos of nothing but a sky, in turns brighter and bluer, or darker, by (count, 3) than in the mean."""
    skies = 0.1 * np.outer((-1) ** np.arange(count), [0.5, 1, 1.5])
    views = [
        View(view.camera, (view.photo + 255 * sky[:, None, None]).clip(0, 255).round().astype(np.uint8))
        for view, sky in zip(pictures(count), skies, strict=True)
    ]
    return views, skies


def test_photos_of_many_days_have_each_its_own(tmp_path: Path) -> None:
    views, skies = of_many_days()
    one, found = fitted(views, NO_POINTS), fitted(views, NO_POINTS, each=True)
    assert one is not None
    assert found is not None
    assert found.own is not None
    assert one.own is None
    assert one.explained < 0.3 < 0.9 < found.explained
    assert greatest_error(found) < 0.08  # what is common is the mean, less what differences cost
    for photo, (view, sky) in enumerate(zip(views, skies, strict=True)):
        error = behind_all(view.camera, found.of(photo)) - behind_all(view.camera) - sky[:, None, None]
        assert np.abs(error).mean() < 0.04  # of up to 0.15
        assert np.array_equal(one.of(photo), one.harmonics)
    assert found.in_figures()["photos"] == len(views)
    assert "photos" not in one.in_figures()
    auto = options(tmp_path, backdrop="auto")
    assert find_backdrop(auto, views, NO_POINTS) is None
    taken = find_backdrop(auto, views, NO_POINTS, light_differs=True)
    assert taken is not None
    assert taken.own is not None
    many = find_backdrop(auto, views * 3, NO_POINTS, light_differs=True)
    assert 3 * len(views) > MOST_ASKED
    assert many is not None
    assert many.own is not None
    assert len(many.own) == 3 * len(views)
    of_one_day = find_backdrop(auto, pictures(), NO_POINTS, light_differs=True)
    assert of_one_day is not None
    assert of_one_day.own is None  # it explains no more


def test_what_is_common_and_all_differences_solve_one_system() -> None:
    random = np.random.default_rng(3)
    values = random.standard_normal((5, 20, 9))
    told, wanted = values.transpose(0, 2, 1) @ values, random.standard_normal((5, 9, 3))
    bound, price = np.diag(random.random(9)), 2.5 * np.eye(9)
    common, own = _common_and_own(told, wanted, bound, price)
    system = np.zeros((54, 54))
    system[:9, :9] = bound + told.sum(axis=0)
    for index, one in enumerate(told):
        its = slice(9 + 9 * index, 18 + 9 * index)
        system[:9, its] = system[its, :9] = one
        system[its, its] = one + price
    expected = np.linalg.solve(system, np.concatenate([wanted.sum(axis=0), *wanted]))
    np.testing.assert_allclose(np.concatenate([common, *own]), expected, rtol=1e-9, atol=1e-12)


def test_of_many_photos_some_from_all_along_are_asked(tmp_path: Path) -> None:
    many = pictures(3 * MOST_ASKED)
    found = find_backdrop(options(tmp_path, backdrop="auto"), many, NO_POINTS)
    assert found is not None
    assert found.own is None
    assert greatest_error(found) < 0.03
    chosen = fitted([many[index] for index in np.linspace(0, 95, 32).round().astype(int)], NO_POINTS)
    assert chosen is not None
    assert np.array_equal(found.harmonics, chosen.harmonics)
    half = [view if index % 3 else with_noise(view, 1, index) for index, view in enumerate(many)]
    assert find_backdrop(options(tmp_path, backdrop="auto"), half, NO_POINTS) is not None


def test_own_ones_that_explain_too_little_are_not_taken(tmp_path: Path) -> None:
    views = [with_noise(view, 0.9, seed) for seed, view in enumerate(of_many_days()[0])]
    auto, on = (options(tmp_path, backdrop=mode) for mode in ("auto", "on"))
    assert find_backdrop(auto, views, NO_POINTS, light_differs=True) is None
    asked = find_backdrop(on, views, NO_POINTS, light_differs=True)
    assert asked is not None
    assert asked.explained < 0.15


def test_what_stands_before_it_does_not_draw_it_to_itself() -> None:
    views = [with_noise(view, 0.4, seed) for seed, view in enumerate(pictures())]
    found = fitted(views, NO_POINTS)
    assert found is not None
    assert 0.55 < found.explained < 0.65
    assert greatest_error(found) < 0.05


def test_pixels_near_points_and_those_that_are_ignored_are_not_asked() -> None:
    hidden = [with_noise(view, 0.4, seed) for seed, view in enumerate(pictures())]
    mask = np.zeros((60, 80), np.uint8)
    mask[:, :32] = 1
    found = fitted([View(view.camera, view.photo, Ignored(mask)) for view in hidden], ONE_POINT)
    assert found is not None
    assert found.explained > 0.99
    assert found.empty == pytest.approx(0.6 - 11 * 11 / (80 * 60), abs=0.03)


def test_pixels_near_a_point() -> None:
    camera = Camera(32, 24, 20.0, 20.0, 16.0, 12.0, np.eye(4)[:3])
    points = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [50.0, 0.0, 1.0]])  # in the middle, behind, outside
    there = with_points(camera, points)
    assert there.sum() == 1
    near = widened(there)
    assert near.sum() == 5 * 5  # two pixels on each side
    assert near[10:15, 14:19].all()


def test_directions_are_those_that_renderers_take() -> None:
    (camera, *_) = ring_cameras(3, 40, 30)
    ahead = directions(camera)
    assert np.allclose(np.linalg.norm(ahead, axis=-1), 1)
    point = camera.center + 3 * ahead[7, 11]
    x, y, z = camera.camera_from_world[:, :3] @ point + camera.camera_from_world[:, 3]
    assert (camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy) == pytest.approx((11.5, 7.5))


def test_auto_takes_one_where_it_explains_what_is_behind(tmp_path: Path) -> None:
    few = [with_thing(view) for view in pictures()]
    auto = options(tmp_path, backdrop="auto")
    assert find_backdrop(auto, few, ONE_POINT) is not None
    assert find_backdrop(options(tmp_path), few, ONE_POINT) is None  # off is what the trainer's command line has
    textured = [with_noise(view, 0.9, seed) for seed, view in enumerate(few)]
    assert find_backdrop(auto, textured, ONE_POINT) is None
    assert find_backdrop(options(tmp_path, backdrop="on"), textured, ONE_POINT) is not None
    everywhere = np.random.default_rng(0).uniform(-3, 3, (20_000, 3))
    assert find_backdrop(auto, few, everywhere) is None
    black = [View(view.camera, np.zeros_like(view.photo)) for view in few]
    assert find_backdrop(auto, black, ONE_POINT) is None  # which is there without
    for other in ("white_background", "random_background"):
        assert find_backdrop(options(tmp_path, backdrop="auto", **{other: True}), few, ONE_POINT) is None


def test_auto_takes_none_that_looks_like_what_has_points(tmp_path: Path) -> None:
    carpet = pictures()  # whose points end before the edges of the photos, as those of few photos do
    points = np.random.default_rng(0).uniform(-0.8, 0.8, (2000, 3))
    found = fitted(carpet, points)
    assert found is not None
    assert found.empty > 0.2
    assert found.explained == found.at_points == 1
    auto, on = (options(tmp_path, backdrop=mode) for mode in ("auto", "on"))
    assert find_backdrop(auto, carpet, points) is None
    assert find_backdrop(on, carpet, points) is not None
    assert find_backdrop(auto, carpet, NO_POINTS) is not None  # nothing says that it has a place


def test_what_it_explains_at_points_is_their_own_pixels_that_are_not_ignored() -> None:
    things = [with_thing(view) for view in pictures()]
    middle = np.array([[x, 0.0, z] for x in (-0.1, 0, 0.1) for z in (-0.1, 0, 0.1)])
    on_the_thing, above = fitted(things, middle), fitted(things, np.concatenate([middle, [[0.0, -1.2, 0.0]]]))
    assert on_the_thing is not None
    assert above is not None
    assert on_the_thing.at_points == 0  # though what is near them, within the margin, is explained
    assert 0.05 < above.at_points < 0.3  # one of up to ten pixels a photo
    mask = np.zeros((60, 80), np.uint8)
    mask[:22] = 1
    masked = fitted([View(view.camera, view.photo, Ignored(mask)) for view in things], np.array([[0.0, -1.2, 0.0]]))
    assert masked is not None
    assert masked.at_points == 0


@pytest.mark.parametrize("other", ["white_background", "random_background"])
def test_two_backgrounds_contradict_each_other(tmp_path: Path, other: str) -> None:
    with pytest.raises(ValueError, match=f"backdrop on and {other} both say"):
        options(tmp_path, backdrop="on", **{other: True})


def test_the_degree_is_one_that_renderers_take() -> None:
    assert HARMONICS.shape == ((DEGREE + 1) ** 2, 3)
