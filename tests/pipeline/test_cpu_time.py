"""How long a training on a CPU takes, by the steps that were measured."""

from __future__ import annotations

import pytest

from splatworker.contract import params, schedule
from splatworker.pipeline import cpu_time

MEASURED = [
    *((10_000, 450 * 800, 50.2), (20_000, 450 * 800, 68.0), (50_000, 450 * 800, 96.8), (100_000, 450 * 800, 151.5)),
    *((200_000, 450 * 800, 240.6), (50_000, 225 * 400, 59.8), (50_000, 450 * 800, 93.4), (50_000, 900 * 1600, 231.2)),
]
"""Gaussians, pixels, and milliseconds a step on two cores: docs/benchmarks.md."""


@pytest.mark.parametrize(("gaussians", "pixels", "milliseconds"), MEASURED)
def test_the_estimate_gives_the_steps_that_were_measured(gaussians: int, pixels: int, milliseconds: float) -> None:
    values = {"iterations": 1000, "coarse_iterations": 0, "max_gaussians": gaussians / cpu_time.SHARE_ON_AVERAGE}
    values |= {"teachers": 0, "teacher_iterations": 1}
    assert cpu_time.training_seconds(values, pixels, 2) == pytest.approx(milliseconds, rel=1 / 8)


def test_shrunk_photos_and_processors_make_it_shorter() -> None:
    values = schedule.resolve(params.Params(), preview=False)
    whole = cpu_time.training_seconds(values | {"coarse_iterations": 0}, 1_000_000, 2)
    assert cpu_time.training_seconds(values, 1_000_000, 2) < whole
    assert cpu_time.training_seconds(values | {"coarse_iterations": 0}, 1_000_000, 8) == pytest.approx(whole / 4)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "about 1 minute"), (61, "about 2 minutes"), (7199, "about 2 hours"), (9000, "about 3 hours")],
)
def test_a_time_in_words(seconds: int, words: str) -> None:
    assert cpu_time.in_words(seconds) == words


def test_teachers_take_their_share() -> None:
    values = schedule.resolve(params.Params(), preview=False) | {"teachers": 0}
    alone = cpu_time.training_seconds(values, 1_000_000, 2)
    taught = values | {"teachers": 2, "teacher_iterations": values["iterations"] // 2}
    assert cpu_time.training_seconds(taught, 1_000_000, 2) == pytest.approx(2 * alone)
