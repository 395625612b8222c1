"""What density control knows of a Gaussian; on a GPU: render/gpu_kernel_cases.py."""

from __future__ import annotations

import math

import pytest
from support.kinds import numbers_on, on_either

from splatworker.render.arrays import Device
from splatworker.render.interface import DensityStatistics
from splatworker.train.density_facts import facts_of, mean_gradients

CASES = [
    # norms, views, the three scales: wanted, small, fits
    ((0.4, 2, (0, 0, 0)), (True, True, True)),
    ((0.39, 2, (1, 0, 0)), (False, True, True)),  # as small as a small one may be
    ((0.4, 3, (0, 1.1, 0)), (False, False, True)),
    ((0.2, 0, (0, 0, 3.1)), (False, False, False)),  # nobody has seen it
    ((0.2, 0.5, (0, 0, 0)), (True, True, True)),
    ((math.nan, 1, (0, math.nan, 0)), (False, False, False)),
]


@on_either
@pytest.mark.parametrize(("given", "expected"), CASES)
def test_each_fact(
    device: Device, given: tuple[float, float, tuple[float, ...]], expected: tuple[bool, bool, bool]
) -> None:
    norm, views, scales = given
    statistics = DensityStatistics(numbers_on(device, [norm]), numbers_on(device, [views]))
    facts = facts_of(statistics, numbers_on(device, [scales]), 0.2, 1.0, 3.0)
    assert tuple(bool(fact[0]) for fact in facts) == expected


@on_either
def test_a_gradient_is_the_mean_over_the_photos_that_saw(device: Device) -> None:
    statistics = DensityStatistics(numbers_on(device, [6, 5, 0]), numbers_on(device, [3, 0, 0]))
    assert mean_gradients(statistics).tolist() == [2, 5, 0]
