"""Where a clip can be begun at: the frames that are decoded without any other, by what its container says."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from splatworker.video import ffmpeg
from splatworker.video.probe import Clip

_TICK = re.compile(rb"#tb 0: (\d+)/(\d+)")
_PACKET = re.compile(rb"0, *-?\d+, *(-?\d+), *\d+, *(\d+), *0x[0-9a-f]+\s*(.?)")
"""Of those that something else is said about, which comes after its sum, none is a key frame."""

_MOST_S = 60.0
"""By the clock: the file is read once, and only its first frames are decoded."""

_MOST_LINES = 1_000_000


@dataclass
class Packets:
    """The frames of a clip's track in the order in which they are decoded, as its container lists them.

    Attributes:
        tick: of its clock, in seconds; 0 where nothing could be listed.
        moments: ticks from the clip's beginning at which each is shown.
        sizes: bytes of each.
        keys: which of them are decoded without any other.
    """

    tick: Fraction = Fraction(0)
    moments: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    keys: array[int] = field(default_factory=lambda: array("q"))

    def key_times(self) -> list[float]:
        """Seconds from the clip's beginning at which it can be begun, in order."""
        return sorted({float(self.moments[number] * self.tick) for number in self.keys})


def key_times(clip: Clip) -> list[float]:
    """Seconds from the clip's beginning, in order; empty where the container does not tell."""
    return packets(clip).key_times()


def packets(clip: Clip, unwanted: Callable[[], bool] | None = None) -> Packets:
    """What the container lists; nothing where it does not come to an end well.

    Args:
        unwanted: as `ffmpeg.call`.
    """
    found = Packets()

    def take(output: IO[bytes]) -> None:
        for _ in range(_MOST_LINES):
            if not (line := output.readline(1024)):
                return
            if told := _TICK.match(line):
                found.tick = Fraction(int(told[1]), max(1, int(told[2])))
            elif told := _PACKET.match(line):
                if not told[3]:
                    found.keys.append(len(found.moments))
                found.moments.append(int(told[1]))
                found.sizes.append(int(told[2]))

    # To have all but the key frames discarded would be faster, but then some are told a frame or two too late; not to
    # look for more than the container's header says, too, but then nothing tells at which moment its clock begins.
    words = ffmpeg.reading(clip.path.absolute(), clip.demuxer)
    with TemporaryDirectory() as folder:
        ended = ffmpeg.call(
            [*words, "-map", f"0:{clip.stream}", "-c", "copy", "-f", "framecrc", "-protocol_whitelist", "pipe", "OUT"],
            Path(folder),
            take=take,
            seconds=_MOST_S,
            unwanted=unwanted,
        )
    return Packets() if ended.status or ended.timed_out or not found.tick else found
