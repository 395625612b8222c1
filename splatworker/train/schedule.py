"""What changes with the iteration: the position's learning rate and the degree of the spherical harmonics.

Iterations count from 1.
"""

from __future__ import annotations

import math

from splatworker.render.interface import LearningRates
from splatworker.train.options import Options

SH_REST_RATE_RATIO = 1 / 20
"""Higher harmonics learn this much slower than the constant colour (Kerbl et al. 2023, section 7.1)."""


def position_rate(options: Options, extent: float, iteration: int) -> float:
    """The positions' learning rate in the scene's units: log-linear from init to final, then constant."""
    progress = min(1.0, iteration / options.position_lr_max_steps)
    start, end = math.log(options.position_lr_init), math.log(options.position_lr_final)
    return extent * math.exp(start + progress * (end - start))


def learning_rates(options: Options, extent: float, iteration: int) -> LearningRates:
    """Adam's step sizes at an iteration, for a scene of this extent."""
    return LearningRates(
        means=position_rate(options, extent, iteration),
        quaternions=options.rotation_lr,
        log_scales=options.scaling_lr,
        opacity_logits=options.opacity_lr,
        sh_dc=options.feature_lr,
        sh_rest=options.feature_lr * SH_REST_RATE_RATIO,
    )


def active_sh_degree(options: Options, iteration: int) -> int:
    """Spherical harmonics are used up to this degree: one more after every `sh_degree_interval` iterations."""
    return min(options.sh_degree, iteration // options.sh_degree_interval)
