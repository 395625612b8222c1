"""SPZ as we write it: as many bits as a splat needs, and harmonics as coarse as its size asks for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from support.any_splats import random_splat

from splatworker.splat_files.spz import SH_STEPS, fractional_bits, harmonic_step, write_spz
from splatworker.splat_files.spz_reader import read_spz


def test_small_gaussians_get_more_bits_and_far_ones_fewer() -> None:
    splat = random_splat(100, 0)
    fine = dataclasses.replace(splat, log_scales=splat.log_scales - np.float32(8))
    far = dataclasses.replace(fine, means=fine.means * np.float32(1e5))
    assert fractional_bits(fine) > fractional_bits(splat)
    assert fractional_bits(far) < fractional_bits(fine)
    assert np.abs(far.means).max() * 2 ** fractional_bits(far) < 2**23


def test_harmonics_without_noise_are_kept_finer_than_noise() -> None:
    noise = random_splat(2000, 3)
    calm = dataclasses.replace(noise, sh_rest=np.zeros_like(noise.sh_rest))
    bits = fractional_bits(noise)
    assert harmonic_step(calm, bits) == SH_STEPS[0]
    assert harmonic_step(noise, bits) > SH_STEPS[0]
    assert harmonic_step(random_splat(10, 0), bits) == 1


@pytest.mark.parametrize("step", [1, 8])
def test_a_step_is_what_harmonics_lose_at_most(step: int, tmp_path: Path) -> None:
    splat = random_splat(50, 1)
    splat = dataclasses.replace(splat, sh_rest=np.clip(splat.sh_rest, -0.9, 0.9))
    write_spz(tmp_path / "a.spz", splat, step=step)
    stored = read_spz(tmp_path / "a.spz")
    assert np.abs(stored.sh_rest - splat.sh_rest).max() <= step / 128 / 2 + 1e-6


@pytest.mark.parametrize("log_scale", [-1e14, -100.0, 43.0])
@pytest.mark.parametrize("reach", [1e-30, 1.0, 1e14])
def test_any_numbers_are_stored_and_far_ones_stay_far(log_scale: float, reach: float, tmp_path: Path) -> None:
    splat = random_splat(50, 1)
    means = splat.means * np.float32(reach)
    splat = dataclasses.replace(splat, log_scales=np.full_like(splat.log_scales, log_scale), means=means)
    write_spz(tmp_path / "a.spz", splat)
    stored = read_spz(tmp_path / "a.spz")
    bits = fractional_bits(splat)
    expected = np.clip(means.astype(np.float64), -(2.0 ** (23 - bits)), 2.0 ** (23 - bits))
    assert np.abs(stored.means - expected).max() <= 2.0**-bits
