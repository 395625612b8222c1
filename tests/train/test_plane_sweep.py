"""Depths by a plane sweep: of a painted plane they come out, and where there is nothing to hold on to none do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import painted_plane
from support.kinds import numbers_on

from splatworker import _cpu
from splatworker.formats.camera import Camera
from splatworker.render.arrays import Device, to_numpy
from splatworker.train.plane_sweep import (
    ALONE,
    FEWEST_STEPS,
    MOST_STEPS,
    RADIUS,
    TOGETHER,
    UNKNOWN,
    DepthMap,
    Picture,
    _move,
    _steps,
    depth_map,
)

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


def test_of_the_others_two_have_to_agree_or_one_beyond_doubt(device: Device) -> None:
    good, bad = picture(ELSEWHERE[0], device), Picture(numbers_on(device, np.full((60, 80), 0.5)), ELSEWHERE[1])
    one, both = (depth_map(picture(HERE, device), others, 2.0, 8.0) for others in ([good], [good, bad]))
    assert (to_numpy(one.score) > 0.8).mean() > 0.4
    assert not to_numpy(one.two_view).any()  # no second one was asked
    depth, score, two_view = (to_numpy(of) for of in both)
    sure = score >= ALONE
    assert sure.mean() > 0.3
    np.testing.assert_array_equal(two_view, sure)
    assert np.mean(np.abs(depth / painted_plane.depths(HERE) - 1)[sure] < 0.03) > 0.95
    assert (score[~sure] < TOGETHER).all()


def test_there_are_as_many_depths_as_pixels_that_the_picture_shifts_by() -> None:
    near = painted_plane.camera(0.01)
    assert _steps(HERE, [_move(HERE, near)], 2.0, 8.0) == FEWEST_STEPS
    assert _steps(HERE, [_move(HERE, painted_plane.camera(9.0))], 1.0, 90.0) == MOST_STEPS
    far = _move(HERE, painted_plane.camera(2.0))
    assert _steps(HERE, [far], 2.0, 8.0) == int(np.ceil(70.0 * 2.0 * (1 / 2 - 1 / 8)))  # f b (1/near - 1/far)
    assert _steps(HERE, [_move(HERE, near), far], 2.0, 8.0) == _steps(HERE, [far], 2.0, 8.0)


def textured(width: int, height: int, seed: int, x: float, turn: float, device: Device) -> Picture:
    """A picture of noise, coarse and fine, whose left fifth is plain, by a camera at (x, 0, 0.3 x)."""
    dice = np.random.default_rng(seed)
    coarse = np.kron(dice.uniform(0, 1, (height // 4 + 1, width // 4 + 1)), np.ones((4, 4)))[:height, :width]
    grey = 0.6 * coarse + 0.4 * dice.uniform(0, 1, (height, width))
    grey[:, : width // 5] = 0.3
    camera = painted_plane.camera(x, 0.1 * x, width, height, turn)
    camera.camera_from_world[2, 3] -= 0.3 * x
    return Picture(numbers_on(device, grey), camera)


OTHERS = [(70, 52, 0.4, 0.1), (33, 61, -0.5, -0.1), (2, 2, 0.1, 0.0), (80, 60, 6.0, -0.2), (80, 60, 0.0, np.pi)]
"""Width, height, x and turn: the fourth is beyond the nearest depths, which are behind it; the last looks away."""


@pytest.mark.parametrize("chosen", [[0], [3], [4], [0, 1], [1, 2, 3], [0, 1, 3, 4]], ids=str)
@pytest.mark.parametrize(("width", "height"), [(7, 7), (8, 23), (41, 9), (83, 62), (64, 48)])
def test_the_kernel_finds_what_is_specified_and_the_same_bits_everywhere(
    width: int, height: int, chosen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def swept(device: Device) -> DepthMap:
        one = textured(width, height, 0, 0.0, 0.0, device)
        others = [
            textured(*OTHERS[index][:2], seed, *OTHERS[index][2:], device) for seed, index in enumerate(chosen, start=1)
        ]
        found = depth_map(one, [others[0]._replace(grey=others[0].grey + 0.3), *others[1:]], 0.9, 8.0)
        return DepthMap(*(to_numpy(of) for of in found))

    specified = swept(torch.device("cpu"))
    found = []
    for isa in ("baseline", "avx2", "avx512"):
        monkeypatch.setenv("SPLATWORKER_ISA", isa)
        found.append(swept("cpu"))
    known = found[0].score > UNKNOWN
    if width > 40:
        assert known.any() == (chosen != [4])
    np.testing.assert_array_equal(known, specified.score > UNKNOWN)
    np.testing.assert_allclose(found[0].score, specified.score, atol=2e-6)
    same = np.isclose(found[0].depth[known], specified.depth[known], rtol=1e-5)
    assert (~same).sum() <= 0.001 * same.size  # torch's last bits may decide between two depths that are as good
    for other in found[1:]:
        for one, of_other in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, of_other)


def test_what_does_not_fit_the_kernel_is_refused() -> None:
    def numbers(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    def sweep(
        grey: tuple[int, int] = (9, 8),
        windows: tuple[int, int] = (3, 2),
        other: tuple[int, int] = (2, 2),
        others: int = 1,
        moves: int = 1,
        depths: int = 3,
        scores: int = 6,
    ) -> None:
        _cpu.plane_sweep(
            numbers(*grey),
            numbers(*windows),
            numbers(*windows),
            [numbers(*other)] * others,
            [[0.0] * 12] * moves,
            numbers(depths),
            np.zeros((2, *windows), np.int32),
            numbers(scores, *windows),
        )

    sweep()
    with pytest.raises(ValueError, match=r"\(7, 7\)"):
        sweep(grey=(6, 8), windows=(0, 2))
    with pytest.raises(ValueError, match="mean"):
        sweep(windows=(3, 3))
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        sweep(other=(2, 1))
    with pytest.raises(ValueError, match="another photo"):
        sweep(others=0, moves=0)
    with pytest.raises(ValueError, match="move"):
        sweep(moves=2)
    with pytest.raises(ValueError, match="depths"):
        sweep(depths=2)
    with pytest.raises(ValueError, match="scores"):
        sweep(scores=5)


def test_places_that_are_no_numbers_are_read_nowhere() -> None:
    one = textured(20, 20, 0, 0.0, 0.0, "cpu")
    step, scores = np.zeros((2, 14, 14), np.int32), np.zeros((2, 3, 14, 14), np.float32)
    flat = np.zeros((14, 14), np.float32)
    for value in (np.nan, np.inf, -np.inf, 3e38):
        _cpu.plane_sweep(one.grey, flat, flat, [one.grey], [[value] * 12], np.ones(4, np.float32), step, scores)
        assert ((step >= 0) & (step < 4)).all()
        assert (scores == UNKNOWN).all()
