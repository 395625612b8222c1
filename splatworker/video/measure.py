"""Every frame of a clip once, small and grey: when it is shown, how sharp it is, how far the picture has moved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import numpy as np
import numpy.typing as npt

from splatworker.machine import operator_limits
from splatworker.stages.progress import Reporter
from splatworker.video import ffmpeg, motion, refusals
from splatworker.video.frame_times import heard_times
from splatworker.video.letterbox import Letterbox
from splatworker.video.options import VideoOptions
from splatworker.video.probe import WHOLE, Box, Clip
from splatworker.video.sharpness import detail

LONGEST_SIDE = 640
"""Pixels in which sharpness is measured; motion is, in half as many."""

MOST_MINUTES = operator_limits.value("SPLATWORKER_VIDEO_MINUTES")

MOST_FRAMES = int(MOST_MINUTES * 60 * 240)
"""Frames that are read: of the longest clip at the highest rate that telephones know; a file may hold far more."""

_MOST_CUTS = 0.05
"""Share of a clip's frames that may follow upon a cut."""

_SKIP_FROM, _PLENTY = 240, 6
"""Frames of a clip, and for each that is wanted, from which on some are left out."""

_MOST_SHAPES = 16
"""Sizes of a clip's frames that are thought of, the commonest."""

_UNKNOWN_STEP = 1 / 30
"""Seconds between frames that do not say when they are shown."""

_CHANGED = re.compile(r"Reconfiguring filter graph because video parameters changed to .*?, (\d+)x(\d+)")
"""What the decoder says before a frame of another size than those before."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """The frames of a clip that were looked at, in the order they are shown.

    Attributes:
        times: seconds from the clip's beginning.
        keys: those that are decoded without any other.
        details: (frames, 2) as `sharpness.detail`.
        path: how far the picture has moved since the first frame, in widths of its longer side.
        cuts: frames that show another scene than the one before.
        whole: the clip could be read to its end.
        skipping: options of the input by which frames were left out.
        decoder: what has decoded them, as `ffmpeg.decoded_by`.
        other_shape: how many frames were left out as they have another shape than the clip.
        clip: of which the frames that count are: one that changes its shape is as most of its frames are.
        box: the part of a frame, as it is stored, that photos are made of: what bars leave, or one of two eyes sees.
    """

    times: Floats
    keys: npt.NDArray[np.bool_]
    details: Floats
    path: Floats
    cuts: tuple[int, ...]
    whole: bool
    skipping: tuple[str, ...] = ()
    decoder: str = "cpu"
    other_shape: int = 0
    clip: Clip | None = None
    box: Box = WHOLE


def measure(clip: Clip, options: VideoOptions, report: Reporter) -> Measured:
    """Decode a clip once and measure its frames; once more if most have another shape than those it begins with.

    Raises:
        VideoError: it is too long, cannot be decoded, or has no frames in the part asked for.
    """
    most = MOST_MINUTES * 60
    asked = options.seconds or max(0.0, clip.seconds - options.start)
    if asked > most:
        raise refusals.too_long(clip.path, asked / 60, MOST_MINUTES)
    if clip.seconds and options.start >= clip.seconds:
        raise refusals.nothing_there(clip.path, options.start)
    skipping = _skipping(clip.rate * asked, options.frames or options.fps * asked)
    part = (options.seconds or most + 1.0, max(asked, 0.1))
    frames, ended, decoder = _read(clip, clip.coded, options, *part, report, skipping)
    if (other := _as_most(clip, frames.shapes)) is not None:  # these were measured squeezed into the first one's shape
        frames, ended, decoder = _read(other, clip.coded, options, *part, report, skipping)
        clip = other
    if refusals.took_too_much(ended):
        raise refusals.broken(clip.path, ended)
    count = min(len(frames.times), len(frames.details))
    if not count:
        raise refusals.broken(clip.path, ended)
    times = np.asarray(frames.times[:count])
    if not options.end and times[-1] - options.start > most:
        raise refusals.too_long(clip.path, MOST_MINUTES, MOST_MINUTES, at_least=True)
    reached = times[-1] - options.start + 2.0 / max(clip.rate, 1.0)
    order = np.argsort(times, kind="stable")  # a lying header may have put them into any order
    fits = np.array([_same_shape(clip.coded, shape) for shape in frames.shapes[:count]])[order]
    moments = np.round(times[order] * 1000)
    kept = fits & (np.diff(moments, prepend=-np.inf) > 0)  # of one moment only one can be found again
    if not kept.any():
        raise refusals.broken(clip.path)
    box = clip.eye if clip.eye != WHOLE or shows_all_around(clip) else frames.letterbox.box()
    width, height = small_size(clip)
    return Measured(
        times=times[order][kept],
        keys=np.asarray(frames.keys[:count])[order][kept],
        details=np.asarray(frames.details[:count])[order][kept],
        path=np.asarray(frames.path.lengths[:count])[kept]
        / (max(width * (box.right - box.left), height * (box.bottom - box.top)) / 2),
        cuts=_cuts([cut for cut in frames.path.cuts if cut < count], kept),
        whole=not clip.seconds or reached > 0.9 * min(asked, clip.seconds - options.start),
        skipping=tuple(skipping),
        decoder=ffmpeg.decoded_by(decoder, ended),
        other_shape=int((~fits).sum()),
        clip=clip,
        box=box,
    )


def shows_all_around(clip: Clip) -> bool:
    """Whether its frames are panoramas, or may be: of these nothing is cut off."""
    width, height = clip.stored_size
    return clip.spherical or abs(width - 2 * height) <= 2


def _as_most(clip: Clip, shapes: Sequence[tuple[int, int]]) -> Clip | None:
    """The clip as if it had begun with the shape that most of its frames have; None where it has."""
    if not shapes:
        return None
    counts = Counter(shapes)

    def like(size: tuple[int, int]) -> int:
        return sum(count for other, count in counts.items() if _same_shape(size, other))

    coded = max((size for size, _ in counts.most_common(_MOST_SHAPES)), key=like)
    has_square_pixels = sorted(clip.coded) == sorted((clip.width, clip.height))
    if like(coded) <= like(clip.coded) or not has_square_pixels:
        return None
    width, height = coded if clip.stored_size == (clip.width, clip.height) else coded[::-1]
    return replace(clip, width=width, height=height, coded=coded)


def _read(
    clip: Clip,
    first: tuple[int, int],
    options: VideoOptions,
    seconds: float,
    expected: float,
    report: Reporter,
    skipping: list[str],
) -> tuple[_Frames, ffmpeg.Ended, list[str]]:
    """Decode and measure the part that is asked for, on a GPU if there is one; also options that say where it was.

    Args:
        first: width and height of its first frames.
        seconds: of it that are decoded at most; expected: about how many there are.
        skipping: options of the input that say what is left out.
    """
    ways = ffmpeg.on_gpu(clip.stored_size, small_size(clip)) if ffmpeg.wants_gpu() else []
    for decoder, filters in [*ways, ([], [])]:
        frames, ended = _decode(clip, first, options, seconds, expected, report, [*decoder, *skipping], filters)
        if not ended.status and frames.details:  # a GPU that cannot, whyever, leaves it to what comes after it
            break
    return frames, ended, decoder


def _decode(
    clip: Clip,
    first: tuple[int, int],
    options: VideoOptions,
    seconds: float,
    expected: float,
    report: Reporter,
    decoder: list[str],
    filters: list[str],
) -> tuple[_Frames, ffmpeg.Ended]:
    """What `_read` does in one way.

    Args:
        decoder: options of the input that say where it is decoded, and what is left out.
        filters: what is done with the frames before anything else, where they are decoded.
    """
    width, height = small_size(clip)
    frames = _Frames(width, height, first)

    def take(output: IO[bytes]) -> None:
        while frames.take(output):
            if len(frames.details) > MOST_FRAMES:
                raise refusals.too_large(clip.path, f"it has more than {MOST_FRAMES} frames")
            if frames.last is not None:
                report.progress("reading the video", min(0.999, (frames.last - options.start) / expected))

    part = ["-ss", f"{options.start:.3f}", "-t", f"{seconds:.3f}"]
    scale = ",".join(
        [*filters, f"scale={width}:{height}:flags=area,format=gray,showinfo=checksum=0:udu_sei_as_ascii=0"]
    )
    with TemporaryDirectory() as folder:
        ended = ffmpeg.call(
            [
                *ffmpeg.reading(
                    clip.path.absolute(),
                    clip.demuxer,
                    threads=ffmpeg.threads_for(clip.width * clip.height),
                    before=[*decoder, *part],
                ),
                *("-map", f"0:{clip.stream}", "-vf", scale, "-fps_mode", "passthrough"),
                *("-threads", "1", "-f", "rawvideo", "-protocol_whitelist", "pipe", "OUT"),
            ],
            Path(folder),
            take=take,
            hear=frames.hear(options.start),
            silent=ffmpeg.MOST_SILENT_S,
            limited="-hwaccel" not in decoder,
        )
    return frames, ended


def _cuts(cuts: list[int], kept: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """The cuts, counted in the frames that are kept; none of a clip that goes from view to view in leaps, as one does
    that is made of photos.
    """
    if len(cuts) > _MOST_CUTS * len(kept):
        return ()
    places = sorted({int(kept[:cut].sum()) for cut in cuts})
    return tuple(place for place in places if 0 < place < kept.sum())


def _skipping(frames: float, wanted: float) -> list[str]:
    """How frames are left out that no other is made from, where there are many: an option of the input.

    They take as long to decode as others, are compressed most, and their neighbours show the same.
    """
    return ["-skip_frame", "noref"] if frames > max(_SKIP_FROM, _PLENTY * wanted) else []


def small_size(clip: Clip) -> tuple[int, int]:
    """Width and height of the small frames, as they are stored: multiples of two, at most `LONGEST_SIDE`."""
    factor = min(1.0, LONGEST_SIDE / max(clip.width, clip.height))
    width, height = (max(16, round(side * factor / 2) * 2) for side in clip.stored_size)
    return width, height


def _halved(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Half as wide and high, each pixel the mean of four."""
    rows = np.add(grey[::2], grey[1::2], dtype=np.uint16)
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25), dtype=np.float32)


class _Frames:
    """What is read of a clip, from the decoder's pipe and from what it says of each frame beside that."""

    def __init__(self, width: int, height: int, first: tuple[int, int]) -> None:
        self._size = (height, width)
        self._shape = first
        self._bytes = bytearray(width * height)
        self.times: list[float] = []
        self.keys: list[bool] = []
        self.shapes: list[tuple[int, int]] = []
        self.details: list[tuple[float, float]] = []
        self.path = motion.Path()
        self.letterbox = Letterbox(height, width)

    @property
    def last(self) -> float | None:
        """When the last frame is shown."""
        return self.times[-1] if self.times else None

    def take(self, output: IO[bytes]) -> bool:
        """Measure one more frame; False where there is none."""
        if output.readinto(self._bytes) < len(self._bytes):  # type: ignore[attr-defined]
            return False
        grey = np.frombuffer(self._bytes, dtype=np.uint8).reshape(self._size)
        self.letterbox.add(grey)
        self.details.append(detail(grey[self.letterbox.picture()]))
        self.path.add(_halved(grey))
        return True

    def hear(self, start: float) -> Callable[[str], None]:
        """Takes the decoder's lines, of which those about a frame say when it is shown."""

        def shown(time: float | None, is_key: bool) -> None:
            last = self.times[-1] if self.times else start
            self.times.append(last + _UNKNOWN_STEP if time is None else start + time)
            self.keys.append(is_key)
            self.shapes.append(self._shape)

        tell = heard_times(shown)

        def line(text: str) -> None:
            if found := _CHANGED.search(text):
                self._shape = int(found[1]), int(found[2])
            tell(text)

        return line


def _same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether pictures of these sizes differ in nothing but that, within what codecs round."""
    return abs(one[0] * other[1] - other[0] * one[1]) <= 16 * max(*one, *other)
