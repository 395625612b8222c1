"""What is read of a video while it arrives is what would have been read of it later, and nothing else counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import clips
from support.waiting import wait_until

from splatworker.formats import arriving_file
from splatworker.formats.arriving_file import HowFar, arriving_folder, progress_folder
from splatworker.machine import video_decoder
from splatworker.photos.arriving_video import ArrivingVideo
from splatworker.stages.progress import Silent
from splatworker.video import ahead, ffmpeg, reading, sample_index
from splatworker.video.ahead import Ahead, plan_of
from splatworker.video.frames import Frames, take_frames
from splatworker.video.key_frames import packets
from splatworker.video.measure import what_to_read
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe
from splatworker.video.reading import PartCall, parts_of

SECONDS, PARTS = 10, 10
READ = 3
"""Parts that are read once 60 % of the file are here: of six seconds, less the two of `sample_index.FURTHER`."""


def pan(lefts: Iterable[float]) -> list[clips.Frame]:
    """Small frames: what is tested is which of their bytes are here, and each is read several times."""
    return clips.pan(lefts, (160, 120))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of a pan with sound, in 2 MB; its index is last."""
    sound = ("-f", "lavfi", "-i", f"sine=duration={SECONDS}", "-c:v", "copy", "-c:a", "aac")
    folder = tmp_path_factory.mktemp("clips")
    pictures = clips.write_clip(folder / "pictures.mp4", pan(np.arange(0, 450, 1.5)), ("-crf", "1"))
    return clips.made_by(folder, "clip.mp4", "-i", pictures, *sound)


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PART_S", SECONDS / PARTS)
    monkeypatch.setattr(reading, "available_cpus", lambda: 2)
    monkeypatch.setattr(sample_index, "LOOKED_AT", 250_000)  # the clip is small
    monkeypatch.setattr(ahead, "_OTHER_TRACKS", 2**18)


class Calls(list[Path]):
    """The files that parts were read of."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = PartCall.run

        def noted(call: PartCall, *words: Any, **more: Any) -> ffmpeg.Ended:
            self.append(call.reading.clip.path)
            return run(call, *words, **more)

        monkeypatch.setattr(PartCall, "run", noted)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


class Arrival:
    """A video that comes as far as it is told to, into a folder that somebody reads."""

    def __init__(self, folder: Path, content: bytes, name: str = "clip.mp4", number: str = "01") -> None:
        for place in (folder, arriving_folder(folder), progress_folder(folder)):
            place.mkdir(exist_ok=True)
        self.content, self.place = content, folder / number / name
        self.path, self.progress = arriving_folder(folder) / number, progress_folder(folder) / number
        self.file = ArrivingVideo(self.path, self.progress)
        self.file.begin(len(content))

    def bring(self, share: float, *, tail: bool = True) -> None:
        """So much of it is here, and its end, where that is wanted."""
        while self.file.there < int(share * len(self.content)):
            self.file.put(self.content[self.file.there : self.file.there + 25_000])
            if tail and (start := self.file.wanted_tail()):
                self.file.put_tail(self.content[start:], self.file.version)

    def end(self) -> Path:
        """All of it is here, and in its place."""
        self.bring(1.0)
        self.file.finish()
        self.file.__exit__(None, None, None)
        self.place.parent.mkdir()
        self.path.rename(self.place)
        return self.place


def photos(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def told(made: Frames) -> str:
    assert not made.errors, made.errors
    return json.dumps(made.videos)


@contextmanager
def reads_ahead(tmp_path: Path, options: VideoOptions) -> Iterator[Ahead]:
    with Ahead(tmp_path / "videos", options) as reader:
        yield reader


def as_whole(clip: Path, tmp_path: Path, options: VideoOptions) -> tuple[str, dict[str, bytes]]:
    """What is told of a clip that was there from the start, and its photos."""
    made = take_frames([clip], tmp_path / "expected", options, Silent(), names=["clip.mp4"])
    return told(made), photos(tmp_path / "expected")


def same(
    expected: tuple[str, dict[str, bytes]], place: Path, reader: Ahead, tmp_path: Path, options: VideoOptions
) -> None:
    made = take_frames([place], tmp_path / "photos", options, Silent(), names=["clip.mp4"], before=reader.of)
    assert told(made) == expected[0]
    assert photos(tmp_path / "photos") == expected[1]


def read_by(reader: Ahead) -> int:
    """Parts of all videos that have been read."""
    return sum(part.done() and part.result() is not None for video in reader._videos for part in video.parts.values())


@pytest.mark.parametrize(
    ("options", "read"), [(VideoOptions(), READ), (VideoOptions(start=0.5, end=8.3, frames=90), 2)]
)
@pytest.mark.parametrize("index", ["last", "first"])
def test_parts_that_are_here_are_read_and_come_out_the_same(
    clip: Path, tmp_path: Path, calls: Calls, index: str, options: VideoOptions, read: int
) -> None:
    path = clip if index == "last" else clips.remux(clip, tmp_path / "first.mp4", ["-movflags", "+faststart"])
    expected = as_whole(path, tmp_path, options)
    count = len(calls)
    assert count >= 7
    arrival = Arrival(tmp_path / "videos", path.read_bytes())
    calls.clear()
    with reads_ahead(tmp_path, options) as reader:
        arrival.bring(0.6)
        wait_until(lambda: read_by(reader) == read)
        assert len(calls) == read
        arrival.bring(0.8)
        wait_until(lambda: read_by(reader) == read + 2)
        same(expected, arrival.end(), reader, tmp_path, options)
        assert len(calls) == count  # none was read twice


@pytest.mark.parametrize("kind", ["mkv", "fragments", "no end before", "two indexes"])
def test_without_an_index_it_is_read_when_it_is_here(clip: Path, tmp_path: Path, calls: Calls, kind: str) -> None:
    """Also while others arrive."""
    path = clip
    if kind == "mkv":
        path = clips.remux(clip, tmp_path / "clip.mkv")
    elif kind == "fragments":
        path = clips.remux(clip, tmp_path / "cut.mp4", ["-movflags", "+frag_keyframe+empty_moov"])
    elif kind == "two indexes":
        path = tmp_path / "two.mp4"
        content = clip.read_bytes()
        path.write_bytes(content + content[content.rindex(b"moov") - 4 :])
    expected = as_whole(path, tmp_path, VideoOptions())
    count = len(calls)
    calls.clear()
    arrival = Arrival(tmp_path / "videos", path.read_bytes())
    with reads_ahead(tmp_path, VideoOptions()) as reader:
        arrival.bring(0.9, tail=kind != "no end before")
        wait_until(lambda: reader._videos)
        place = arrival.end()
        assert not calls
        wait_until(lambda: read_by(reader) == count)
        same(expected, place, reader, tmp_path, VideoOptions())
        assert place not in calls


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", ("libx264",)),
        ("a.mov", ("libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1")),
        ("b.mp4", ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")),
        ("b.mov", ("prores_ks",)),
    ],
)
def test_what_is_not_here_changes_nothing_of_the_plan(tmp_path: Path, name: str, codec: tuple[str, ...]) -> None:
    """The decoder lists frames whose bytes are not here, but cannot tell whether one can be begun at."""
    path = clips.write_clip(tmp_path / name, clips.pan(np.arange(0, 360, 2), (160, 120)), ("-c:v", *codec))
    content = path.read_bytes()
    index = content.rindex(b"moov") - 4
    there = int(0.4 * len(content))
    (tmp_path / "partly").write_bytes(content[:there] + bytes(index - there) + content[index:])
    whole, partly = probe(path), probe(tmp_path / "partly")
    assert replace(partly, path=path) == whole
    reading = what_to_read(whole, VideoOptions())
    tracks = sample_index.tracks(path, len(content), lambda start, end: True)
    how_far = HowFar(1, len(content), there, index)
    listed = packets(partly)
    plan = plan_of(reading, tracks, listed, how_far)
    assert plan is not None
    assert [span for span, _ in plan] == parts_of(reading, packets(whole).key_times())
    assert len(plan) == 6
    assert plan_of(reading, tracks, replace(listed, sizes=listed.sizes[::-1]), how_far) is None
    assert plan_of(reading, tracks, replace(listed, keys=listed.keys[1:]), how_far) is None


def test_several_videos(clip: Path, tmp_path: Path, calls: Calls) -> None:
    first = Arrival(tmp_path / "videos", clip.read_bytes())
    with reads_ahead(tmp_path, VideoOptions()) as reader:
        first.end()
        wait_until(lambda: read_by(reader) == PARTS)
        second = Arrival(tmp_path / "videos", clip.read_bytes(), number="02")
        second.bring(0.6)
        wait_until(lambda: read_by(reader) == PARTS + READ)
        places = [first.place, second.end()]
        made = take_frames(places, tmp_path / "photos", VideoOptions(), Silent(), before=reader.of)
        assert not made.errors
        assert calls.count(first.place) == 0
        assert len(calls) == 2 * PARTS
    assert [video["why"] for video in made.videos] == [made.videos[0]["why"]] * 2


def test_a_video_that_is_lost_is_passed_over(clip: Path, tmp_path: Path, calls: Calls) -> None:
    lost = Arrival(tmp_path / "videos", clip.read_bytes())
    with reads_ahead(tmp_path, VideoOptions()) as reader:
        lost.bring(0.6)
        wait_until(lambda: read_by(reader) == READ)
        lost.progress.unlink()
        lost.path.unlink()
        second = Arrival(tmp_path / "videos", clip.read_bytes(), number="02")
        second.bring(0.6)
        wait_until(lambda: read_by(reader) == 2 * READ)
        made = take_frames([second.end()], tmp_path / "photos", VideoOptions(), Silent(), before=reader.of)
    assert not made.errors
    assert len(calls) == READ + PARTS


def test_of_another_version_nothing_counts(clip: Path, tmp_path: Path, calls: Calls) -> None:
    """The file changes at the server, and comes anew from its beginning."""
    other = clips.write_clip(tmp_path / "other.mp4", pan(np.arange(450, 0, -1.5)), ("-crf", "1"))
    expected = as_whole(other, tmp_path, VideoOptions())
    arrival = Arrival(tmp_path / "videos", clip.read_bytes())
    with reads_ahead(tmp_path, VideoOptions()) as reader:
        arrival.bring(0.6)
        wait_until(lambda: read_by(reader) == READ)
        arrival.content = other.read_bytes()
        arrival.file.begin(len(arrival.content))
        arrival.bring(0.6)
        wait_until(lambda: read_by(reader) > READ)
        same(expected, arrival.end(), reader, tmp_path, VideoOptions())


def test_what_changed_at_last_does_not_count_either(clip: Path, tmp_path: Path, calls: Calls) -> None:
    options = VideoOptions(end=4.0)
    expected = as_whole(clip, tmp_path, options)
    arrival = Arrival(tmp_path / "videos", clip.read_bytes())
    with reads_ahead(tmp_path, options) as reader:
        arrival.bring(0.8)
        wait_until(lambda: read_by(reader) == 4)  # all that is wanted of it
        arrival.file.begin(len(arrival.content))
        calls.clear()
        same(expected, arrival.end(), reader, tmp_path, options)
    assert calls.count(arrival.place) == 4


def test_what_the_decoder_complains_of_is_read_again(
    clip: Path, tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads what is not here reads zeros: here it is told that more is here than is."""
    expected = as_whole(clip, tmp_path, VideoOptions())
    arrival = Arrival(tmp_path / "videos", clip.read_bytes())
    size = len(arrival.content)
    with reads_ahead(tmp_path, VideoOptions()) as reader:
        arrival.bring(0.6)
        wait_until(lambda: read_by(reader) == READ)
        index = arrival.content.rindex(b"moov") - 4
        with arrival.progress.open("r+b") as progress:
            arriving_file.tell(progress.fileno(), HowFar(arrival.file.version, size, index, index))
        wait_until(lambda: reader._videos and len(reader._videos[0].parts) == PARTS - 3)
        parts = reader._videos[0].parts
        wait_until(lambda: all(part.done() for part in parts.values()))
        assert read_by(reader) < PARTS - 3
        same(expected, arrival.end(), reader, tmp_path, VideoOptions())


@pytest.mark.parametrize(
    ("line", "is_wrong"),
    [
        ("[h264 @ 0x564e74db5840] Invalid NAL unit size (0 > 22886).", True),
        ("[vist#0:0/hevc @ 0x5] [dec:hevc @ 0x5] Error submitting packet to decoder: Invalid data found", True),
        ("[libdav1d @ 0x1] Error parsing OBU data", True),
        ("[aac @ 0x564e74db5840] Codec (aac) not on whitelist 'h264,hevc,vp9,av1,libdav1d,prores'", False),
        ("[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5] stream 3, timescale not set", False),
        ("[out#0/rawvideo @ 0x55a430839640] video:18000KiB audio:0KiB", False),
        ("[swscaler @ 0x7f] deprecated pixel format used, make sure you did set range correctly", False),
        ("frame=  240 fps=0.0 q=-0.0 Lsize=   18000KiB", False),
    ],
)
def test_what_is_said_of_the_pictures_themselves(line: str, is_wrong: bool) -> None:
    assert bool(ahead._WRONG.match(line)) == is_wrong


def test_a_gpu_that_is_not_there(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the processors read in its place does not count: why the GPU did not is told as ever."""
    monkeypatch.setenv(video_decoder.VARIABLE, "cuda")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # where there is one, too
    expected = as_whole(clip, tmp_path, VideoOptions())
    assert json.loads(expected[0])[0]["decoder_reason"]
    arrival = Arrival(tmp_path / "videos", clip.read_bytes())
    with reads_ahead(tmp_path, VideoOptions()) as reader:
        arrival.bring(0.6)
        wait_until(lambda: reader._videos and len(reader._videos[0].parts) == READ)
        wait_until(lambda: all(part.done() for part in reader._videos[0].parts.values()))
        assert read_by(reader) == 0
        same(expected, arrival.end(), reader, tmp_path, VideoOptions())


@pytest.mark.parametrize("content", [b"nothing", b"\0\0\0\x10ftypisom\0\0\0\0"])
def test_what_is_no_video_is_told_when_it_is_here(tmp_path: Path, content: bytes) -> None:
    arrival = Arrival(tmp_path / "videos", content)
    with reads_ahead(tmp_path, VideoOptions()) as reader:
        place = arrival.end()
        wait_until(lambda: reader._videos)
        made = take_frames([place], tmp_path / "photos", VideoOptions(), Silent(), before=reader.of)
        expected = take_frames([place], tmp_path / "photos", VideoOptions(), Silent())
    assert made.videos == expected.videos
    assert made.errors


def test_it_ends_while_a_video_arrives(clip: Path, tmp_path: Path) -> None:
    arrival = Arrival(tmp_path / "videos", clip.read_bytes())
    with reads_ahead(tmp_path, VideoOptions()) as reader:
        arrival.bring(0.5)
        wait_until(lambda: read_by(reader))
    assert not reader._follower.is_alive()
