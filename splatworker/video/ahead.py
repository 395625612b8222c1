"""Videos that still arrive, read as far as they are here.

No decoder ever waits for a stranger: it is started for a part of a clip (`reading`) when all of its bytes are here,
which the container's index tells (`sample_index`), within the same bounds as any other, and ends like any other. Where
no index tells, a clip is read when it is here, also while others arrive.

What was read before is taken for what would have been read later only where it is the same: when all is here, the clip
is opened and divided anew, and a part counts if it is to be read by the same call, of a file that is still what it was
then, and the decoder found nothing wrong with it. What is wrong with a clip is said then, too: here nothing is.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

import numpy as np

from splatworker.errors import SplatError
from splatworker.formats.arriving_file import HowFar, arriving_folder, progress_folder, told
from splatworker.machine.limits import available_cpus
from splatworker.stages.arrivals import POLL_S
from splatworker.video import ffmpeg, sample_index
from splatworker.video.key_frames import Packets, packets
from splatworker.video.measure import what_to_read
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe
from splatworker.video.reading import (
    MOST_FRAMES,
    PROCESSORS,
    Before,
    Part,
    PartCall,
    Reading,
    Span,
    is_long,
    most_at_once,
    nothing_before,
    parts_of,
    ways_to_decode,
)
from splatworker.video.sample_index import FURTHER, Track
from splatworker.video.small_frames import SmallFrames, small_size

_OTHER_TRACKS = 2**20
"""Bytes beyond the first pictures in which the first of other tracks, such as sound, are."""

_JUST_AFTER = 0.05
"""Seconds after a part's end to which frames may be its own, as times are rounded."""

_WRONG = re.compile(rf"\[(?:v\w+#\d+:|dec:|(?:{'|'.join(ffmpeg.CODECS)})\b)")
"""What the decoder says of the pictures begins with the name of who decodes them. Of those that are well nothing is
said; of the file, and of sound that may not be opened, something is said of many."""


class _Unwanted(Exception):
    """Nobody wants it any more: the video was lost, another version of it comes, or all is to end."""


Plan = Sequence[tuple[Span, int | None]]
"""Parts, and for each how many of the file's first bytes are needed; None: all."""


@dataclass
class _Video:
    """A video, in one version.

    Attributes:
        path: a name of its file that stays when the file gets its place.
        progress: where it is told how far it has come.
        parts: what is read of it, by `PartCall.same`.
        unwanted: nothing of it is wanted any more.
        frames: that were read.
    """

    path: Path
    progress: Path
    version: int
    parts: dict[tuple[object, ...], Future[Part | None]] = field(default_factory=dict)
    unwanted: Event = field(default_factory=Event)
    frames: int = 0

    def how_far(self) -> HowFar:
        """How far it has come.

        Raises:
            _Unwanted: it does not come any more, or in another version.
        """
        while (how_far := told(self.progress)) is None:
            if not self.progress.exists():
                raise _Unwanted
        if how_far.version != self.version:
            raise _Unwanted
        return how_far

    def part(self, call: PartCall) -> Part | None:
        """What was read by a call, once it has ended; None where nothing was, whyever: it is met again."""
        read = self.parts.get(call.same())
        return None if read is None or read.exception() is not None else read.result()


class Ahead:
    """Reads the videos that are on their way into a folder, one after another, until it is told that all are here.

    Args:
        folder: where each has a folder of its own, `01`.
        options: what is asked of videos.
    """

    def __init__(self, folder: Path, options: VideoOptions) -> None:
        self._folder = folder
        self._progress = progress_folder(folder)
        self._options = options
        self._all_here = Event()
        self._beginning = Lock()
        self._over = Event()
        self._videos: list[_Video] = []

    def __enter__(self) -> Self:
        self._work = TemporaryDirectory()
        self._pool = ThreadPoolExecutor()
        self._follower = Thread(target=self._follow, daemon=True)
        self._follower.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all_here.set()
        self._over.set()
        self._follower.join()
        self._pool.shutdown()
        self._work.cleanup()

    def of(self, clip: Path) -> Before:
        """What was read of a video before, as all videos are here now, and in their places: no more is begun."""
        with self._beginning:
            self._all_here.set()
        for video in self._videos:
            how_far = told(video.progress)
            is_whole = how_far is not None and how_far.is_done and how_far.version == video.version
            if is_whole and not video.unwanted.is_set() and clip.samefile(video.path):
                return video.part
        return nothing_before

    def _follow(self) -> None:
        """Read one video after another, those that are lost left out."""
        done: set[str] = set()
        while not self._all_here.is_set():
            names = sorted(path.name for path in self._progress.glob("*") if path.name not in done)
            if not names:
                self._all_here.wait(POLL_S)
                continue
            video: _Video | None = None
            try:
                if (video := self._begun(names[0])) is None:
                    self._all_here.wait(POLL_S)
                    continue
                self._read(video)
                done.add(names[0])
            except _Unwanted:
                if video is not None and not self._all_here.is_set():
                    video.unwanted.set()  # it is begun anew in its other version, if there is one
            except (SplatError, OSError, RuntimeError, MemoryError):
                done.add(names[0])  # what is wrong is said when all is here

    def _begun(self, name: str) -> _Video | None:
        """A video of which something has come; None where nothing has."""
        progress = self._progress / name
        if (how_far := told(progress)) is None or not how_far.version:
            return None
        path = Path(self._work.name) / f"{name}-{how_far.version}"
        self._link(name, path)
        self._videos.append(_Video(path, progress, how_far.version))
        return self._videos[-1]

    def _link(self, name: str, path: Path) -> None:
        """Give the video another name, wherever it is at this moment."""
        path.unlink(missing_ok=True)
        try:
            path.hardlink_to(arriving_folder(self._folder) / name)
        except FileNotFoundError:
            file = next((self._folder / name).glob("*"), None)
            if file is None:
                raise
            path.hardlink_to(file)  # it is in its place already

    def _read(self, video: _Video) -> None:
        """Read a video's parts, each when it is here.

        Raises:
            _Unwanted: of the video, or of all.
            SplatError: it is none that is read.
        """
        tracks = self._index(video)
        self._wait(video, max(track.head() for track in tracks) + _OTHER_TRACKS if tracks else None)
        clip = probe(video.path)
        reading = what_to_read(clip, self._options)
        plan = self._plan(video, reading, tracks)
        ways = ways_to_decode()
        calls = [PartCall(reading, span, number == 0, ways[0]) for number, (span, _) in enumerate(plan)]
        needs = [need for _, need in plan]
        at_once, running = most_at_once(clip), list[Future[Part | None]]()
        for number, call in enumerate(calls):
            how_far = self._wait(video, needs[number])
            while len(running := [part for part in running if not part.done()]) >= at_once:
                how_far = self._look(video)
            ready = sum(_is_here(how_far, need) for need in needs[number:])
            others = max(1, min(at_once, len(running) + ready))
            threads = ffmpeg.threads_for(clip.width * clip.height, max(1, available_cpus() // others))
            with self._beginning:
                if self._all_here.is_set():
                    raise _Unwanted
                running.append(self._pool.submit(self._decode, video, call, threads))
                video.parts[call.same()] = running[-1]

    def _index(self, video: _Video) -> Sequence[Track]:
        """The tracks of pictures, once the index is here; none where only the whole file tells."""
        while True:
            how_far = self._look(video)
            if how_far.is_done or not how_far.size:
                return ()
            try:
                return sample_index.tracks(video.path, how_far.size, how_far.has)
            except sample_index.NotYet:
                continue
            except sample_index.Odd:
                return ()

    def _plan(self, video: _Video, reading: Reading, tracks: Sequence[Track]) -> Plan:
        """The parts, and what is needed of the file for each; where its index does not tell, once all of it is here."""
        if tracks and is_long(reading):
            how_far = video.how_far()
            plan = plan_of(reading, tracks, packets(reading.clip, self._over.is_set), how_far)
            if plan is not None:
                return plan
        self._wait(video, None)
        keys = packets(reading.clip, self._over.is_set).key_times() if is_long(reading) else []
        return [(span, None) for span in parts_of(reading, keys)]

    def _wait(self, video: _Video, need: int | None) -> HowFar:
        """Wait until so many of a video's first bytes are here; None: all of it."""
        while not _is_here(how_far := video.how_far(), need):
            self._look(video)
        return how_far

    def _look(self, video: _Video) -> HowFar:
        """How far a video is, after a moment.

        Raises:
            _Unwanted: nothing more is to be begun.
        """
        if self._all_here.wait(POLL_S):
            raise _Unwanted
        return video.how_far()

    def _decode(self, video: _Video, call: PartCall, threads: int) -> Part | None:
        """A part of a video; None where anything is wrong with it."""
        clip = call.reading.clip
        frames = SmallFrames(*small_size(clip))
        wrong = Event()

        def unwanted() -> bool:
            return wrong.is_set() or video.unwanted.is_set() or self._over.is_set()

        def progress() -> None:
            video.frames += 1
            if unwanted() or video.frames > MOST_FRAMES:
                raise _Unwanted

        def hear(line: str) -> None:
            if _WRONG.match(line):
                wrong.set()

        try:
            ended = call.run(Path(self._work.name), frames, threads, progress, hear, unwanted)
        except (_Unwanted, SplatError, OSError, RuntimeError, MemoryError):
            return None
        as_wanted = not call.decoder or ffmpeg.decoded_by(call.decoder, ended) != PROCESSORS
        is_well = not (ended.status or ended.timed_out or unwanted() or frames.damaged)
        return Part(frames, ended) if is_well and as_wanted else None


def _is_here(how_far: HowFar, need: int | None) -> bool:
    return how_far.is_done or (need is not None and how_far.has(0, min(need, how_far.size)))


def plan_of(reading: Reading, tracks: Sequence[Track], listed: Packets, how_far: HowFar) -> Plan | None:
    """The parts of a clip of which only some bytes are here, and what is needed of the file for each.

    That is the bytes of all frames up to the last that is shown before the part ends, as they are decoded: whatever the
    decoder begins at; and of some further ones, which it may have read by then.

    Args:
        listed: as the decoder lists the frames, to which their bytes do not matter, but for whether one can be begun
            at: of those that are not here yet, that is left to the index.
        how_far: what was here before they were listed.

    Returns:
        None where the index tells something else than the decoder.
    """
    places = [(track, first) for track in tracks if (first := track.find(listed.sizes)) is not None]
    if not places:
        return None
    track, first = places[0]
    keys = track.keys[(track.keys >= first) & (track.keys < first + len(listed.sizes))] - first
    here = int(np.searchsorted(track.reach, how_far.there, side="right")) - first
    if [key for key in listed.keys if key < here] != keys[keys < here].tolist():
        return None
    spans = parts_of(reading, replace(listed, keys=array("q", keys.tolist())).key_times())
    moments = np.asarray(listed.moments) * float(listed.tick)
    plan: list[tuple[Span, int | None]] = []
    for span in spans:
        end = reading.start + reading.seconds if span.end is None else span.end
        last = int(np.flatnonzero(moments < end + _JUST_AFTER)[-1:].sum()) + first + FURTHER
        is_all = len(spans) == 1 or last >= len(track.reach)
        plan.append((span, None if is_all else max(track.head() + _OTHER_TRACKS, int(track.reach[last]))))
    return plan
