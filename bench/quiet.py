"""Times of a step on a machine that others may use too: how long it took, and how busy the others were meanwhile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

QUIET = 0.1
"""A sample counts as undisturbed when others took less than this share of the processors while it ran."""


class Sample(NamedTuple):
    """One timed call: seconds by the clock, processor seconds of this process, share of the processors others took."""

    wall: float
    cpu: float
    others: float


def _busy_seconds() -> float:
    """Processor seconds that anybody has used since the machine started, the hypervisor's share included."""
    user, nice, system, _idle, _wait, irq, soft_irq, steal = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + soft_irq + steal) / os.sysconf("SC_CLK_TCK")


def sample(step: Callable[[], object], repeats: int = 1) -> Sample:
    """Call `step` so often, and give the times of one. The system counts in hundredths: let it last half a second."""
    busy, cpu, wall = _busy_seconds(), time.process_time(), time.perf_counter()
    for _ in range(repeats):
        step()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    others = (_busy_seconds() - busy - cpu) / (wall * (os.cpu_count() or 1))
    return Sample(wall / repeats, cpu / repeats, max(0.0, others))


def wait_for_quiet(deadline: float) -> None:
    """Wait until others leave the processors alone for half a second, or until `deadline` by `time.monotonic`."""
    while time.monotonic() < deadline and sample(lambda: time.sleep(0.5)).others >= QUIET:
        pass


def quiet(samples: list[Sample]) -> int:
    """How many of the samples were undisturbed."""
    return sum(s.others < QUIET for s in samples)


def undisturbed(samples: list[Sample]) -> list[Sample]:
    """The samples that count: the quiet ones, or where there are none the quietest third."""
    return [s for s in samples if s.others < QUIET] or sorted(samples, key=lambda s: s.others)[: -(-len(samples) // 3)]


def median(samples: list[Sample], field: str = "wall") -> float:
    """The median of a field over the samples that count."""
    return float(statistics.median(getattr(s, field) for s in undisturbed(samples)))
