"""Depths by a plane sweep: of a painted plane they come out, and where there is nothing to hold on to none do."""

from __future__ import annotations

import numpy as np
import pytest
from support import painted_plane
from support.kinds import numbers_on

from splatworker.formats.camera import Camera
from splatworker.render.arrays import Device, to_numpy
from splatworker.train.plane_sweep import FEWEST_STEPS, MOST_STEPS, RADIUS, UNKNOWN, Picture, _move, _steps, depth_map

HERE = painted_plane.camera(0.0)
ELSEWHERE = [painted_plane.camera(-0.6, turn=-0.1), painted_plane.camera(0.5, 0.3), painted_plane.camera(0.2, -0.5)]


def picture(camera: Camera, device: Device, gain: float = 1.0, offset: float = 0.0) -> Picture:
    return Picture(numbers_on(device, painted_plane.photo(camera, gain, offset).mean(axis=0) / 255), camera)


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.6, 0.1)], ids=["one light", "another light"])
def test_depths_of_a_painted_plane_come_out(device: Device, gain: float, offset: float) -> None:
    others = [picture(camera, device, gain, offset) for camera in ELSEWHERE]
    found = depth_map(picture(HERE, device), others, 2.0, 8.0)
    depth, score = to_numpy(found.depth), to_numpy(found.score)
    truth = painted_plane.depths(HERE)
    known = score > 0.8
    assert known.mean() > 0.5  # of the rest the others see too little
    wrong = np.abs(depth / truth - 1)[known]
    assert np.median(wrong) < 0.01  # a step is a pixel, or 2 % of the depth, and the parabola finds a fifth of it
    assert np.mean(wrong < 0.03) > 0.95
    assert (score[:RADIUS] == UNKNOWN).all() and (score[:, -RADIUS:] == UNKNOWN).all()


def test_what_is_plain_or_out_of_reach_has_no_depth(device: Device) -> None:
    plain = Picture(numbers_on(device, np.full((60, 80), 0.4)), HERE)
    others = [picture(camera, device) for camera in ELSEWHERE]
    assert (to_numpy(depth_map(plain, others, 2.0, 8.0).score) == UNKNOWN).all()
    behind = painted_plane.camera(0.0, turn=np.pi)
    assert (to_numpy(depth_map(picture(HERE, device), [picture(behind, device)], 2.0, 8.0).score) <= UNKNOWN).all()


def test_of_the_others_two_have_to_agree(device: Device) -> None:
    good, bad = picture(ELSEWHERE[0], device), Picture(numbers_on(device, np.full((60, 80), 0.5)), ELSEWHERE[1])
    one, both = (depth_map(picture(HERE, device), others, 2.0, 8.0) for others in ([good], [good, bad]))
    assert (to_numpy(one.score) > 0.8).mean() > 0.4
    assert (to_numpy(both.score) > 0.8).mean() == 0


def test_there_are_as_many_depths_as_pixels_that_the_picture_shifts_by() -> None:
    near = painted_plane.camera(0.01)
    assert _steps(HERE, [_move(HERE, near)], 2.0, 8.0) == FEWEST_STEPS
    assert _steps(HERE, [_move(HERE, painted_plane.camera(9.0))], 1.0, 90.0) == MOST_STEPS
    far = _move(HERE, painted_plane.camera(2.0))
    assert _steps(HERE, [far], 2.0, 8.0) == int(np.ceil(70.0 * 2.0 * (1 / 2 - 1 / 8)))  # f b (1/near - 1/far)
    assert _steps(HERE, [_move(HERE, near), far], 2.0, 8.0) == _steps(HERE, [far], 2.0, 8.0)
