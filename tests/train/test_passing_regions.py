"""Regions of disagreement: large enough, different all over, and of nothing that stands where others find it, too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage
from support.colmap_files import ring_cameras

from splatworker.formats.camera import Camera
from splatworker.train.agreement import Look, Map
from splatworker.train.passing_regions import MARGIN, _mean_around, depths, passing, regions

WIDTH, HEIGHT = 96, 72


def differing(*boxes: tuple[int, int, int, int], by: float = 0.3) -> Map:
    """Columns and rows from, to."""
    differs = np.zeros((HEIGHT, WIDTH), np.float32)
    for left, top, right, bottom in boxes:
        differs[top:bottom, left:right] = by
    return differs


def test_a_region_is_large_and_different_all_over() -> None:
    assert regions(differing())[1] == 0
    assert regions(differing((20, 20, 22, 22)))[1] == 0  # a glint
    assert regions(differing((20, 0, 21, 72)))[1] == 0  # an edge
    assert regions(differing((10, 10, 60, 60), by=0.06))[1] == 0  # haze
    labels, count = regions(differing((10, 10, 24, 40), (60, 30, 80, 50)))
    assert count == 2
    assert labels[20, 15] != labels[40, 70] != 0
    assert labels[5, 5] == 0


def test_stripes_are_one_region_without_holes() -> None:
    differs = differing(*((20, 10 + 6 * k, 40, 13 + 6 * k) for k in range(6)))
    (mask,) = passing(looks(1), [differs])
    assert mask[11:42, 21:39].all()
    assert not mask[:, : 19 - 2 * MARGIN].any()


def test_what_is_hardly_striking_is_found_where_that_is_asked_for() -> None:
    faint = differing((20, 20, 34, 40), by=0.2)
    assert regions(faint)[1] == 0
    assert regions(faint, strict=False)[1] == 1


def looks(count: int) -> list[Look]:
    return [
        Look(camera, np.zeros((3, HEIGHT, WIDTH), np.float32), None)
        for camera in ring_cameras(count, width=WIDTH, height=HEIGHT)
    ]


def around(camera: Camera, place: npt.NDArray[np.float64]) -> tuple[int, int, int, int]:
    """A box around a place's picture."""
    x, y, z = camera.camera_from_world[:, :3] @ place + camera.camera_from_world[:, 3]
    column, row = round(camera.fx * x / z + camera.cx), round(camera.fy * y / z + camera.cy)
    return max(0, column - 7), max(0, row - 7), column + 7, row + 7


def test_what_stands_is_left_alone_and_what_walks_is_found() -> None:
    seen = looks(10)
    stands = [differing(around(look.camera, np.array([0.3, 0.1, -0.2]))) for look in seen]
    assert not any(mask.any() for mask in passing(seen, stands))
    dice = np.random.default_rng(2)
    walks = [
        differing(around(look.camera, dice.uniform(-0.9, 0.9, 3))) if index in (1, 4, 8) else differing()
        for index, look in enumerate(seen)
    ]
    assert [index for index, mask in enumerate(passing(seen, walks)) if mask.any()] == [1, 4, 8]


def test_depths_reach_from_before_the_camera_to_behind_the_others() -> None:
    seen = looks(6)
    near, *_, far = depths(seen[0].camera.center, seen)
    across = max(np.linalg.norm(look.camera.center - seen[0].camera.center) for look in seen)
    assert near < 0.2 * across
    assert far > 2 * across


@pytest.mark.parametrize("shape", [(40, 57), (3, 60), (1, 1)])
def test_means_around_pixels_are_scipys(shape: tuple[int, int]) -> None:
    """But for the last bits: theirs is a sum of which what leaves the window is taken off again."""
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    theirs = ndimage.uniform_filter(values, 5, mode="constant"), ndimage.uniform_filter(values, 3)
    ours = _mean_around(values, 5, "constant"), _mean_around(values, 3, "symmetric")
    np.testing.assert_allclose(ours, theirs, rtol=3e-7, atol=1e-12)
