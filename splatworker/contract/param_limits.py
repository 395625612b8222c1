"""Params beyond what the trainers can use are brought to it, or left out, with a word.

Products in front of the worker check their users' values by rules of their own, which may let pass what ours would not:
harmonics of degree 4, a rate of 3. Whoever asks for more than there is gets the most there is (`within_limits`). What
a page sends that nobody can have meant leaves the choice to the worker (`without_nonsense`): a field that was emptied
arrives as null (JavaScript's NaN has no other JSON), a typing error as a rate below zero or an interval of 0. A job
that has been paid for is not refused for that. Of params that we alone know, which no such product sends, and of other
types, nothing is guessed; and more iterations than anybody could pay for are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from splatworker.contract.params import DECLARED, SCALES
from splatworker.stages.options import Range
from splatworker.train.training_options import MOST_ITERATIONS

LOWERED = {known.name: known.job_range.at_most for known in DECLARED if known.option.job and known.option.job.clamped}
"""Params of which there can be too much, and the most that is meant then."""

MOMENTS = ("save_iterations", "test_iterations", "checkpoint_iterations")
"""Lists of iterations: those that no training reaches are left out, without a word."""

NUMBERS = {
    known.name: known
    for known in DECLARED
    if known.kind in (int, float) and known.option.job and known.option.whose == "original"
}
"""Params of the original trainer that are a number."""

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


def without_nonsense(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The params without numbers of the original's that are null, or so small that they mean nothing, and with whole
    numbers where there is a fraction; and a sentence for each that was changed.

    Whatever else may be wrong with them is left as it is.
    """
    params, notes = dict(given), []
    for name, known in NUMBERS.items():
        if name not in params:
            continue
        value = params[name]
        if value is None:
            notes.append(f"The param '{name}' is null, and was left out.")
            del params[name]
            continue
        if known.kind is int and isinstance(value, float) and math.isfinite(value) and not value.is_integer():
            params[name] = math.floor(value + 0.5)
            notes.append(f"The param '{name}' is {value:g}, and {params[name]} was taken: it is a whole number.")
        if name in LOWERED and _is_number(params[name]) and _is_below(params[name], known.job_range):
            notes.append(f"The param '{name}' is {value:g}, less than it can be, and was left out.")
            del params[name]
    for name in MOMENTS:
        entries = params.get(name)
        if isinstance(entries, list) and any(_is_number(entry) and entry < 1 for entry in entries):
            params[name] = [entry for entry in entries if not (_is_number(entry) and entry < 1)]
            notes.append(f"The param '{name}' has iterations below 1, which were left out.")
    return params, notes


def _is_below(value: float, limits: Range) -> bool:
    return (limits.at_least is not None and value < limits.at_least) or (
        limits.above is not None and value <= limits.above
    )


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
