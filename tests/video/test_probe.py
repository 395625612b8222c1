"""What a clip says of itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import clips

from splatworker.errors import VideoNotSupported
from splatworker.formats.panorama import Area, Panorama, panorama_in
from splatworker.video import ffmpeg
from splatworker.video.probe import is_video, probe


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a pan."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 180, 3)))


def test_a_clip_is_described(clip: Path) -> None:
    found = probe(clip)
    assert (found.codec, found.width, found.height, found.demuxer) == ("h264", 320, 240, "mov")
    assert (found.seconds, found.rate, found.rotation, found.transfer) == (2.0, 30.0, 0, "")


def test_a_turned_clip_is_described_upright(clip: Path, tmp_path: Path) -> None:
    turned = clips.remux(clip, tmp_path / "turned.mov", before=["-display_rotation", "90"])
    found = probe(turned)
    assert (found.width, found.height, found.rotation) == (240, 320, 90)
    assert found.stored_size == (320, 240)


def test_the_largest_track_that_can_be_read_is_the_video(clip: Path, tmp_path: Path) -> None:
    preview = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=30:duration=1", "-i", str(clip)]
    preview += ["-map", "0:v", "-map", "1:v"]
    for codec in ("mjpeg", "libx264"):
        two = clips.made_by(tmp_path, f"{codec}.mov", *preview, "-c:v:0", codec, "-c:v:1", "copy")
        found = probe(two)
        assert (found.stream, found.codec, found.coded, found.alike) == (1, "h264", (320, 240), 0)
    twins = clips.made_by(tmp_path, "two.mp4", "-i", clip, "-i", clip, "-map", "0", "-map", "1", "-c", "copy")
    assert (probe(twins).stream, probe(twins).alike) == (0, 1)


def test_pictures_that_have_a_timecode(clip: Path, tmp_path: Path) -> None:
    """As cameras write it: the track that it is in belongs to that of the pictures, and both are told as a group."""
    turned = ["-display_rotation", "90"]
    timecode = ["-timecode", "01:00:00:00"]
    plain = probe(clips.remux(clip, tmp_path / "plain.mov", before=turned))
    timed = probe(clips.remux(clip, tmp_path / "timed.mov", timecode, before=turned))
    assert replace(timed, path=plain.path) == plain
    two: list[str | Path] = ["-i", clip, "-i", clip, "-map", "0", "-map", "1", "-c", "copy", *timecode]
    assert probe(clips.made_by(tmp_path, "two.mov", *two)).alike == 1


def test_a_clip_that_begins_late_lasts_no_longer_for_that(clip: Path, tmp_path: Path) -> None:
    late = ["-itsoffset", "100000", "-i", str(clip), "-c", "copy", "-copyts"]
    for name in ("late.mkv", "late.mp4"):
        assert probe(clips.made_by(tmp_path, name, *late)).seconds == pytest.approx(probe(clip).seconds, abs=0.1)


def test_hdr_is_known_by_its_transfer_alone(tmp_path: Path) -> None:
    hlg = clips.write_clip(tmp_path / "hlg.mp4", clips.pan(range(3)), clips.HLG)
    wide = clips.write_clip(tmp_path / "wide.mp4", clips.pan(range(3)), ["-vf", "setparams=color_primaries=bt2020"])
    assert (probe(hlg).transfer, probe(hlg).matrix) == ("hlg", "bt2020")
    assert probe(wide).transfer == ""


@pytest.mark.parametrize("name", ["a.MP4", "b.mov", "c.webm", "d.mkv", "e.m4v"])
def test_videos_are_known_by_their_names(tmp_path: Path, name: str) -> None:
    assert is_video(tmp_path / name)


def test_or_by_their_first_bytes(clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "clip")
    (tmp_path / "notes").write_text("nothing")
    assert is_video(tmp_path / "clip")
    assert not is_video(tmp_path / "notes")
    assert not is_video(tmp_path / "photo.jpg")


IPHONE = """\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:IMG_1.MOV':
  Metadata:
    com.apple.quicktime.model: iPhone 17 Pro
  Duration: 00:01:02.50, start: 0.000000, bitrate: 54000 kb/s
  Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, stereo, fltp, 190 kb/s (default)
  Stream #0:1[0x2](und): Video: hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67), \
3840x2160, 53000 kb/s, 59.95 fps, 60 tbr, 600 tbn (default)
      Metadata:
        handler_name    : Core Media Video
      Side data:
        DOVI configuration record: version: 1.0, profile: 8, level: 9, rpu flag: 1, el flag: 0, bl flag: 1, \
compatibility id: 4, compression: 0
        Display Matrix: rotation of -90.00 degrees
        Ambient viewing environment
  Stream #0:2[0x3](und): Data: none (mebx / 0x7862656D), 0 kb/s (default)
At least one output file must be specified
"""


def as_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str) -> Path:
    """A clip of which the decoder says this."""

    def call(*_: object, hear: Callable[[str], None], **__: object) -> ffmpeg.Ended:
        for line in words.splitlines():
            hear(line)
        return ffmpeg.Ended(1, (), False)

    monkeypatch.setattr(ffmpeg, "call", call)
    (tmp_path / "IMG_1.MOV").write_bytes(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ")
    return tmp_path / "IMG_1.MOV"


def test_a_telephones_video(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sound first, Dolby Vision before the turn, and data besides."""
    found = probe(as_said(monkeypatch, tmp_path, IPHONE))
    assert (found.codec, found.width, found.height, found.rotation) == ("hevc", 2160, 3840, 270)
    assert (found.seconds, found.rate, found.transfer, found.matrix) == (62.5, 59.95, "hlg", "bt2020")
    assert not found.spherical


def test_dolby_vision_without_a_base_layer_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = IPHONE.replace("profile: 8", "profile: 5").replace("compatibility id: 4", "compatibility id: 0")
    with pytest.raises(VideoNotSupported, match="Dolby Vision"):
        probe(as_said(monkeypatch, tmp_path, words))


def test_one_that_shows_all_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = IPHONE.replace("Ambient viewing environment", "spherical: equirectangular (0.000000/0.000000/0.000000)")
    assert probe(as_said(monkeypatch, tmp_path, words)).spherical


@pytest.mark.parametrize("stereo", [0, 1])
def test_a_clip_that_is_marked_as_all_around_becomes_panoramas(tmp_path: Path, stereo: int) -> None:
    """By the boxes in its header, as the pinned decoder tells them."""
    frames = clips.pan(range(0, 90, 6), (320, 160))
    pictures = [np.concatenate([frame, frame]) if stereo else frame for frame in frames]
    plain = clips.write_clip(tmp_path / "plain.mp4", pictures)
    assert not probe(plain).spherical
    clip = clips.marked(plain, tmp_path / "clip.mp4", clips.EQUIRECTANGULAR, stereo=stereo)
    assert probe(clip).spherical
    clips.frames_of(clip, tmp_path / "photos", max_size=100)
    for path in (tmp_path / "photos").glob("*.jpg"):
        with Image.open(path) as image:
            assert panorama_in(image, image.info, image.getexif()) == Panorama(Area())
            assert image.size == (320, 160)


def test_a_projection_that_no_views_are_cut_out_of_is_named(tmp_path: Path) -> None:
    plain = clips.write_clip(tmp_path / "plain.mp4", clips.pan(range(0, 90, 6)))
    error = clips.refusal(clips.marked(plain, tmp_path / "clip.mp4", clips.CUBEMAP), tmp_path)
    assert error.code == "video_not_supported"
    assert error.message == "'clip.mp4' is a 360-degree video whose projection, cubemap, is not read."
    assert "equirectangular" in error.hint
