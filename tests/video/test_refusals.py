"""Every file of which no photos can be made, and the sentence that says why."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from support import clips
from support.clips import made_by, refusal

from splatworker.errors import NoVideo, VideoTooLarge
from splatworker.stages.progress import Silent
from splatworker.video import ffmpeg
from splatworker.video.frames import take_frames
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a pan."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 180, 3)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp4", b""),
        ("playlist.mp4", b"#EXTM3U\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
        ("concat.mov", b"ffconcat version 1.0\nfile '/etc/passwd'\n"),
        ("avi.mp4", b"RIFF\x00\x10\x00\x00AVI LIST"),
        ("photo.mp4", (clips.EXAMPLES / "IMG_0001.jpg").read_bytes()[:5000]),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    ],
)
def test_what_is_no_video_reaches_no_demuxer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    monkeypatch.setattr(ffmpeg, "call", lambda *a, **k: pytest.fail("the decoder was called"))
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name, tmp_path).code == "no_video"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty."),
        (b"\n<!doctype html><html>", "is a web page or another text, which is not read here."),
        (b"GIF89a\x01\0", "is a GIF, which is not read here."),
        (b"RIFF\0\x10\0\0AVI LIST", "is an AVI video, which is not read here."),
        (b"RIFF\0\x10\0\0WEBPVP8X", "is a WebP picture, which is not read here."),
        (b"\0\0\0\x1cftypavis\0\0\0\0avif", "is an AVIF picture, which is not read here."),
        (b"G\x40\x11\x10" + bytes(184) + b"G\0", "is an MPEG transport stream, which is not read here."),
        (bytes(600), "is not a video that is read here."),
    ],
)
def test_what_is_no_video_is_named_for_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    error = refusal(tmp_path / "clip.mp4", tmp_path)
    assert (error.code, error.message) == ("no_video", f"'clip.mp4' {words}")


@pytest.mark.parametrize(("name", "codec"), [("sound.m4v", "aac"), ("sound.webm", "libopus")])
def test_sound_alone_is_no_video(tmp_path: Path, name: str, codec: str) -> None:
    sound = made_by(
        tmp_path, name, "-f", "lavfi", "-i", "sine=duration=1", "-c:a", codec, "-f", "mp4" if "m4v" in name else "webm"
    )
    assert "no moving pictures" in refusal(sound, tmp_path).message


def test_another_codec_is_named(tmp_path: Path) -> None:
    other = made_by(
        tmp_path, "old.mp4", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=1", "-c:v", "mpeg4"
    )
    error = refusal(other, tmp_path)
    assert error.code == "video_not_supported"
    assert "'mpeg4'" in error.message


def test_too_many_pixels(tmp_path: Path) -> None:
    grey = ["-f", "lavfi", "-i", "color=size=8000x6000:rate=5:duration=0.4"]
    large = made_by(tmp_path, "large.mov", *grey, "-c:v", "libx264", "-preset", "ultrafast")
    error = refusal(large, tmp_path)
    assert error.code == "video_too_large"
    assert "8000x6000" in error.message


def test_truncated_before_its_index(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:-3000])
    error = refusal(tmp_path / "cut.mp4", tmp_path)
    assert error.code == "video_damaged"
    assert "truncated" in error.message


def test_an_index_without_a_track_is_damage(clip: Path, tmp_path: Path) -> None:
    """Of a file that begins with its index little has arrived: it was said to hold sound at most."""
    first = clips.remux(clip, tmp_path / "first.mp4", ["-movflags", "+faststart"]).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(first[: first.index(b"moov") + 60])
    assert refusal(tmp_path / "cut.mp4", tmp_path).code == "video_damaged"


def test_of_a_truncated_stream_what_is_there_is_used(clip: Path, tmp_path: Path) -> None:
    warnings: list[str] = []

    class Told(Silent):
        def warning(self, message: str) -> None:
            warnings.append(message)

    content = clips.remux(clip, tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    made = take_frames([tmp_path / "cut.mkv"], tmp_path / "photos", VideoOptions(), Told())
    assert made.videos[0]["frames"] >= 5
    assert "If a part of the file is missing" in warnings[0]


def test_a_header_that_lies_about_the_size(clip: Path, tmp_path: Path) -> None:
    content = bytearray(clip.read_bytes())
    entry = content.index(b"avc1", content.index(b"stsd"))
    content[entry + 28 : entry + 32] = (40_000).to_bytes(2, "big") * 2
    (tmp_path / "liar.mp4").write_bytes(content)
    made = take_frames([tmp_path / "liar.mp4"], tmp_path / "photos", VideoOptions(), Silent())
    assert made.videos[0]["frames"] > 0
    assert (made.videos[0]["width"], made.videos[0]["height"]) == (320, 240)


def test_a_table_of_four_billion_samples(clip: Path, tmp_path: Path) -> None:
    content = bytearray(clip.read_bytes())
    sizes = content.index(b"stsz")
    content[sizes + 12 : sizes + 16] = b"\xff\xff\xff\xf0"
    (tmp_path / "bomb.mp4").write_bytes(content)
    assert refusal(tmp_path / "bomb.mp4", tmp_path).code == "video_damaged"


def test_two_frames_are_no_video(tmp_path: Path) -> None:
    error = refusal(clips.write_clip(tmp_path / "two.mp4", clips.pan([0, 9])), tmp_path)
    assert (error.code, "2 frames" in error.message) == ("video_too_short", True)


def test_a_picture_that_stands_still(tmp_path: Path) -> None:
    error = refusal(clips.write_clip(tmp_path / "tripod.mp4", clips.pan([5] * 30)), tmp_path)
    assert (error.code, "hardly moves" in error.message) == ("video_too_still", True)


def test_a_start_after_the_end(clip: Path, tmp_path: Path) -> None:
    assert "ends before" in refusal(clip, tmp_path, VideoOptions(start=7)).message


def test_a_start_between_the_last_frame_and_the_end(clip: Path, tmp_path: Path) -> None:
    error = refusal(clip, tmp_path, VideoOptions(start=probe(clip).seconds - 0.01))
    assert (error.code, "ends before 'start'" in error.message) == ("video_too_short", True)


def test_a_part_in_which_nothing_is_shown(clip: Path, tmp_path: Path) -> None:
    """The pictures begin after their sound: the decoder would count from the first of them."""
    sound = ("-f", "lavfi", "-i", "sine=duration=6")
    late = made_by(
        tmp_path, "late.mp4", *sound, "-itsoffset", "3", "-i", clip, "-map", "0", "-map", "1:v", "-c:v", "copy"
    )
    error = refusal(late, tmp_path, VideoOptions(start=0.5, end=2.5))
    assert (error.code, "0 frames between 'start' and 'end'" in error.message) == ("video_too_short", True)


def test_an_end_after_the_end_is_the_end(clip: Path, tmp_path: Path) -> None:
    """However far: of a minute no quarter of an hour is read."""
    made = take_frames([clip], tmp_path / "photos", VideoOptions(end=1000), Silent())
    assert not made.errors
    assert made.videos[0]["frames"] > 5


def test_a_header_that_says_less_than_there_is(clip: Path, tmp_path: Path) -> None:
    content = bytearray(clips.remux(clip, tmp_path / "whole.mkv").read_bytes())
    duration = content.index(b"\x44\x89\x88")
    content[duration + 3 : duration + 11] = struct.pack(">d", 500.0)
    (tmp_path / "liar.mkv").write_bytes(content)
    made = take_frames([tmp_path / "liar.mkv"], tmp_path / "photos", VideoOptions(start=1), Silent())
    assert not made.errors
    assert made.videos[0]["chosen"][0]["seconds"] >= 1


def test_no_room_beside_the_photos(clip: Path, tmp_path: Path) -> None:
    for room in (0, 4):
        made = take_frames([clip], tmp_path / "photos", VideoOptions(), Silent(), most=room)
        assert made.errors[0].code == "video_left_over"
        assert f"room for {room} frames" in made.errors[0].message
    assert take_frames([clip], tmp_path / "photos", VideoOptions(), Silent(), most=5).videos[0]["frames"] == 5


def test_errors_have_their_stage() -> None:
    assert NoVideo("x").stage == VideoTooLarge("x").stage == "frames"
