"""What a clip says of itself, and every file that is none."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from support import clips

from splatworker.errors import NoVideo, VideoTooLarge
from splatworker.stages.progress import Silent
from splatworker.video import ffmpeg
from splatworker.video import measure as measuring
from splatworker.video.encryption import is_encrypted
from splatworker.video.frames import take_frames
from splatworker.video.measure import measure
from splatworker.video.options import VideoOptions
from splatworker.video.probe import is_video, probe

KEY = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
KEY = (*KEY, "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two seconds of a pan."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 180, 3)))


def made_by(folder, name, *words):
    subprocess.run([ffmpeg.program(), "-loglevel", "error", "-y", *words, folder / name], check=True)
    return folder / name


def refusal(path, tmp_path, options=None):
    """The error of a clip of which nothing can be taken."""
    made = take_frames([path], tmp_path / "photos", options or VideoOptions(), Silent())
    assert made.videos[0]["frames"] == 0
    assert made.errors[0].code == made.videos[0]["code"]
    assert path.name in made.errors[0].message
    assert not any((tmp_path / "photos").glob("*.jpg"))
    return made.errors[0]


def test_a_clip_is_described(clip):
    found = probe(clip)
    assert (found.codec, found.width, found.height, found.demuxer) == ("h264", 320, 240, "mov")
    assert (found.seconds, found.rate, found.rotation, found.transfer) == (2.0, 30.0, 0, "")


def test_a_turned_clip_is_described_upright(clip, tmp_path):
    turned = clips.remux(clip, tmp_path / "turned.mov", before=["-display_rotation", "90"])
    found = probe(turned)
    assert (found.width, found.height, found.rotation) == (240, 320, 90)
    assert found.stored_size == (320, 240)


def test_hdr_is_known_by_its_transfer_alone(tmp_path):
    hlg = clips.write_clip(tmp_path / "hlg.mp4", clips.pan(range(3)), clips.HLG)
    wide = clips.write_clip(tmp_path / "wide.mp4", clips.pan(range(3)), ["-vf", "setparams=color_primaries=bt2020"])
    assert (probe(hlg).transfer, probe(hlg).matrix) == ("hlg", "bt2020")
    assert probe(wide).transfer == ""


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
def test_what_is_no_video_reaches_no_demuxer(tmp_path, monkeypatch, name, content):
    monkeypatch.setattr(ffmpeg, "call", lambda *a, **k: pytest.fail("the decoder was called"))
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name, tmp_path).code == "no_video"


@pytest.mark.parametrize(("name", "codec"), [("sound.m4v", "aac"), ("sound.webm", "libopus")])
def test_sound_alone_is_no_video(tmp_path, name, codec):
    sound = made_by(
        tmp_path, name, "-f", "lavfi", "-i", "sine=duration=1", "-c:a", codec, "-f", "mp4" if "m4v" in name else "webm"
    )
    assert "no moving pictures" in refusal(sound, tmp_path).message


def test_another_codec_is_named(tmp_path):
    other = made_by(
        tmp_path, "old.mp4", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=1", "-c:v", "mpeg4"
    )
    error = refusal(other, tmp_path)
    assert error.code == "video_not_supported"
    assert "'mpeg4'" in error.message


def test_an_encrypted_mp4(clip, tmp_path):
    error = refusal(clips.remux(clip, tmp_path / "bought.mp4", KEY), tmp_path)
    assert error.code == "video_encrypted"
    assert not is_encrypted(clip, "mov")


def test_an_encrypted_matroska_file(tmp_path):
    def element(kind, content):
        return bytes.fromhex(kind) + (0x10000000 | len(content)).to_bytes(4, "big") + content

    encryption = element("6d80", element("6240", element("5035", element("47e1", b"\x05"))))
    for name, inside in (("bought.mkv", encryption), ("free.mkv", element("6d80", element("6240", b"")))):
        track = element("ae", element("d7", b"\x01") + inside)
        content = element("1a45dfa3", b"") + bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7
        (tmp_path / name).write_bytes(content + element("1654ae6b", track))
    assert refusal(tmp_path / "bought.mkv", tmp_path).code == "video_encrypted"
    assert not is_encrypted(tmp_path / "free.mkv", "matroska")


def test_three_hours_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    words = ("-f", "lavfi", "-i", "color=size=64x48:rate=0.02:duration=10800", "-c:v", "libx264")
    long = made_by(tmp_path, "long.mp4", *words, "-preset", "ultrafast")
    monkeypatch.setattr(measuring._Frames, "take", lambda *a: pytest.fail("it was decoded"))
    error = refusal(long, tmp_path)
    assert error.code == "video_too_long"
    assert "3 hours" in error.message
    assert "'start'" in error.hint


def test_a_clip_that_does_not_say_how_long_it_is(clip, tmp_path, monkeypatch):
    live = made_by(tmp_path, "live.webm", "-i", clip, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-live", "1")
    assert probe(live).seconds == 0
    assert measure(probe(live), VideoOptions(), Silent()).times[-1] == pytest.approx(59 / 30, abs=0.01)
    monkeypatch.setattr(measuring, "MOST_MINUTES", 1 / 60)
    assert refusal(live, tmp_path).code == "video_too_long"


def test_too_many_pixels(tmp_path):
    large = made_by(
        tmp_path, "large.mov", "-f", "lavfi", "-i", "color=size=8000x6000:rate=5:duration=0.4", "-c:v", "libx264"
    )
    error = refusal(large, tmp_path)
    assert error.code == "video_too_large"
    assert "8000x6000" in error.message


def test_more_frames_than_any_camera_takes(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "MOST_FRAMES", 20)
    assert refusal(clip, tmp_path).code == "video_too_large"


def test_truncated_before_its_index(clip, tmp_path):
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:-3000])
    error = refusal(tmp_path / "cut.mp4", tmp_path)
    assert error.code == "video_damaged"
    assert "truncated" in error.message


def test_of_a_truncated_stream_what_is_there_is_used(clip, tmp_path):
    warnings = []

    class Told(Silent):
        def warning(self, message):
            warnings.append(message)

    content = clips.remux(clip, tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    made = take_frames([tmp_path / "cut.mkv"], tmp_path / "photos", VideoOptions(), Told())
    assert made.videos[0]["frames"] >= 5
    assert "a part of the file is missing" in warnings[0]


def test_a_header_that_lies_about_the_size(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    entry = content.index(b"avc1", content.index(b"stsd"))
    content[entry + 28 : entry + 32] = (40_000).to_bytes(2, "big") * 2
    (tmp_path / "liar.mp4").write_bytes(content)
    made = take_frames([tmp_path / "liar.mp4"], tmp_path / "photos", VideoOptions(), Silent())
    assert made.videos[0]["frames"] > 0
    assert (made.videos[0]["width"], made.videos[0]["height"]) == (320, 240)


def test_a_table_of_four_billion_samples(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    sizes = content.index(b"stsz")
    content[sizes + 12 : sizes + 16] = b"\xff\xff\xff\xf0"
    (tmp_path / "bomb.mp4").write_bytes(content)
    assert refusal(tmp_path / "bomb.mp4", tmp_path).code == "video_damaged"


def test_two_frames_are_no_video(tmp_path):
    error = refusal(clips.write_clip(tmp_path / "two.mp4", clips.pan([0, 9])), tmp_path)
    assert (error.code, "2 frames" in error.message) == ("video_too_short", True)


def test_a_picture_that_stands_still(tmp_path):
    error = refusal(clips.write_clip(tmp_path / "tripod.mp4", clips.pan([5] * 30)), tmp_path)
    assert (error.code, "hardly moves" in error.message) == ("video_too_still", True)


def test_a_start_after_the_end(clip, tmp_path):
    assert "ends before" in refusal(clip, tmp_path, VideoOptions(start=7)).message


def test_more_memory_than_it_may_take(tmp_path, monkeypatch):
    words = (
        "-f",
        "lavfi",
        "-i",
        "color=size=4000x3000:rate=10:duration=0.6",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
    )
    large = made_by(tmp_path, "large.mp4", *words)
    monkeypatch.setattr(ffmpeg, "MOST_MEMORY", 400 * 2**20)
    error = refusal(large, tmp_path)
    assert error.code == "video_too_large"
    assert "memory" in error.message


def test_too_long_by_the_clock(clip):
    ended = ffmpeg.call([*ffmpeg.reading(clip, "mov"), "-f", "null", "-"], clip.parent, seconds=0.001)
    assert ended.timed_out


def test_the_decoder_is_the_pinned_one(monkeypatch, tmp_path):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    ffmpeg.program.cache_clear()
    assert "imageio_ffmpeg" in str(ffmpeg.program())


def test_the_decoder_has_no_network_and_no_other_demuxer(clip, tmp_path):
    for words in (
        ["-i", "http://127.0.0.1:9/clip.mp4"],
        ["-f", "hls", "-i", str(clip)],
        ["-f", "avi", "-i", str(clip)],
    ):
        ended = ffmpeg.call([*ffmpeg.reading(clip, "mov")[:-5], *words, "-f", "null", "-"], tmp_path)
        assert ended.status != 0
        assert ended.has_said("not on whitelist", "not in the whitelist", "whitelist"), ended.said


@pytest.mark.parametrize("name", ["a.MP4", "b.mov", "c.webm", "d.mkv", "e.m4v"])
def test_videos_are_known_by_their_names(tmp_path, name):
    assert is_video(tmp_path / name)


def test_or_by_their_first_bytes(clip, tmp_path):
    shutil.copy(clip, tmp_path / "clip")
    (tmp_path / "notes").write_text("nothing")
    assert is_video(tmp_path / "clip")
    assert not is_video(tmp_path / "notes")
    assert not is_video(tmp_path / "photo.jpg")


def test_errors_have_their_stage():
    assert NoVideo("x").stage == VideoTooLarge("x").stage == "frames"
