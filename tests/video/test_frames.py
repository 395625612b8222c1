"""Clips in, photos and an account of them out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support import clips
from support.clips import difference, frames_of
from support.heard import Heard

from splatworker.formats.video_frame import described
from splatworker.stages.progress import Silent
from splatworker.video import frames
from splatworker.video.extract import extract
from splatworker.video.frames import take_frames
from splatworker.video.options import VideoOptions


def test_the_sharp_frames_are_taken_and_named_in_order(tmp_path: Path) -> None:
    filmed = [clips.window(n * 3.0, blur=0 if n % 4 == 1 else 3) for n in range(120)]
    clip = clips.write_clip(tmp_path / "my clip!.mp4", filmed)
    photos, told = frames_of(clip, tmp_path / "photos", VideoOptions(frames=30))
    sharp = [round(moment * 30 / 1000) % 4 == 1 for moment in photos]
    assert sum(sharp) >= 27
    assert [photo["file"] for photo in told["chosen"]] == sorted(path.name for path in (tmp_path / "photos").iterdir())
    assert told["chosen"][0]["file"].startswith("my_clip-000")
    assert told["frames"] == 30
    assert "sharpest" in told["why"]


def test_start_and_end(tmp_path: Path) -> None:
    filmed = clips.pan(range(0, 240, 4))
    clip = clips.write_clip(tmp_path / "clip.mp4", filmed)
    photos, _ = frames_of(clip, tmp_path / "photos", VideoOptions(start=0.5, end=1.0, fps=30))
    assert 495 <= min(photos) <= 540
    assert 940 <= max(photos) <= 1005
    for moment, photo in photos.items():
        assert difference(photo, filmed[round(moment * 30 / 1000)]) < 4


def test_photos_say_that_they_are_frames_of_one_video(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 24, 4)))
    frames_of(clip, tmp_path / "photos")
    found = []
    for path in sorted((tmp_path / "photos").iterdir()):
        with Image.open(path) as image:
            frame = described(image.getexif()[0x010E])
            assert frame is not None
            found.append(frame)
    assert len({frame.video for frame in found}) == 1
    assert [round(frame.seconds * 30) for frame in found] == list(range(6))


def test_two_clips_share_what_may_be_taken(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}").mkdir()
    paths = [clips.write_clip(tmp_path / f"{n}" / "clip.mp4", clips.pan(range(n, 120 + n, 2))) for n in range(2)]
    made = take_frames(paths, tmp_path / "photos", VideoOptions(), Silent(), most=40)
    counts = [video["frames"] for video in made.videos]
    assert sum(counts) <= 40
    assert min(counts) >= 15
    assert len({photo["file"] for video in made.videos for photo in video["chosen"]}) == sum(counts)


def test_a_larger_still_is_not_taken_for_the_video(tmp_path: Path) -> None:
    """Telephones write one into a track of its own, beside the moving part of a photo."""
    moving = clips.write_clip(tmp_path / "moving.mp4", clips.pan(range(0, 120, 4), size=(160, 120)))
    still = clips.write_clip(tmp_path / "still.mp4", clips.pan([40, 41]))
    words: list[str | Path] = ["-i", moving, "-i", still, "-map", "0", "-map", "1", "-c", "copy"]
    told = Heard()
    made = frames.take_frames([clips.made_by(tmp_path, "both.mp4", *words)], tmp_path / "photos", VideoOptions(), told)
    assert (made.videos[0]["width"], made.videos[0]["read"]) == (160, 30)
    assert told.warnings == [
        "'both.mp4' holds a track of 2 frames of 320x240, which are too few: that of 160x120 was used."
    ]


def test_damage_in_the_middle_of_a_clip_is_told(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 240, 4)), ["-movflags", "+faststart"])
    content = bytearray(clip.read_bytes())
    start = content.index(b"mdat") + (len(content) - content.index(b"mdat")) // 2
    content[start : start + 4000] = bytes(4000)
    clip.write_bytes(content)
    told = Heard()
    assert frames.take_frames([clip], tmp_path / "photos", VideoOptions(), told).videos[0]["frames"] > 10
    assert [warning.startswith("'clip.mp4' is damaged: ") for warning in told.warnings] == [True]


def test_frames_that_cannot_be_decoded_again_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 80, 8)))
    monkeypatch.setattr(frames, "extract", lambda *words, **more: extract(*words, **more)[:-3])
    told = Heard()
    made = frames.take_frames([clip], tmp_path / "photos", VideoOptions(), told)
    assert made.videos[0]["frames"] == len(made.videos[0]["chosen"]) == 7
    assert told.warnings == [
        "Of the 10 frames that were chosen of 'clip.mp4', 3 could not be decoded in full size.",
    ]


def test_too_few_are_told_by_what_was_asked_for(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 90, 3)))
    error = clips.refusal(clip, tmp_path, VideoOptions(fps=2))
    assert error.code == "video_too_short"
    assert error.message == "By 'fps', 2, only 3 frames would be taken of 'clip.mp4', and 5 are needed."
    assert "between 'start' and 'end'" in clips.refusal(clip, tmp_path, VideoOptions(end=0.05)).message
    with pytest.raises(ValueError, match="--frames must be at least 5"):
        VideoOptions(frames=4)


def test_frames_twice_as_wide_as_high_are_not_shrunk(tmp_path: Path) -> None:
    """They may be panoramas that nothing says so of: each of their views is a quarter as wide."""
    for name, size, kept in (("around", (320, 160), (160, 320)), ("ahead", (320, 180), (90, 160))):
        clip = clips.write_clip(tmp_path / f"{name}.mp4", clips.pan(range(0, 24, 4), size))
        photos, _ = frames_of(clip, tmp_path / name, max_size=160)
        assert {photo.shape[:2] for photo in photos.values()} == {kept}
