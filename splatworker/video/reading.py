"""A clip read once by the decoder, on a GPU or on processors, in parts at the same time.

One decoder of a clip keeps three processors busy, however many there are: its threads wait for each other's frames. So
a long clip is cut into parts where it can be begun at, which are read at once, and what is measured of them is put
together. Where it is cut does not depend on the machine, so neither does what comes out. What does not come out as the
clip's container says is read once more in one piece, as short clips are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple

from splatworker.machine import operator_limits, video_decoder
from splatworker.machine.limits import available_cpus, available_memory
from splatworker.stages.progress import Reporter
from splatworker.video import ffmpeg, refusals
from splatworker.video.key_frames import key_times
from splatworker.video.probe import Clip
from splatworker.video.small_frames import SmallFrames, small_size

PART_S = 7.5
"""Seconds of a part, about; what is shorter than two of them is read in one piece."""

_MOST_AT_ONCE = 8

PROCESSORS = "cpu"
"""What has decoded, where no GPU has (`ffmpeg.decoded_by`)."""

_MEMORY_A_PIXEL, _MEMORY_OF_A_DECODER = 40, 50 * 2**20
"""Bytes that a decoder takes for each pixel of a frame, and besides: twice what was measured of 4K in H.264 and HEVC
with one and two threads, 171 to 195 MiB, as clips may refer to more frames than those did."""

_BEYOND = 30.0
"""Seconds after a part's end to which packets may be read. They come in another order than frames are shown, and are
counted from where the decoder has gone back to, in some files one group of frames or more before the part; that the
part is over is known by its frames' times, and ends the reading."""

MOST_FRAMES = int(operator_limits.value("SPLATWORKER_VIDEO_MINUTES") * 60 * 240)
"""Frames that are read: of the longest clip at the highest rate that telephones know; a file may hold far more."""


class Span(NamedTuple):
    """A part of a clip, in seconds from its beginning.

    Attributes:
        start: of its first frame, which can be begun at, but where reading begins.
        end: of the first frame that does not belong to it any more; None if it is the last part.
    """

    start: float
    end: float | None


@dataclass(frozen=True)
class Reading:
    """What is to be read.

    Attributes:
        start: seconds of the clip at which it begins.
        seconds: for how long at most.
        expected: about how long that will be, by what the clip says of itself; 0 if it does not.
        skipping: options of the input that say which frames are left out.
    """

    clip: Clip
    start: float
    seconds: float
    expected: float
    skipping: tuple[str, ...] = ()


class Read(NamedTuple):
    """The frames, how the decoder ended, and what it has decoded them on.

    Attributes:
        decoder: "cuda" or "cpu".
        why_cpu: why not on a GPU where that is wanted, "" where it is not, or where it was.
    """

    frames: SmallFrames
    ended: ffmpeg.Ended
    decoder: str
    why_cpu: str


class Part(NamedTuple):
    """A part that was read: its frames, and how the decoder ended."""

    frames: SmallFrames
    ended: ffmpeg.Ended


Before = Callable[["PartCall"], Part | None]
"""What was read of a part before, by the very call; None where nothing was."""


def nothing_before(_: PartCall) -> Part | None:
    """Nothing was read before."""
    return None


def read(reading: Reading, report: Reporter, before: Before = nothing_before) -> Read:
    """Decode and measure, on a GPU where that is wanted and it can, in parts where the clip is long enough.

    Raises:
        VideoError: there are more frames than `MOST_FRAMES`.
    """
    ways = ways_to_decode()
    parts = parts_of(reading, key_times(reading.clip) if is_long(reading) else [])
    tries = [(parts, way) for way in ways]
    if len(parts) > 1:
        tries += [(parts_of(reading, []), way) for way in ways]
    why_cpu = ""
    for spans, decoder in tries:
        frames, ended = _at_once(reading, spans, report, decoder, before)
        by = ffmpeg.decoded_by(decoder, ended)
        is_done = not ended.status and as_told(spans, frames, reading.clip.rate)
        if decoder and not why_cpu and not (is_done and by != PROCESSORS):
            why_cpu = ffmpeg.why_not_on_gpu(ended)
        if is_done:
            break  # a GPU that cannot, whyever, leaves it to what comes after it
    joined = SmallFrames(*small_size(reading.clip))
    for part in frames:
        joined.extend(part)
    return Read(joined, ended, by, why_cpu if by == PROCESSORS else "")


def ways_to_decode() -> list[tuple[str, ...]]:
    """Options of the input that say where it is decoded, the first to be tried first."""
    return [ffmpeg.ON_GPU, ()] if video_decoder.is_gpu() else [()]


def is_long(reading: Reading) -> bool:
    """Whether it is read in parts, where it can be."""
    return reading.expected >= 2 * PART_S


def parts_of(reading: Reading, keys: Sequence[float]) -> list[Span]:
    """Where a clip is cut that can be begun at these seconds, in order: about every `PART_S`."""
    count = int(reading.expected / PART_S)
    starts = [reading.start]
    for number in range(1, count):
        place = reading.start + number * reading.expected / count
        after = bisect_left(keys, place)
        near = min(keys[max(0, after - 1) : after + 1], key=lambda key: abs(key - place), default=0.0)
        if near > starts[-1] + PART_S / 4:
            starts.append(float(near))
    return [Span(start, end) for start, end in zip(starts, [*starts[1:], None], strict=True)]


def as_told(parts: Sequence[Span], frames: Sequence[SmallFrames], rate: float) -> bool:
    """Whether each part has come out as the container says: from the frame on at which it begins, in order, to its end.

    Of a clip in one piece, whether anything has come at all.

    Args:
        rate: frames a second.
    """
    if len(parts) == 1:
        return bool(frames[0].details)
    for number, ((start, end), part) in enumerate(zip(parts, frames, strict=True)):
        times = part.times[: len(part.details)]
        if not times or part.timeless or any(after <= before for before, after in pairwise(times)):
            return False
        if number and (abs(times[0] - start) > 2 * _just_after(rate) or not part.keys[0]):
            return False
        if end is not None and times[-1] >= end:
            return False
    return True


def _just_after(rate: float) -> float:
    """Seconds that are less than from a frame to the next, in whole ticks of Matroska's clock."""
    return max(1, int(250 / max(rate, 30.0))) / 1000


def _at_once(
    reading: Reading, parts: Sequence[Span], report: Reporter, decoder: Sequence[str], before: Before = nothing_before
) -> tuple[list[SmallFrames], ffmpeg.Ended]:
    """Every part's frames, and how the decoders ended: as the first of those that did not end well.

    Args:
        decoder: options of the input that say where it is decoded.
    """
    clip = reading.clip
    at_once = min(len(parts), most_at_once(clip))
    threads = ffmpeg.threads_for(clip.width * clip.height, max(1, available_cpus() // at_once))
    frames = [SmallFrames(*small_size(clip)) for _ in parts]

    def progress() -> None:
        if sum(len(part.details) for part in frames) > MOST_FRAMES:
            raise refusals.too_large(clip.path, f"it has more than {MOST_FRAMES} frames")
        done = sum(part.last - span.start for part, span in zip(frames, parts, strict=True) if part.last is not None)
        report.progress("reading the video", min(0.999, done / max(reading.expected, 0.1)))

    def one(number: int, folder: Path) -> ffmpeg.Ended:
        call = PartCall(reading, parts[number], number == 0, tuple(decoder))
        if (part := before(call)) is not None:
            frames[number] = part.frames
            progress()
            return part.ended
        return call.run(folder, frames[number], threads, progress)

    with TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as pool:
        ends = list(pool.map(one, range(len(parts)), [Path(folder)] * len(parts)))
    worst = next((end for end in ends if end.status or end.timed_out), ends[-1])
    return frames, ffmpeg.Ended(worst.status, tuple(line for end in ends for line in end.said), worst.timed_out)


@dataclass(frozen=True)
class PartCall:
    """The call of the decoder for a part of a clip: all that what comes of it depends on.

    Attributes:
        is_first: of the parts.
        decoder: options of the input that say where it is decoded.
    """

    reading: Reading
    span: Span
    is_first: bool
    decoder: tuple[str, ...]

    def same(self) -> tuple[object, ...]:
        """Alike for calls by which the same comes out, of files with the same bytes."""
        words, clock = self._words(replace(self.reading.clip, path=Path("/")), 1)
        return (*words, clock, small_size(self.reading.clip))

    def run(
        self,
        folder: Path,
        frames: SmallFrames,
        threads: int,
        progress: Callable[[], None],
        hear: Callable[[str], None] | None = None,
        unwanted: Callable[[], bool] | None = None,
    ) -> ffmpeg.Ended:
        """Decode and measure.

        Args:
            folder: where the decoder runs.
            frames: what is read is added to these.
            threads: of the decoder.
            progress: called after each frame; what it raises ends the reading.
            hear: is told what the decoder says, from another thread.
            unwanted: as `ffmpeg.call`.
        """
        words, clock = self._words(self.reading.clip, threads)
        measure = frames.hear(clock)

        def take(output: IO[bytes]) -> None:
            while frames.take(output):
                progress()

        def listen(line: str) -> None:
            measure(line)
            if hear is not None:
                hear(line)

        return ffmpeg.call(
            words,
            folder,
            take=take,
            hear=listen,
            silent=ffmpeg.MOST_SILENT_S,
            gpu=bool(self.decoder),
            unwanted=unwanted,
        )

    def _words(self, clip: Clip, threads: int) -> tuple[list[str], float]:
        """The decoder's arguments, and the seconds of the clip at which its clock is 0."""
        reading = self.reading
        before, cut, clock = _words_for(self.span, reading, is_first=self.is_first)
        shown = "showinfo=checksum=0:udu_sei_as_ascii=0"
        small = "scale={}:{}:flags=area,format=gray".format(*small_size(clip))
        words = [
            *ffmpeg.reading(
                clip.path.absolute(),
                clip.demuxer,
                threads=threads,
                before=[*self.decoder, *reading.skipping, *before],
            ),
            *("-map", f"0:{clip.stream}", "-vf", ",".join([*clip.retagging, *cut, shown, small])),
            *("-fps_mode", "passthrough", "-threads", "1"),
            *("-f", "rawvideo", "-protocol_whitelist", "pipe", "OUT"),
        ]
        return words, clock


def _words_for(span: Span, reading: Reading, *, is_first: bool) -> tuple[list[str], list[str], float]:
    """Options of the input, filters, and the seconds of the clip at which the decoder's clock is 0.

    A part begins at the last frame that can be begun at before a moment just after its first one: at that one itself.
    Frames that come after it and are shown before it belong to the part before, which ends at it.
    """
    left = reading.seconds - (span.start - reading.start)
    after = _just_after(reading.clip.rate)
    begin = span.start if is_first else round(span.start, 3) + after
    is_all = is_first and span.end is None
    seconds = (left if span.end is None else span.end - span.start) + (after if is_all else _BEYOND)
    first = [] if is_first else ["-noaccurate_seek"]
    bounds = [] if is_first else [f"start={-2 * after:.6f}"]
    bounds += [] if span.end is None else [f"end={span.end - begin - after:.6f}"]
    bounds += [f"end={left + span.start - begin + after:.6f}"] if span.end is None and not is_all else []
    return (
        [*first, "-ss", f"{begin:.6f}", "-t", f"{seconds:.6f}"],
        ["trim=" + ":".join(bounds)] if bounds else [],
        begin,
    )


def most_at_once(clip: Clip) -> int:
    """Decoders of a clip that run at the same time."""
    return min(available_cpus(), _MOST_AT_ONCE, _that_fit_into_memory(clip.width * clip.height))


def _that_fit_into_memory(pixels: int) -> int:
    """Decoders of such frames that fit into half of what memory there is."""
    memory = available_memory()
    return 1 if memory is None else max(1, memory // 2 // (_MEMORY_OF_A_DECODER + _MEMORY_A_PIXEL * pixels))
