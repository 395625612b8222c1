"""Params beyond what the trainers can use are brought to it, with a word, where what is meant is clear.

Products in front of the worker check their users' values by rules of their own, which may let pass what ours would not:
harmonics of degree 4, a rate of 3. Whoever asks for more than there is gets the most there is. What makes no sense (a
rate below zero, a share above one) is still refused, and so are more iterations than anybody could pay for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import annotated_types

from splatworker.contract.params import MOST_ITERATIONS, Params

LOWERED = (
    "sh_degree",
    "position_lr_init",
    "position_lr_final",
    "position_lr_delay_mult",
    "position_lr_max_steps",
    "feature_lr",
    "opacity_lr",
    "scaling_lr",
    "rotation_lr",
    "exposure_lr_init",
    "exposure_lr_final",
    "exposure_lr_delay_steps",
    "percent_dense",
    "densification_interval",
    "opacity_reset_interval",
    "densify_from_iter",
    "densify_until_iter",
    "densify_grad_threshold",
)
"""Params of which there can be too much, and then the most is meant."""

MOMENTS = ("save_iterations", "test_iterations", "checkpoint_iterations")
"""Lists of iterations: those that no training reaches are left out, without a word."""

LEAST_SCALE, MOST_SCALE = 1.0, 64.0
"""Of `resolution_scales`: photos are not enlarged, and not shrunk to nothing."""


def within_limits(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The params with numbers lowered to the most there is, and a sentence for each that was.

    Whatever else may be wrong with them is left as it is.
    """
    params, notes = dict(given), []
    for name in LOWERED:
        most = _most(name)
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


def _most(name: str) -> Any:
    (bound,) = (bound.le for bound in Params.model_fields[name].metadata if isinstance(bound, annotated_types.Le))
    return bound


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
