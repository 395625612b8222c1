"""Every frame of a clip, and when it is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import clips
from support.clips import difference, frames_of, made_by, refusal
from support.heard import Heard

from splatworker.machine import video_decoder
from splatworker.stages.progress import Silent
from splatworker.video import measure as measuring
from splatworker.video import reading
from splatworker.video.frames import take_frames
from splatworker.video.measure import measure
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe
from splatworker.video.small_frames import SmallFrames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a pan."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 180, 3)))


def test_a_clip_that_does_not_say_how_long_it_is(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = made_by(tmp_path, "live.webm", "-i", clip, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-live", "1")
    assert probe(live).seconds == 0
    assert measure(probe(live), VideoOptions(), Silent()).times[-1] == pytest.approx(59 / 30, abs=0.01)
    monkeypatch.setattr(measuring, "MOST_MINUTES", 1 / 60)
    assert refusal(live, tmp_path).code == "video_too_long"


def test_more_frames_than_any_camera_takes(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_FRAMES", 20)
    assert refusal(clip, tmp_path).code == "video_too_large"


def test_three_hours_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("-f", "lavfi", "-i", "color=size=64x48:rate=0.02:duration=10800", "-c:v", "libx264")
    long = made_by(tmp_path, "long.mp4", *words, "-preset", "ultrafast")
    monkeypatch.setattr(SmallFrames, "take", lambda *a: pytest.fail("it was decoded"))
    error = refusal(long, tmp_path)
    assert error.code == "video_too_long"
    assert "3 hours" in error.message
    assert "'start'" in error.hint


def test_a_frame_is_found_again_by_its_time_in_a_clip_of_variable_rate(tmp_path: Path) -> None:
    filmed = clips.pan(range(0, 120, 2))
    late = "settb=1/3000,setpts='(N+floor(N/7)*3+if(mod(N,5),0,0.4))/30/TB'"
    clip = clips.write_clip(
        tmp_path / "phone.mp4", filmed, ["-vf", late, "-fps_mode", "passthrough", "-enc_time_base", "1/3000"]
    )
    measured = measure(probe(clip), VideoOptions(), Silent())
    expected = [(n + n // 7 * 3 + (0 if n % 5 else 0.4)) / 30 for n in range(60)]
    assert measured.times - measured.times[0] == pytest.approx(np.asarray(expected) - expected[0], abs=0.002)
    photos, _ = frames_of(clip, tmp_path / "photos", VideoOptions(frames=30))
    assert len(photos) == 30
    for moment, photo in photos.items():
        number = int(np.argmin(np.abs(measured.times * 1000 - moment)))
        assert difference(photo, filmed[number]) < 4
        assert difference(photo, filmed[number]) == min(difference(photo, frame) for frame in filmed)


def test_frames_of_another_shape_are_left_out(clip: Path, tmp_path: Path) -> None:
    """A stream may change its size in its middle: smaller of the same shape is the same picture, turned is not."""
    parts = {"as it is": "320x240", "smaller": "160x120", "turned": "240x320"}
    streams = []
    for name, size in parts.items():
        width, height = map(int, size.split("x"))
        part = clips.write_clip(tmp_path / f"{name}.mp4", clips.pan(range(0, 30, 3), (width, height)))
        streams.append(clips.remux(part, tmp_path / f"{name}.h264", ["-bsf:v", "h264_mp4toannexb"]).read_bytes())
    (tmp_path / "all.h264").write_bytes(b"".join(streams))
    whole = clips.remux(tmp_path / "all.h264", tmp_path / "all.mp4", before=["-r", "30", "-f", "h264"])
    measured = measure(probe(whole), VideoOptions(), Silent())
    assert 8 <= measured.other_shape <= 10  # a few of its frames wait for others that a stream without an end has not
    assert 18 <= len(measured.times) <= 20
    assert len(measured.times) == len(measured.keys) == len(measured.details) == len(measured.path)
    assert (np.diff(measured.path) >= 0).all()


@pytest.mark.parametrize("rotation", [0, 90])
def test_a_clip_that_changes_its_shape_is_as_most_of_its_frames(tmp_path: Path, rotation: int) -> None:
    """Whichever it begins with, and however its frames are turned."""
    lying, standing = clips.pan(range(0, 12, 3)), clips.pan(range(30, 120, 3), (240, 320))
    streams = []
    for name, filmed in (("lying", lying), ("standing", standing)):
        part = clips.write_clip(tmp_path / f"{name}.mp4", filmed, ("-bf", "0"))
        streams.append(clips.remux(part, tmp_path / f"{name}.h264", ["-bsf:v", "h264_mp4toannexb"]).read_bytes())
    (tmp_path / "all.h264").write_bytes(b"".join(streams))
    straight = clips.remux(tmp_path / "all.h264", tmp_path / "straight.mp4", before=["-r", "30", "-f", "h264"])
    whole = clips.remux(straight, tmp_path / "all.mp4", before=["-display_rotation", str(rotation)])
    told = Heard()
    made = take_frames([whole], tmp_path / "photos", clips.EVERY, told)
    upright = (240, 320) if rotation == 0 else (320, 240)
    assert (made.videos[0]["width"], made.videos[0]["height"]) == upright
    assert told.warnings == [
        "'all.mp4' changes its shape: of 34 frames that were looked at, 4 are not "
        f"{upright[0]}x{upright[1]}, or that at another size, and were left out."
    ]
    photos = sorted((tmp_path / "photos").glob("*.jpg"))
    assert len(photos) == 30
    for path, frame in zip(photos, standing, strict=True):
        with Image.open(path) as image:
            assert difference(np.asarray(image.convert("RGB")), np.rot90(frame, rotation // 90)) < 5


def test_of_frames_of_one_moment_one_is_taken(clip: Path, tmp_path: Path) -> None:
    stopped = clips.remux(clip, tmp_path / "stopped.mkv", ["-bsf:v", "setts=pts=if(gt(N\\,20)\\,700\\,PTS)"])
    measured = measure(probe(stopped), VideoOptions(), Silent())
    moments = np.round(measured.times * 1000)
    assert 5 < len(moments) < 60
    assert len(set(moments)) == len(moments)


def test_where_the_gpu_cannot_the_processors_do(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there is none at all."""
    expected = measure(probe(clip), VideoOptions(), Silent())
    monkeypatch.setenv(video_decoder.VARIABLE, "cuda")
    assert video_decoder.is_gpu()
    found = measure(probe(clip), VideoOptions(), Silent())
    assert found.decoder == "cpu"
    assert (found.times == expected.times).all()
    assert found.path == pytest.approx(expected.path, abs=0.02)
