"""How long a training takes on a machine without a GPU, told before it begins.

A step costs so much for each Gaussian and so much for each pixel, and the processors share it. The two prices were
measured on two cores with AVX2 (docs/benchmarks.md, "CPU training ... how it grows"), where they give each of the
eight steps there to an eighth: from 10 000 to 200 000 Gaussians, from 225x400 to 900x1600 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

SECONDS_A_GAUSSIAN = 1.0e-6 * 2
SECONDS_A_PIXEL = 1.28e-7 * 2
"""Of one core, for a step."""

USUAL_GAUSSIANS = 130_000
"""Of a training without a bound: what fox has after 7000 iterations."""

SHARE_ON_AVERAGE = 0.6
"""Of the Gaussians that there are at the end, over a training."""

PHASES = ((0.25, 1 / 16), (0.6, 1 / 4), (1.0, 1.0))
"""Share of the Gaussians and of the pixels while photos are at a quarter of their width, at half of it, and whole."""


def training_seconds(values: Mapping[str, Any], pixels: int, cores: int) -> float:
    """About how long a training with these resolved parameters takes.

    Args:
        values: as `schedule.resolve` gives them.
        pixels: of a photo.
        cores: processors that train.
    """
    iterations, coarse = values["iterations"], min(values["coarse_iterations"], values["iterations"])
    steps = (coarse // 2, coarse - coarse // 2, iterations - coarse)
    gaussians = SHARE_ON_AVERAGE * float(values["max_gaussians"] or USUAL_GAUSSIANS)
    costs: list[float] = [
        count * (share * gaussians * SECONDS_A_GAUSSIAN + part * pixels * SECONDS_A_PIXEL)
        for count, (share, part) in zip(steps, PHASES, strict=True)
    ]
    return with_teachers(sum(costs), values) / max(1, cores)


def with_teachers(cost: float, values: Mapping[str, Any]) -> float:
    """What a training costs whose own iterations cost so much, the teachers' in proportion."""
    return float(cost * (1 + values["teachers"] * values["teacher_iterations"] / values["iterations"]))


def in_words(seconds: float) -> str:
    """A time that is no more than an estimate: "about 4 minutes"."""
    minutes = max(1, math.ceil(seconds / 60))
    if minutes < 120:
        return f"about {minutes} minute{'s' * (minutes > 1)}"
    return f"about {math.ceil(minutes / 60)} hours"
