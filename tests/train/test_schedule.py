"""Learning rates and the degree of the spherical harmonics over the iterations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from splatworker.train.options import Options
from splatworker.train.schedule import (
    active_sh_degree,
    dropout_at,
    exposure_rate,
    learning_rates,
    position_rate,
    share_of_rates,
)


def _options(**changes: Any) -> Options:
    return Options(source_path=Path("s"), model_path=Path("m"), **changes)


def test_position_rate_falls_log_linearly_and_scales_with_the_extent() -> None:
    options = _options(position_lr_max_steps=1000)
    assert position_rate(options, 2.0, 0) == pytest.approx(2 * 0.00016)
    assert position_rate(options, 2.0, 500) == pytest.approx(2 * 0.000016)  # the geometric mean
    assert position_rate(options, 2.0, 1000) == pytest.approx(2 * 0.0000016)
    assert position_rate(options, 2.0, 5000) == pytest.approx(2 * 0.0000016)


def test_rates_go_to_their_own_parameters() -> None:
    rates = learning_rates(_options(opacity_lr=0.05), 3.0, 1)
    assert rates.quaternions == 0.001
    assert rates.log_scales == 0.005
    assert rates.opacity_logits == 0.05
    assert rates.sh_dc == 0.0025
    assert rates.sh_rest == pytest.approx(0.0025 / 20)
    assert rates.means == position_rate(_options(), 3.0, 1)


def test_the_last_third_falls_to_the_final_rate() -> None:
    options = _options(iterations=900, final_rate=0.01)
    shares = [share_of_rates(options, iteration) for iteration in (1, 600, 750, 900)]
    assert shares == pytest.approx([1, 1, 0.1, 0.01])
    assert share_of_rates(_options(iterations=900), 900) == 1
    start, end = (learning_rates(options, 3.0, iteration) for iteration in (1, 900))
    assert end[1:] == pytest.approx([rate / 100 for rate in start[1:]])
    assert end.means == position_rate(options, 3.0, 900)  # positions have a decay of their own


def test_the_rate_of_exposures_falls_log_linearly_after_its_delay() -> None:
    options = _options(iterations=1000)
    assert [exposure_rate(options, i) for i in (0, 500, 1000)] == pytest.approx([0.01, 0.01 * 10**-0.5, 0.001])
    late = _options(iterations=1000, exposure_lr_delay_steps=300, exposure_lr_delay_mult=0.1)
    shares = [exposure_rate(late, i) / exposure_rate(options, i) for i in (0, 100, 150, 300, 301)]
    assert shares == pytest.approx([0.1, 0.1 + 0.9 * 0.5, 0.1 + 0.9 * 2**-0.5, 1, 1])
    assert exposure_rate(_options(iterations=1000, exposure_lr_delay_steps=10), 0) == 0


def test_a_degree_more_every_thousand_iterations() -> None:
    degrees = [active_sh_degree(_options(), i) for i in (1, 999, 1000, 1999, 2000, 3000, 30_000)]
    assert degrees == [0, 0, 1, 1, 2, 3, 3]
    assert active_sh_degree(_options(sh_degree=1, sh_degree_interval=10), 500) == 1


def test_dropout_grows_to_its_share_and_never_repeats() -> None:
    options = _options(iterations=1000, dropout=0.2, seed=3)
    steps = [dropout_at(options, iteration) for iteration in range(1, 1001)]
    assert [step.share for step in steps[::250]] == pytest.approx([0.0002, 0.0502, 0.1002, 0.1502])
    assert steps[-1].share == 0.2
    assert len({step.seed for step in steps}) == 1000
    assert dropout_at(_options(iterations=1000, seed=4, dropout=0.2), 1).seed not in {step.seed for step in steps}
    assert dropout_at(_options(), 500).share == 0
