"""How far a picture moved, against windows over a photo whose every shift is known."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from support import clips

from splatworker.video import motion

WIDTH = 320


def grey(left: float, blur: float = 0.0, gain: float = 1.0) -> motion.Picture:
    shown = clips.window(left, size=(WIDTH, 240), blur=blur).astype(np.float32).mean(axis=2)
    return np.asarray(np.clip(shown * gain, 0, 255), dtype=np.float32)


def path_of(frames: Iterable[motion.Picture]) -> motion.Path:
    path = motion.Path()
    for frame in frames:
        path.add(frame)
    return path


@pytest.mark.parametrize("pace", [0.3, 1.0, 3.0, 9.0, 25.0])
def test_the_way_is_measured_at_any_pace(pace: float) -> None:
    lefts = np.arange(0, max(30, 8 * pace), pace)
    path = path_of(grey(left) for left in lefts)
    assert path.lengths[-1] == pytest.approx(lefts[-1], rel=0.15)
    assert not path.cuts


def test_a_picture_that_stands_still_goes_nowhere() -> None:
    noise = np.random.default_rng(0)
    path = path_of(grey(50) + noise.normal(0, 6, (240, WIDTH)).astype(np.float32) for _ in range(30))
    assert path.lengths[-1] < 2


def test_trembling_hands_go_nowhere() -> None:
    path = path_of(grey(50 + tremble) for tremble in 1.5 * np.sin(np.arange(50)))
    assert path.lengths[-1] < 6


def test_the_exposure_does_not_move_the_picture() -> None:
    path = path_of(grey(50, gain=gain) for gain in np.linspace(0.5, 1.3, 40))
    assert path.lengths[-1] < 2
    assert not path.cuts


def test_most_of_the_picture_counts_and_not_what_moves_in_it() -> None:
    def frame(number: int) -> motion.Picture:
        shown = grey(number * 1.0)
        shown[60:140, 40:120] = grey(300 - number * 4.0)[60:140, 40:120]
        return shown

    path = path_of(frame(number) for number in range(40))
    assert path.lengths[-1] == pytest.approx(39, rel=0.2)


def test_the_length_never_falls() -> None:
    path = path_of(grey(left) for left in [*range(0, 60, 3), *range(60, 0, -3)])
    assert (np.diff(path.lengths) >= 0).all()
    assert path.lengths[-1] > 80


def test_a_cut_is_found_where_it_is() -> None:
    there = [grey(left) for left in range(0, 30, 2)]
    elsewhere = [frame[::-1, ::-1] for frame in there]
    assert path_of([*there, *elsewhere]).cuts == [len(there)]


def test_a_fast_turn_is_no_cut() -> None:
    assert not path_of(grey(left, blur=8) for left in range(0, 600, 60)).cuts


def test_black_frames_go_nowhere() -> None:
    path = path_of([np.zeros((240, WIDTH), np.float32)] * 10)
    assert path.lengths[-1] == 0
