"""How a lens darkens corners, by least squares of what its photos show, and when that is clear."""

from __future__ import annotations

import numpy as np
import pytest

from splatworker.train import falloff_fit
from splatworker.train.falloff import STEPS, basis
from splatworker.train.falloff_fit import CERTAIN, Sample, clear_fall, fitted

PHOTOS = 12


def sample(steps: np.ndarray, noise: float = 0.02, seed: int = 0) -> Sample:
    """Of 300 points, each seen by six photos somewhere, which have gains of their own."""
    dice = np.random.default_rng(seed)
    point = np.repeat(np.arange(300), 6)
    photo = np.concatenate([dice.permutation(PHOTOS)[:6] for _ in range(300)])
    squared, aside = dice.uniform(0, 1, len(point)), dice.normal(0, 0.2, (len(point), 2))
    light = dice.normal(-1, 0.5, 300)[point] + dice.normal(0, 0.3, PHOTOS)[photo] - basis(squared) @ steps
    others = np.column_stack([(aside**2).sum(axis=1), (aside**4).sum(axis=1)])
    return Sample(photo, point, light + dice.normal(0, noise, len(point)), squared, aside, others)


@pytest.mark.parametrize("steps", [np.full(STEPS, 0.1), np.linspace(0, 0.2, STEPS)])
def test_a_fall_is_found_whatever_points_and_photos_are_like(steps: np.ndarray) -> None:
    fit = fitted(sample(steps), PHOTOS)
    assert fit.falloff.steps == pytest.approx(steps, abs=0.02)
    assert fit.certainty > 3 * CERTAIN
    assert min(fit.foretold, fit.told) > 0.5
    assert clear_fall(sample(steps), PHOTOS) is not None


@pytest.mark.parametrize("seed", range(3))
def test_what_is_even_has_none(seed: int) -> None:
    assert clear_fall(sample(np.zeros(STEPS), seed=seed), PHOTOS) is None


def test_photos_that_contradict_each_other_make_it_less_sure() -> None:
    steps = np.full(STEPS, 0.02)
    sure, unsure = (fitted(sample(steps, noise), PHOTOS) for noise in (0.02, 0.4))
    assert sure.certainty > 2 * abs(unsure.certainty)
    assert sure.foretold > 5 * abs(unsure.foretold)


def test_a_point_s_constant_alone_is_the_first_of_its_shapes() -> None:
    """Without directions it takes no decomposition."""
    dice = np.random.default_rng(6)
    point, weight = dice.integers(0, 50, 400), dice.uniform(0.2, 1.0, 400)
    columns = dice.normal(size=(400, 2))
    alone = Sample(point % 8, point, columns[:, 0], columns[:, 1] ** 2, columns[:, :0], columns)
    aside = alone._replace(aside=columns)
    short, long = falloff_fit._shapes(alone, weight), falloff_fit._shapes(aside, weight)
    assert (short.shape, long.shape) == ((400, 1), (400, 3))
    np.testing.assert_allclose(short[:, 0], long[:, 0], rtol=1e-12)
