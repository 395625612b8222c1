"""Which frames are taken, of clips whose every frame is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from splatworker.video.choose import BLURRED, FEWEST, MOST, choose
from splatworker.video.measure import Measured
from splatworker.video.options import VideoOptions

Floats = npt.NDArray[np.float64]


def measured(path: Floats, sharp: Floats | None = None, rate: float = 30.0, cuts: Sequence[int] = ()) -> Measured:
    sharp = np.ones(len(path)) if sharp is None else sharp
    return Measured(
        times=np.arange(len(path)) / rate,
        keys=np.arange(len(path)) % 12 == 0,
        details=np.stack([sharp, sharp], axis=1),
        path=path,
        cuts=tuple(cuts),
        whole=True,
    )


def test_frames_are_spaced_by_motion_and_not_by_time() -> None:
    slow_then_fast = np.concatenate([np.linspace(0, 3, 600), np.linspace(3, 6, 61)[1:]])
    choice = choose(measured(slow_then_fast), VideoOptions())
    moved = slow_then_fast[choice.frames]
    assert len(choice.frames) == 80
    assert np.diff(moved).max() < 2.2 * np.diff(moved).mean()
    assert abs((moved < 3).mean() - 0.5) < 0.05


@pytest.mark.parametrize(("length", "count"), [(2.0, FEWEST), (9.0, 120), (60.0, MOST), (0.5, 26)])
def test_how_many_follows_from_the_way(length: float, count: int) -> None:
    assert len(choose(measured(np.linspace(0, length, 3000)), VideoOptions()).frames) == pytest.approx(count, abs=1)


def test_of_a_stretch_the_sharpest_is_taken() -> None:
    sharp = np.full(600, 0.7)
    sharp[5::10] = 1.0
    choice = choose(measured(np.linspace(0, 4.5, 600), sharp), VideoOptions(frames=60))
    assert (choice.frames % 10 == 5).mean() > 0.95


def test_a_smeared_frame_in_the_middle_of_a_short_stretch_is_not_taken() -> None:
    sharp = np.where(np.arange(90) % 2 == 0, 1.0, 0.55)
    choice = choose(measured(np.linspace(0, 1.2, 90), sharp), VideoOptions(frames=44))  # two frames a stretch
    assert len(choice.frames) == 44
    assert (choice.frames % 2 == 0).mean() > 0.9


def test_of_frames_as_sharp_as_each_other_the_cheapest_to_decode_is_taken() -> None:
    """Those that can be begun at, every twelfth here; but none that is less sharp."""
    noise = np.random.default_rng(0).uniform(0.99, 1.0, 600)
    keys = np.arange(600) % 12 == 0
    even = choose(measured(np.linspace(0, 3.75, 600), noise), VideoOptions())
    assert keys[even.frames].mean() > 0.5  # seven of a stretch's ten frames are looked at, so 7/12; by chance 1/12
    blurred_keys = choose(measured(np.linspace(0, 3.75, 600), np.where(keys, 0.9 * noise, noise)), VideoOptions())
    assert not keys[blurred_keys.frames].any()
    assert (blurred_keys.frames % 12).mean() < 4


def test_a_blurred_stretch_gives_nothing() -> None:
    sharp = np.ones(600)
    sharp[200:260] = 0.1
    choice = choose(measured(np.linspace(0, 6, 600), sharp), VideoOptions())
    assert not ((choice.frames >= 200) & (choice.frames < 260)).any()
    assert choice.blurred >= 6


def test_texture_is_no_sharpness() -> None:
    """A part of the scene with a tenth of the detail is not taken for blurred."""
    sharp = np.concatenate([np.ones(300), np.linspace(1, 0.1, 100), np.full(300, 0.1)])
    choice = choose(measured(np.linspace(0, 6, 700), sharp), VideoOptions())
    assert (choice.frames > 400).sum() > 25
    assert choice.sharpness[500:].min() > BLURRED


def test_what_stands_still_gives_one_photo() -> None:
    path = np.concatenate([np.linspace(0, 2, 200), np.full(300, 2.0), np.linspace(2, 4, 200)])
    choice = choose(measured(path), VideoOptions())
    assert ((choice.frames >= 202) & (choice.frames < 498)).sum() <= 2
    assert choice.still_s == pytest.approx(10, abs=1)


@pytest.mark.parametrize("seconds", [1.0, 10.0])
def test_frames_seconds_apart_do_not_stand_still(seconds: float) -> None:
    """As of a time lapse."""
    many = measured(np.linspace(0, 2.2, 30))
    choice = choose(replace(many, times=np.arange(30.0) * seconds), VideoOptions())
    assert len(choice.frames) == 30
    assert choice.still_s == 0


def test_no_stretch_goes_across_a_cut() -> None:
    path = np.concatenate([np.linspace(0, 1, 100), np.linspace(1, 2, 100)])
    choice = choose(measured(path, cuts=[100]), VideoOptions())
    assert choice.shots == 2
    assert (choice.frames < 100).sum() == pytest.approx((choice.frames >= 100).sum(), abs=2)


@pytest.mark.parametrize("count", [5, 17, 60, 150])
def test_as_many_as_asked_for(count: int) -> None:
    uneven = np.cumsum(np.random.default_rng(1).gamma(0.5, 1.0, 900))
    assert len(choose(measured(uneven / 100), VideoOptions(frames=count)).frames) == count


def test_by_time_where_that_is_asked_for() -> None:
    sharp = np.full(300, 0.8)
    sharp[3::15] = 1.0
    choice = choose(measured(np.zeros(300), sharp), VideoOptions(fps=2))
    assert choice.frames.tolist() == [*range(3, 300, 15), 295]
    assert choice.spacing is None


def test_no_more_than_there_is_room_for() -> None:
    assert len(choose(measured(np.linspace(0, 12, 3000)), VideoOptions(), most=33).frames) <= 33


def test_of_a_few_frames_far_apart_all_are_taken() -> None:
    """As of a clip that is made of photos: there is nothing to choose from."""
    path = np.cumsum(np.random.default_rng(0).uniform(0.005, 0.1, 40))
    path[20] = path[19]
    sharp = np.ones(40)
    sharp[30] = 0.1
    choice = choose(measured(path, sharp), VideoOptions())
    assert choice.frames.tolist() == [frame for frame in range(40) if frame not in (20, 30)]
    assert choice.blurred == 1


@pytest.mark.parametrize("options", [VideoOptions(fps=30), VideoOptions(frames=400)])
def test_where_less_may_be_taken_it_is_of_all_of_the_clip(options: VideoOptions) -> None:
    frames = choose(measured(np.linspace(0, 12, 900)), options, most=100).frames
    assert len(frames) == 100
    assert frames[0] < 10
    assert frames[-1] > 890
    assert np.diff(frames).max() < 13
