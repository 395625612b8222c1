"""A clip that is read in parts comes out as one that is read in one piece, whatever its container says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import clips
from support.clips import made_by

from splatworker.stages.progress import Silent
from splatworker.video import reading
from splatworker.video.measure import Measured, measure
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe
from splatworker.video.reading import Reading, Span, parts_of


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of a pan, with B frames, a frame that can be begun at every 12th, and a cut in its middle."""
    lefts = [*np.arange(0, 180, 2), *np.arange(400, 580, 2)]
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(lefts))


def in_parts(clip: Path, monkeypatch: pytest.MonkeyPatch, processors: int = 2, seconds: float = 1.5) -> Measured:
    """The clip, in parts so long; each must have come out as told."""
    with monkeypatch.context() as patch:
        patch.setattr(reading, "PART_S", seconds)
        patch.setattr(reading, "available_cpus", lambda: processors)
        return measure(probe(clip), VideoOptions(), Silent())


def count_of_tries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each try of reading has had."""
    tries: list[int] = []
    at_once = reading._at_once

    def counted(what: Reading, parts: list[Span], *others: object) -> object:
        tries.append(len(parts))
        return at_once(what, parts, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "_at_once", counted)
    return tries


def alike(found: Measured, expected: Measured) -> None:
    assert found.times == pytest.approx(expected.times, abs=1e-4)
    assert (found.keys == expected.keys).all()
    assert (found.details == expected.details).all()
    assert found.path == pytest.approx(expected.path, abs=0.01)
    assert found.cuts == expected.cuts
    assert (found.whole, found.skipping, found.other_shape, found.box) == (
        expected.whole,
        expected.skipping,
        expected.other_shape,
        expected.box,
    )


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "late.mkv"])
def test_as_in_one_piece(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    again = clips.remux(clip, tmp_path / name, ["-output_ts_offset", "3"] if name == "late.mkv" else [])
    expected = measure(probe(again), VideoOptions(), Silent())
    tries = count_of_tries(monkeypatch)
    alike(in_parts(again, monkeypatch), expected)
    assert tries == [4]
    assert len(expected.times) == 180
    assert len(expected.cuts) == 1


@pytest.mark.parametrize(("end", "count"), [(0.0, 270), (8.5, 256)])
def test_where_frames_that_can_be_begun_at_are_seconds_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: float, count: int
) -> None:
    """Matroska is begun at the one before, and what is read of it is counted from there: no part may end too early."""
    seldom = clips.write_clip(
        tmp_path / "seldom.mkv", clips.pan(np.arange(0, 540, 2), size=(160, 120)), ("-g", "60", "-sc_threshold", "0")
    )
    options = VideoOptions(end=end, frames=100)  # as many as need them all
    expected = measure(probe(seldom), options, Silent())
    assert len(expected.times) == count
    tries = count_of_tries(monkeypatch)
    monkeypatch.setattr(reading, "PART_S", 2.0)
    alike(measure(probe(seldom), options, Silent()), expected)
    assert tries == [4]


def test_open_groups_of_frames(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames that come after one that can be begun at, and are shown before it, are those of the part before."""
    words = ("-i", clip, "-c:v", "libx264", "-x264-params", "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0")
    again = made_by(tmp_path, "open.mp4", *words)
    expected = measure(probe(again), VideoOptions(), Silent())
    tries = count_of_tries(monkeypatch)
    alike(in_parts(again, monkeypatch), expected)
    assert tries == [4]


def test_the_same_with_any_number_of_processors(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (in_parts(clip, monkeypatch, processors) for processors in (1, 5))
    assert few.path.tobytes() == many.path.tobytes()
    assert few.times.tobytes() == many.times.tobytes()
    assert few.details.tobytes() == many.details.tobytes()


def test_a_part_of_a_clip_in_parts(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = VideoOptions(start=0.7, end=5.05)
    expected = measure(probe(clip), options, Silent())
    monkeypatch.setattr(reading, "PART_S", 1.2)
    tries = count_of_tries(monkeypatch)
    alike(measure(probe(clip), options, Silent()), expected)
    assert tries == [3]


def test_what_does_not_come_out_as_told_is_read_in_one_piece(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file whose end is missing the last parts are empty."""
    whole = clips.remux(clip, tmp_path / "whole.mp4", ["-movflags", "+faststart"]).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    expected = measure(probe(cut), VideoOptions(), Silent())
    monkeypatch.setattr(reading, "key_times", lambda clip: [0.4 * number for number in range(15)])
    tries = count_of_tries(monkeypatch)
    found = in_parts(cut, monkeypatch)
    alike(found, expected)
    assert tries == [4, 1]
    assert not found.whole


def test_keys_that_are_none_are_not_believed(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = measure(probe(clip), VideoOptions(), Silent())
    monkeypatch.setattr(reading, "key_times", lambda clip: [1.5, 3.1, 4.5])  # every 0.4 s there is one
    tries = count_of_tries(monkeypatch)
    alike(in_parts(clip, monkeypatch), expected)
    assert tries == [4, 1]


def test_it_is_cut_where_it_can_be_begun_at(clip: Path) -> None:
    whole = Reading(probe(clip), 0.0, 601.0, 60.0)
    assert parts_of(whole, []) == [Span(0.0, None)]
    assert parts_of(whole, [0.0]) == [Span(0.0, None)]
    often = parts_of(whole, list(np.arange(0, 60, 1.0)))
    assert [part.start for part in often] == [0, 7, 15, 22, 30, 37, 45, 52]
    assert [part.end for part in often] == [7, 15, 22, 30, 37, 45, 52, None]
    seldom = parts_of(whole, [0.0, 20.0, 40.0])
    assert [part.start for part in seldom] == [0, 20, 40]
    short = Reading(probe(clip), 2.0, 601.0, 14.0)
    assert parts_of(short, list(np.arange(0, 60, 1.0))) == [Span(2.0, None)]
