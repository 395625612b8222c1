"""Where a clip can be begun at: the frames that are decoded without any other, by what its container says."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from splatworker.video import ffmpeg
from splatworker.video.probe import Clip

_TICK = re.compile(rb"#tb 0: (\d+)/(\d+)")
_PACKET = re.compile(rb"0, *-?\d+, *(-?\d+), *\d+, *\d+, *0x[0-9a-f]+\s*$")
"""Of those that something else is said about, which comes after its sum, none is a key frame."""

_MOST_S = 60.0
"""By the clock: the file is read once, and only its first frames are decoded."""

_MOST_LINES = 1_000_000


def key_times(clip: Clip) -> list[float]:
    """Seconds from the clip's beginning, in order; empty where the container does not tell."""
    ticks: list[int] = []
    tick = Fraction(0)

    def take(output: IO[bytes]) -> None:
        nonlocal tick
        for _ in range(_MOST_LINES):
            if not (line := output.readline(1024)):
                return
            if found := _TICK.match(line):
                tick = Fraction(int(found[1]), max(1, int(found[2])))
            elif found := _PACKET.match(line):
                ticks.append(int(found[1]))

    # To have all but the key frames discarded would be faster, but then some are told a frame or two too late; not to
    # look for more than the container's header says, too, but then nothing tells at which moment its clock begins.
    words = ffmpeg.reading(clip.path.absolute(), clip.demuxer)
    with TemporaryDirectory() as folder:
        ended = ffmpeg.call(
            [*words, "-map", f"0:{clip.stream}", "-c", "copy", "-f", "framecrc", "-protocol_whitelist", "pipe", "OUT"],
            Path(folder),
            take=take,
            seconds=_MOST_S,
        )
    if ended.status or ended.timed_out or not tick:
        return []
    return sorted({float(number * tick) for number in ticks})
