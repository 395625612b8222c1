"""When each frame is shown, and how large it is: what the filter `showinfo` says, in ticks of the clip's clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

_TICK = re.compile(r"\] config in time_base: (\d+)/(\d+)")
_SHOWN = re.compile(r"\] n: *\d+ pts: *(\S+) .*\bs:(\d+)x(\d+) .*iskey:([01])")


def heard_times(shown: Callable[[float | None, bool, tuple[int, int]], None]) -> Callable[[str], None]:
    """A listener to the decoder's lines.

    Args:
        shown: is told, of each frame in turn, its seconds (None where it has none), whether it can be begun at, and its
            width and height.
    """
    tick = Fraction(1, 1000)

    def line(text: str) -> None:
        nonlocal tick
        if "showinfo" not in text:
            return
        if found := _SHOWN.search(text):
            ticks = found[1]
            seconds = float(int(ticks) * tick) if ticks.lstrip("-").isdigit() else None
            shown(seconds, found[4] == "1", (int(found[2]), int(found[3])))
        elif (found := _TICK.search(text)) and int(found[1]) and int(found[2]):
            tick = Fraction(int(found[1]), int(found[2]))

    return line
