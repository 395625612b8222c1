"""What changes with the iteration: learning rates, the degree of the spherical harmonics, and the dropout.

Iterations count from 1.
"""

from __future__ import annotations

import math

from splatworker.render.interface import Dropout, LearningRates
from splatworker.train.options import Options

SH_REST_RATE_RATIO = 1 / 20
"""Higher harmonics learn this much slower than the constant colour (Kerbl et al. 2023, section 7.1)."""

RATES_FALL_FROM = 2 / 3
"""Of the iterations: from here on rates go from what they were to their `final_rate` share."""


def position_rate(options: Options, extent: float, iteration: int) -> float:
    """The positions' learning rate in the scene's units: log-linear from init to final, then constant."""
    progress = min(1.0, iteration / options.position_lr_max_steps)
    start, end = math.log(options.position_lr_init), math.log(options.position_lr_final)
    return extent * math.exp(start + progress * (end - start))


def share_of_rates(options: Options, iteration: int) -> float:
    """What is left of all rates but the positions' at an iteration: 1, then log-linear to `final_rate` at the end.

    Late steps then average over the photos instead of following the last few, which is worth 0.2 dB on photos held out
    (docs/lab-log/cuda.md, "Density control").
    """
    begin = RATES_FALL_FROM * options.iterations
    progress = (iteration - begin) / (options.iterations - begin)
    return float(options.final_rate ** min(1.0, max(0.0, progress)))


def learning_rates(options: Options, extent: float, iteration: int) -> LearningRates:
    """Adam's step sizes at an iteration, for a scene of this extent."""
    share = share_of_rates(options, iteration)
    return LearningRates(
        means=position_rate(options, extent, iteration),
        quaternions=share * options.rotation_lr,
        log_scales=share * options.scaling_lr,
        opacity_logits=share * options.opacity_lr,
        sh_dc=share * options.feature_lr,
        sh_rest=share * options.feature_lr * SH_REST_RATE_RATIO,
    )


def exposure_rate(options: Options, iteration: int) -> float:
    """How fast the photos' exposures learn: log-linear from init to final at the last iteration, less at first.

    Over the first `exposure_lr_delay_steps` the rate rises from `exposure_lr_delay_mult` of itself by a quarter of a
    sine (Barron et al. 2021, "Mip-NeRF", section 4).
    """
    start, end = math.log(options.exposure_lr_init), math.log(options.exposure_lr_final)
    rate = math.exp(start + min(1.0, iteration / options.iterations) * (end - start))
    if iteration >= options.exposure_lr_delay_steps:
        return rate
    risen = math.sin(math.pi / 2 * iteration / options.exposure_lr_delay_steps)
    return rate * (options.exposure_lr_delay_mult + (1 - options.exposure_lr_delay_mult) * risen)


def active_sh_degree(options: Options, iteration: int) -> int:
    """Spherical harmonics are used up to this degree: one more after every `sh_degree_interval` iterations."""
    return min(options.sh_degree, iteration // options.sh_degree_interval)


def dropout_at(options: Options, iteration: int) -> Dropout:
    """Which Gaussians an iteration leaves out: none at first, `dropout` of them at the end, other ones every time.

    The share grows with the iterations since it is late that photos are learnt by heart (Park et al. 2025).
    """
    return Dropout(options.dropout * iteration / options.iterations, 1_000_003 * options.seed + iteration)
