"""Where a clip can be begun at."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import clips
from support.clips import made_by

from splatworker.stages.progress import Silent
from splatworker.video.key_frames import key_times
from splatworker.video.measure import measure
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a pan, with a frame that can be begun at every 12th."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 180, 3)))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv"])
def test_they_are_those_that_the_decoder_tells(clip: Path, tmp_path: Path, name: str) -> None:
    again = clips.remux(clip, tmp_path / name)
    measured = measure(probe(again), VideoOptions(), Silent())
    assert key_times(probe(again)) == pytest.approx(list(measured.times[measured.keys]), abs=0.002)
    assert len(key_times(probe(again))) == 5


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv"])
def test_a_clip_that_begins_later_than_its_clock(clip: Path, tmp_path: Path, name: str) -> None:
    late = clips.remux(clip, tmp_path / name, ["-output_ts_offset", "3"])
    measured = measure(probe(late), VideoOptions(), Silent())
    assert key_times(probe(late)) == pytest.approx(list(measured.times[measured.keys]), abs=0.002)


def test_every_frame_of_some_codecs(clip: Path, tmp_path: Path) -> None:
    whole = made_by(tmp_path, "intra.mov", "-i", clip, "-c:v", "prores_ks")
    assert len(key_times(probe(whole))) == 60


def test_a_file_that_breaks_off(clip: Path, tmp_path: Path) -> None:
    """Nothing is raised: what its table of frames says of the part that is missing is not read."""
    cut = tmp_path / "cut.mp4"
    whole = clips.remux(clip, tmp_path / "first.mp4", ["-movflags", "+faststart"]).read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    found = key_times(probe(cut))
    assert found == sorted(found)
    assert len(found) < 5
