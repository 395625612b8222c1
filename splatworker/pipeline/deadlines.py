"""How a job's deadline is shared out among its stages."""

from __future__ import annotations

import time
from collections.abc import Mapping

SHARES: Mapping[str, float] = {"fetch": 0.4, "frames": 0.5, "photos": 0.6, "sfm": 0.8, "train": 0.9}
"""How much of a job's time may be gone when a stage ends: what it leaves must do for those after it."""

EXTRA_SHARES: Mapping[str, float] = {"object": 0.6}
"""The same of stages that a job can do without: a share of what is left when they start."""


def stage_deadline(stage: str, deadline: float | None) -> float | None:
    """When a stage must have ended, for a job that starts now to meet its deadline (both `time.monotonic()`)."""
    if deadline is None:
        return None
    now = time.monotonic()
    return now + {**SHARES, **EXTRA_SHARES}[stage] * max(0.0, deadline - now)
