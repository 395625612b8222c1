"""What a clip says of itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import clips

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
