"""Frames as they come from the decoder: those of two parts of a clip are as those of the whole."""

from __future__ import annotations

import io

import numpy as np
import pytest
from support import clips

from splatworker.video.small_frames import SmallFrames

WIDTH, HEIGHT = 320, 240


def collected(lefts: range, start: float) -> SmallFrames:
    """Frames of a window that wanders over a photo, with what the decoder says of them."""
    frames = SmallFrames(WIDTH, HEIGHT)
    hear = frames.hear(start)
    hear("[Parsed_showinfo_0 @ 0x7f] config in time_base: 1/10, frame_rate: 10/1")
    for number, left in enumerate(lefts):
        grey = clips.window(left, size=(WIDTH, HEIGHT)).mean(axis=2).astype(np.uint8)
        assert frames.take(io.BytesIO(grey.tobytes()))
        hear(f"[Parsed_showinfo_0 @ 0x7f] n: {number} pts: {number} fmt:gray s:640x480 i:P iskey:{number == 0:d}")
    return frames


def test_parts_go_on_where_others_end() -> None:
    whole, parts = collected(range(0, 40, 2), 1.0), collected(range(0, 20, 2), 1.0)
    parts.extend(collected(range(20, 40, 2), 2.0))
    assert parts.times == pytest.approx(whole.times)
    assert parts.details == whole.details
    assert parts.keys == [number in (0, 10) for number in range(20)]
    assert parts.shapes == [(640, 480)] * 20
    assert parts.path.lengths == pytest.approx(whole.path.lengths, abs=0.5)
    assert parts.last == pytest.approx(2.9)


def test_of_a_part_that_broke_off_only_the_frames_that_came_count() -> None:
    first = collected(range(0, 20, 2), 0.0)
    first.hear(0.0)("[Parsed_showinfo_0 @ 0x7f] n: 10 pts: 1000 fmt:gray s:640x480 i:P iskey:0 type:P")
    frames = SmallFrames(WIDTH, HEIGHT)
    frames.extend(first)
    frames.extend(collected(range(20, 40, 2), 1.0))
    assert len(frames.times) == len(frames.details) == len(frames.path.lengths) == 20
    assert (np.diff(frames.times) > 0).all()


def test_frames_that_do_not_say_when_they_are_shown() -> None:
    frames = SmallFrames(WIDTH, HEIGHT)
    hear = frames.hear(2.0)
    for number in range(3):
        hear(f"[Parsed_showinfo_0 @ 0x7f] n: {number} pts: NOPTS fmt:gray s:640x480 i:P iskey:0 type:P")
    assert frames.timeless == 3
    assert (np.diff(frames.times) > 0).all()
