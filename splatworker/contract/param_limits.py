"""Params beyond what the trainers can use are brought to it, with a word, where what is meant is clear.

Products in front of the worker check their users' values by rules of their own, which may let pass what ours would not:
harmonics of degree 4, a rate of 3. Whoever asks for more than there is gets the most there is. What makes no sense (a
rate below zero, a share above one) is still refused, and so are more iterations than anybody could pay for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from splatworker.contract.params import DECLARED, SCALES
from splatworker.train.training_options import MOST_ITERATIONS

LOWERED = {known.name: known.job_range.at_most for known in DECLARED if known.option.job and known.option.job.clamped}
"""Params of which there can be too much, and the most that is meant then."""

MOMENTS = ("save_iterations", "test_iterations", "checkpoint_iterations")
"""Lists of iterations: those that no training reaches are left out, without a word."""

LEAST_SCALE, MOST_SCALE = SCALES.at_least or 0.0, SCALES.at_most or math.inf


def within_limits(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The params with numbers lowered to the most there is, and a sentence for each that was.

    Whatever else may be wrong with them is left as it is.
    """
    params, notes = dict(given), []
    for name, most in LOWERED.items():
        if _is_number(params.get(name)) and params[name] > most:
            notes.append(f"The param '{name}' is above {most:g}, which is the most there is and was taken instead.")
            params[name] = most
    for name in MOMENTS:
        if isinstance(params.get(name), list):
            params[name] = [entry for entry in params[name] if not (_is_number(entry) and entry > MOST_ITERATIONS)]
    scales = params.get("resolution_scales")
    if isinstance(scales, list) and all(_is_number(scale) and scale > 0 for scale in scales):
        possible = [float(min(MOST_SCALE, max(LEAST_SCALE, scale))) for scale in scales] or [LEAST_SCALE]
        if possible != scales:
            notes.append(f"The param 'resolution_scales' was taken as {possible[:8]}: photos are not enlarged.")
        params["resolution_scales"] = possible
    return params, notes


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
