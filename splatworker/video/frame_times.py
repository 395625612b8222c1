"""When each frame is shown: what the decoder's filter `showinfo` says of it, in whole ticks of the clip's clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

_TICK = re.compile(r"\] config in time_base: (\d+)/(\d+)")
_SHOWN = re.compile(r"\] n: *\d+ pts: *(\S+) .*iskey:([01])")


def heard_times(shown: Callable[[float | None, bool], None]) -> Callable[[str], None]:
    """A listener to the decoder's lines.

    Args:
        shown: is told, of each frame in turn, its seconds (None where it has none), and whether it can be begun at.
    """
    tick = Fraction(1, 1000)

    def line(text: str) -> None:
        nonlocal tick
        if "showinfo" not in text:
            return
        if found := _SHOWN.search(text):
            ticks = found[1]
            shown(float(int(ticks) * tick) if ticks.lstrip("-").isdigit() else None, found[2] == "1")
        elif (found := _TICK.search(text)) and int(found[1]) and int(found[2]):
            tick = Fraction(int(found[1]), int(found[2]))

    return line
