"""Bars beside the picture are found and cut off, and what is no bar stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import clips
from support.clips import difference, frames_of

from splatworker.stages.progress import Silent
from splatworker.video.frames import take_frames
from splatworker.video.letterbox import Letterbox
from splatworker.video.options import VideoOptions
from splatworker.video.probe import WHOLE

FRAMES = clips.pan(range(0, 90, 3), (240, 160))


def padded(left: int, top: int, right: int, bottom: int, colour: int = 0) -> list[clips.Frame]:
    """The frames with bars on their sides, of so many pixels."""
    bars = ((top, bottom), (left, right), (0, 0))
    return [np.pad(frame, bars, constant_values=colour) for frame in FRAMES]


@pytest.mark.parametrize(
    ("bars", "colour"),
    [((120, 0, 120, 0), 0), ((0, 60, 0, 60), 0), ((60, 40, 60, 40), 0), ((100, 0, 100, 0), 255), ((80, 0, 82, 0), 90)],
    ids=["left and right", "above and below", "all around", "white", "grey and odd"],
)
def test_bars_are_cut_off(tmp_path: Path, bars: tuple[int, int, int, int], colour: int) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", padded(*bars, colour))
    photos, told = frames_of(clip, tmp_path / "photos")
    left, top, _, _ = bars
    for moment, photo in photos.items():
        frame = FRAMES[round(moment * 30 / 1000)]
        height, width, _ = photo.shape
        lost_x, lost_y = frame.shape[1] - width, frame.shape[0] - height
        assert 0 <= lost_x <= 2 + 4 * bool(left)
        assert 0 <= lost_y <= 2 + 4 * bool(top)
        inside = (frame[y:, x:][:height, :width] for y in range(lost_y + 1) for x in range(lost_x + 1))
        assert min(difference(photo, part) for part in inside) < 5
    assert told["frames"] == len(photos) >= 25
    assert told["bars"] == pytest.approx(1 - 240 * 160 / ((240 + left + bars[2]) * (160 + top + bars[3])), abs=0.03)


def test_it_is_said(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", padded(120, 0, 120, 0))
    said: list[str] = []

    class Heard(Silent):
        def warning(self, message: str) -> None:
            said.append(message)

    take_frames([clip], tmp_path / "photos", VideoOptions(), Heard())
    assert said == ["'clip.mp4' has bars of one colour at its sides, 50% of each frame: they were cut off."]


def test_they_are_cut_off_a_turned_clip_and_the_picture_has_the_size_that_was_asked_for(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", padded(0, 120, 0, 120), before=("-display_rotation", "90"))
    photos, told = frames_of(clip, tmp_path / "photos", max_size=120)
    sizes = {photo.shape[:2] for photo in photos.values()}
    assert len(sizes) == 1
    ((height, width),) = sizes
    assert 118 <= height <= 120
    assert 76 <= width <= 80
    assert told["rotation"] == 90


def test_way_and_sharpness_are_those_of_the_picture(tmp_path: Path) -> None:
    """A bar's edge is as sharp in a smeared frame, and the picture moves by more of itself than of the frame."""
    smeared = [clips.window(3.0 * n, size=(240, 160), blur=0 if n % 3 else 4) for n in range(60)]
    found = {}
    for name, bar in (("bare", 0), ("barred", 200)):
        pictures = [np.pad(frame, ((0, 0), (bar, bar), (0, 0))) for frame in smeared]
        clip = clips.write_clip(tmp_path / f"{name}.mp4", pictures)
        photos, found[name] = frames_of(clip, tmp_path / name, VideoOptions(frames=20))
        assert sum(round(moment * 30 / 1000) % 3 == 0 for moment in photos) <= 1, name
    assert found["barred"]["moved"] == pytest.approx(found["bare"]["moved"], rel=0.1)


@pytest.mark.parametrize("bars", [(120, 0, 0, 0), (0, 0, 0, 60), (120, 0, 60, 0), (2, 0, 2, 0)])
def test_what_is_no_letterbox_stays(tmp_path: Path, bars: tuple[int, int, int, int]) -> None:
    """Of one side alone it may be the dark floor; the lens's middle would move."""
    frames = padded(*bars)
    photos, told = frames_of(clips.write_clip(tmp_path / "clip.mp4", frames), tmp_path / "photos")
    assert {photo.shape for photo in photos.values()} == {frames[0].shape}
    assert told["bars"] == 0


def test_nothing_is_cut_off_what_may_be_a_panorama(tmp_path: Path) -> None:
    frames = [np.pad(frame, ((0, 0), (40, 40), (0, 0))) for frame in FRAMES]
    photos, _ = frames_of(clips.write_clip(tmp_path / "clip.mp4", frames), tmp_path / "photos")
    assert {photo.shape for photo in photos.values()} == {(160, 320, 3)}


def test_clips_without_bars_dark_ones_and_blank_ones_have_none() -> None:
    rng = np.random.default_rng(0)
    for lightest in (255, 40, 1):
        letterbox = Letterbox(90, 160)
        for _ in range(5):
            letterbox.add(rng.integers(0, lightest, (90, 160), dtype=np.uint8))
        assert letterbox.box() == WHOLE
        assert letterbox.picture() == (slice(0, 90), slice(0, 160))


def test_of_two_eyes_the_first_is_used(tmp_path: Path) -> None:
    for stereo, axis in ((1, 0), (2, 1)):
        both = [np.concatenate([frame, frame[:, ::-1]], axis=axis) for frame in FRAMES]
        plain = clips.write_clip(tmp_path / f"{stereo}-plain.mp4", both)
        photos, told = frames_of(clips.marked(plain, tmp_path / f"{stereo}.mp4", stereo=stereo), tmp_path / str(stereo))
        assert told["bars"] == 0
        for moment, photo in photos.items():
            assert photo.shape == FRAMES[0].shape
            assert difference(photo, FRAMES[round(moment * 30 / 1000)]) < 6
