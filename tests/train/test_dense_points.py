"""More points to start from: they lie where the photos' surfaces are, once each, and only where photos agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import painted_plane

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.near_depth import seen_by
from splatworker.render.arrays import Device, to_device
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import Ignored, View
from splatworker.stages.progress import Silent
from splatworker.train import dense_points as dense
from splatworker.train.dense_points import Found, dense_points
from splatworker.train.neighbours import searches
from splatworker.train.options import Options
from splatworker.train.trainer import train

CAMERAS = [painted_plane.camera(x, y) for x, y in ((-0.6, 0.0), (-0.2, 0.1), (0.2, -0.1), (0.6, 0.05))]


def sparse() -> Points:
    xyz = painted_plane.points()
    return Points(xyz, np.zeros((len(xyz), 3), np.uint8), np.full(len(xyz), 2))


def views(device: Device) -> list[View]:
    return [View(camera, to_device(painted_plane.photo(camera), device)) for camera in CAMERAS]


def test_points_lie_on_what_photos_show_once_each_in_its_colour(device: Device) -> None:
    found, coverage, two_view = dense_points(views(device), sparse())
    assert 0.3 < coverage < 1
    assert two_view < 0.1
    assert len(found.xyz) == len(found.rgb) == len(found.track_lengths)
    assert np.quantile(painted_plane.off_the_plane(found.xyz), 0.95) < 0.02 * painted_plane.AWAY
    pixels = CAMERAS[0].width * CAMERAS[0].height
    assert 0.3 * pixels < len(found.xyz) < 2 * pixels  # the four see nearly the same: not four times as much
    seen = found.xyz[seen_by(CAMERAS[1], found.xyz)[1]]
    colours = found.rgb[seen_by(CAMERAS[1], found.xyz)[1]]
    x, y, z = (seen @ CAMERAS[1].camera_from_world[:, :3].T + CAMERAS[1].camera_from_world[:, 3]).T
    column, row = CAMERAS[1].fx * x / z + CAMERAS[1].cx, CAMERAS[1].fy * y / z + CAMERAS[1].cy
    shown = painted_plane.photo(CAMERAS[1])[:, row.astype(int), column.astype(int)].T
    assert np.median(np.abs(shown.astype(int) - colours)) <= 12


def test_both_kinds_of_arrays_find_the_same_and_the_number_is_bounded() -> None:
    import torch

    one, other = (dense_points(views(device), sparse()).points for device in ("cpu", torch.device("cpu")))
    assert abs(len(one.xyz) - len(other.xyz)) <= 0.01 * len(one.xyz)  # last bits decide some
    some = dense_points(views("cpu"), sparse(), most=100).points
    assert len(some.xyz) == 100
    assert {tuple(place) for place in some.xyz} < {tuple(place) for place in one.xyz}
    assert np.array_equal(dense_points(views("cpu"), sparse(), most=100).points.xyz, some.xyz)


def test_ignored_pixels_and_photos_without_company_tell_nothing(device: Device) -> None:
    hidden = np.zeros((CAMERAS[0].height, CAMERAS[0].width), np.uint8)
    hidden[:, 40:] = 1
    masked = []
    for view in views(device):
        photo = painted_plane.photo(view.camera) * (hidden == 0)
        masked.append(View(view.camera, to_device(photo, device), Ignored(to_device(hidden, device), 2.0)))
    part, whole = (dense_points(those, sparse()) for those in (masked, views(device)))
    assert 0 < len(part.points.xyz) < 0.75 * len(whole.points.xyz)
    assert 0 < part.coverage < 0.75 * whole.coverage
    nothing = Points(np.zeros((0, 3)), np.zeros((0, 3), np.uint8), np.zeros(0, np.int64))
    for nobody in (dense_points(views(device)[:1], sparse()), dense_points(views(device), nothing)):
        assert (len(nobody.points.xyz), nobody.coverage) == (0, 0)


def test_what_is_planned_of_cameras_alone_is_what_their_small_photos_want(
    device: Device, tiny_options: Callable[..., Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of the photos, odd sides among them."""
    monkeypatch.setattr(dense, "LONGEST_SIDE", dense.LONGEST_SIDE // 3)
    cameras = [
        Camera(3 * one.width, 3 * one.height, 3 * one.fx, 3 * one.fy, 3 * one.cx, 3 * one.cy, one.camera_from_world)
        for one in CAMERAS
    ]
    large = [View(camera, to_device(painted_plane.photo(camera), device)) for camera in cameras]
    assert max(large[0].photo.shape) > dense.LARGER * dense.LONGEST_SIDE
    ahead = dense.wanted_searches(tiny_options(start_points="dense"), cameras, sparse(), on_gpu=False)
    assert ahead == searches([view.camera for view in dense._smaller(large)], sparse().xyz)
    assert dense.wanted_searches(tiny_options(start_points="sparse"), cameras, sparse(), on_gpu=False) is None
    of_more = [*CAMERAS] * 10
    assert len(of_more) > dense.FEW_PHOTOS
    assert dense.wanted_searches(tiny_options(start_points="auto"), of_more, sparse(), on_gpu=False) is None
    assert dense.wanted_searches(tiny_options(start_points="auto"), of_more, sparse(), on_gpu=True) is not None
    at_once, later = (dense_points(large, sparse(), wanted=wanted) for wanted in (ahead, None))
    assert np.array_equal(at_once.points.xyz, later.points.xyz)


@pytest.mark.parametrize(
    ("start", "photos", "on_gpu", "least"),
    [
        ("sparse", 8, True, None),
        ("dense", 500, False, 0.0),
        ("auto", 32, False, dense.LEAST_COVERAGE),
        ("auto", 32, True, dense.LEAST_COVERAGE),
        ("auto", 33, False, None),
        ("auto", 33, True, dense.LEAST_COVERAGE_OF_MORE),
        ("auto", 100, True, dense.LEAST_COVERAGE_OF_MORE),
        ("auto", 101, True, None),
    ],
)
def test_of_more_photos_a_gpu_asks_and_they_must_cover_more(
    tiny_options: Callable[..., Options], start: str, photos: int, on_gpu: bool, least: float | None
) -> None:
    assert dense.least_coverage(tiny_options(start_points=start), photos, on_gpu=on_gpu) == least


def test_places_that_two_photos_alone_show_are_told_apart(device: Device) -> None:
    """Of a pair that looks at one end of the plane and a pair at the other end more than of what is between these."""
    pairs = [painted_plane.camera(x, 0.0) for x in (-1.6, -1.3, 1.3, 1.6)]
    apart = [View(camera, to_device(painted_plane.photo(camera), device)) for camera in pairs]
    both = [*apart, *views(device)[1:3]]
    found = [dense_points(those, sparse()) for those in (apart, both, views(device))]
    assert [of.coverage > 0.1 for of in found] == [True] * 3
    assert found[0].two_view > 0.2 > found[1].two_view > 0.05 > found[2].two_view


LITTLE, OF_TWO = dense.LEAST_COVERAGE_OF_TWO_VIEW, dense.LEAST_TWO_VIEW


@pytest.mark.parametrize(
    ("start", "few", "covered", "two_view", "more"),
    [
        ("sparse", 99, 1.0, 1.0, False),
        ("dense", 0, 0.0, 0.0, True),
        ("auto", 99, dense.LEAST_COVERAGE, 0.0, True),
        ("auto", 99, 0.9 * dense.LEAST_COVERAGE, 0.9 * OF_TWO, False),
        ("auto", 99, LITTLE, OF_TWO, True),
        ("auto", 99, 0.9 * LITTLE, 1.0, False),
        ("auto", 0, 1.0, 1.0, False),
    ],
)
def test_training_starts_from_them_where_that_is_wanted(
    tiny_options: Callable[..., Options],
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    few: int,
    covered: float,
    two_view: float,
    more: bool,
) -> None:
    asked: list[int] = []

    def found(views: Any, points: Points, most: int, warn: Any, wanted: Any) -> Found:
        asked.append(most)
        assert wanted is not None, "planned while photos were brought into one light"
        return Found(Points(points.xyz[:5] + 0.01, points.rgb[:5], points.track_lengths[:5]), covered, two_view)

    monkeypatch.setattr(dense, "FEW_PHOTOS", few)
    monkeypatch.setattr(dense, "dense_points", found)
    told = train(tiny_options(start_points=start, iterations=2, max_gaussians=1000), CpuRenderer(), Silent())
    assert told.get("start_points") == ({"sparse": 60, "dense": 5, "coverage": covered} if more else None)
    assert asked == ([] if start == "sparse" or (start == "auto" and not few) else [1000 // 2 - 60])
    assert told["gaussians"] == (65 if more else 60)
