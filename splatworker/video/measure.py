"""Every frame of a clip once, small and grey: when it is shown, how sharp it is, how far the picture has moved."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from splatworker.machine import operator_limits
from splatworker.stages.progress import Reporter
from splatworker.video import refusals
from splatworker.video.options import FEWEST_FRAMES, VideoOptions
from splatworker.video.probe import WHOLE, Box, Clip
from splatworker.video.reading import Before, Reading, nothing_before, read
from splatworker.video.small_frames import small_size

MOST_MINUTES = operator_limits.value("SPLATWORKER_VIDEO_MINUTES")

_MOST_CUTS = 0.05
"""Share of a clip's frames that may follow upon a cut."""

_SKIP_FROM, _PLENTY = 240, 6
"""Frames of a clip, and for each that is wanted, from which on some are left out."""

_SAME_MOMENT = 0.0005
"""Seconds; times are told in whole milliseconds."""

_MOST_SHAPES = 16
"""Sizes of a clip's frames that are thought of, the commonest."""

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
        why_cpu: why not a GPU where that is wanted, else "".
        damaged: how many frames could not be decoded whole, or not at all.
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
    why_cpu: str = ""
    damaged: int = 0
    other_shape: int = 0
    clip: Clip | None = None
    box: Box = WHOLE


def what_to_read(clip: Clip, options: VideoOptions) -> Reading:
    """What is read of a clip, as its header describes it.

    Raises:
        VideoTooLong: it is too long.
    """
    most = MOST_MINUTES * 60
    there = max(0.0, clip.seconds - options.start)
    asked = min(options.seconds, there) if options.seconds and there else options.seconds or there
    if asked > most:
        raise refusals.too_long(clip.path, asked / 60, MOST_MINUTES)
    skipping = _skipping(clip.rate * asked, options.frames or options.fps * asked)
    expected = asked if clip.seconds else 0.0
    return Reading(clip, options.start, min(options.seconds or math.inf, most + 1.0), expected, skipping)


def measure(clip: Clip, options: VideoOptions, report: Reporter, before: Before = nothing_before) -> Measured:
    """Decode a clip once and measure its frames; once more if most have another shape than those it begins with.

    Args:
        before: what was read already.

    Raises:
        VideoError: it is too long, cannot be decoded, or has no frames in the part asked for.
    """
    most = MOST_MINUTES * 60
    reading = what_to_read(clip, options)
    frames, ended, decoder, why_cpu = read(reading, report, before)
    if (other := _as_most(clip, frames.shapes)) is not None:  # these were measured squeezed into the first one's shape
        frames, ended, decoder, why_cpu = read(replace(reading, clip=other), report)
        clip = other
    if refusals.took_too_much(ended):
        raise refusals.broken(clip.path, ended)
    count = min(len(frames.times), len(frames.details))
    if not count and options.start and not ended.status:
        raise refusals.nothing_there(clip.path, options.start)
    if not count:
        raise refusals.broken(clip.path, ended)
    times = np.asarray(frames.times[:count])
    if min(times[-1], options.end or math.inf) - options.start > most:
        raise refusals.too_long(clip.path, MOST_MINUTES, MOST_MINUTES, at_least=True)
    reached = times[-1] - options.start + 2.0 / max(clip.rate, 1.0)
    order = np.argsort(times, kind="stable")  # a lying header may have put them into any order
    fits = np.array([_same_shape(clip.coded, shape) for shape in frames.shapes[:count]])[order]
    within = times[order] <= (options.end or math.inf) + _SAME_MOMENT  # the decoder counts from the first that it finds
    if not within.any():
        raise refusals.too_short(clip.path, 0, FEWEST_FRAMES, part=True)
    moments = np.round(times[order] * 1000)
    kept = fits & within & (np.diff(moments, prepend=-np.inf) > 0)  # of one moment only one can be found again
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
        whole=not clip.seconds or reached > 0.9 * reading.expected,
        skipping=reading.skipping,
        decoder=decoder,
        why_cpu=why_cpu,
        damaged=frames.damaged,
        other_shape=int((within & ~fits).sum()),
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


def _cuts(cuts: list[int], kept: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """The cuts, counted in the frames that are kept; none of a clip that goes from view to view in leaps, as one does
    that is made of photos.
    """
    if len(cuts) > _MOST_CUTS * len(kept):
        return ()
    places = sorted({int(kept[:cut].sum()) for cut in cuts})
    return tuple(place for place in places if 0 < place < kept.sum())


def _skipping(frames: float, wanted: float) -> tuple[str, ...]:
    """How frames are left out that no other is made from, where there are many: an option of the input.

    They take as long to decode as others, are compressed most, and their neighbours show the same.
    """
    return ("-skip_frame", "noref") if frames > max(_SKIP_FROM, _PLENTY * wanted) else ()


def _same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether pictures of these sizes differ in nothing but that, within what codecs round."""
    return abs(one[0] * other[1] - other[0] * one[1]) <= 16 * max(*one, *other)
