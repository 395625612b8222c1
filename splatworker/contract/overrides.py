"""Which of a job's params ask for something, and which only repeat what nobody has chosen.

A product in front of the worker often sends every param with every job, as the original trainer's table of defaults and
its own presets have them. Such a value leaves the choice to our own schedule; one that differs is an override, and
is applied by itself, whatever the others say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from splatworker.stages.options import declared
from splatworker.train.training_options import TrainingOptions

ORIGINALS: Mapping[str, float] = {
    known.name: known.default
    for known in declared(TrainingOptions)
    if known.kind in (int, float) and known.option.job and known.job_default != known.default
}
"""The original trainer's defaults where ours differ: `iterations` 30000 and `opacity_lr` 0.025."""

END_OF_DENSITY_CONTROL = (1 / 2, 4 / 5, 5 / 6, 6 / 7)
"""Of the iterations: where the original's default (15 000 of 30 000) and presets put `densify_until_iter`."""

PRESETS: Mapping[int, int] = {3000: 2500, 7000: 6000, 15_000: 12_000, 30_000: 25_000}
"""`position_lr_max_steps` and `densify_until_iter` of presets of so many iterations, which stay behind in jobs whose
`iterations` a person has changed."""

SCALED = frozenset({"densify_grad_threshold"})
"""Params that mean something beside the original's density control: an override multiplies ours by as much as
it differs."""

MOMENTS = frozenset({"position_lr_max_steps", "densify_from_iter", "densify_until_iter"})
"""Params that are a moment in the training: where fewer iterations are trained than asked for, it comes sooner."""


LIMITS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("feature_lr", "scaling_lr", "rotation_lr"), (0.0, 10.0)),
    **dict.fromkeys(("position_lr_init", "position_lr_final"), (0.0, 100.0)),
    "densify_grad_threshold": (0.1, math.inf),
}
"""Multiples of its default that an override may be beside our own schedule. Beyond them Gaussians grow over whole
photos, or become more than any machine can hold: the job would end in its deadline, and not in a splat."""


def within_bounds(name: str, value: Any, default: Any) -> Any:
    """An override within its limits."""
    if name not in LIMITS:
        return value
    least, most = LIMITS[name]
    return min(max(value, least * default), most * default)


def is_default_or_preset(name: str, given: Mapping[str, Any], iterations: int, default: Any) -> bool:
    """Whether a given param leaves the choice to us.

    Args:
        name: the param's.
        given: every param that the job gives.
        iterations: the job's, or the default.
        default: the param's.
    """
    value = given[name]
    if _same(value, default) or (name in ORIGINALS and _same(value, ORIGINALS[name])):
        return True
    if name == "position_lr_max_steps":
        return bool(value == iterations) or _is_a_presets(value, given.get("densify_until_iter"))
    if name == "densify_until_iter":
        follows = any(value == round(share * iterations) for share in END_OF_DENSITY_CONTROL)
        return follows or value >= iterations or _is_a_presets(given.get("position_lr_max_steps"), value)
    return False


def applied(name: str, value: Any, ours: Any, default: Any, share: float) -> Any:
    """What an override comes to beside our own choice.

    Args:
        name: the param's.
        value: the given one.
        ours: what we would choose.
        default: the param's.
        share: of the iterations asked for, how much is trained.
    """
    value = within_bounds(name, value, default)
    if name in SCALED:
        return value if ours == default else ours * (value / default)
    if name in MOMENTS and share < 1:
        return max(1, round(value * share))
    return value


def _is_a_presets(max_steps: Any, densify_until: Any) -> bool:
    return (max_steps, densify_until) in PRESETS.items()


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, float) and isinstance(default, float | int):
        return math.isclose(value, default, rel_tol=1e-9)
    return bool(value == default)
