"""The rule of Kerbl et al.: who is cloned, split, pruned, and when."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from support.gaussian_scenes import logit, random_gaussians

from splatworker.render.reference import rotation_matrices
from splatworker.train.density import GradientDensity, rotate, split_gaussians
from splatworker.train.model import Model
from splatworker.train.options import Options

EXTENT = 10.0
SMALL, LARGE = math.log(0.05), math.log(0.5)  # under and over percent_dense = 0.01 of the extent


def _strategy(**changes: Any) -> GradientDensity:
    values = {"densify_from_iter": 100, "densification_interval": 100, "densify_until_iter": 5000} | changes
    options = Options(source_path=Path("s"), model_path=Path("m"), **values)
    return GradientDensity(options, EXTENT, torch.Generator().manual_seed(0))


def _model(log_scales: Any, opacities: Any, gradients: Any, views: Any = None) -> Model:
    count = len(log_scales)
    model = Model(random_gaussians(count, sh_degree=1))
    model.parameters.log_scales.copy_(torch.tensor(log_scales)[:, None].expand(-1, 3))
    model.parameters.opacity_logits.copy_(torch.tensor([logit(opacity) for opacity in opacities]))
    views = torch.tensor(views or [2] * count, dtype=torch.float32)
    model.statistics.gradient_norm_sum.copy_(torch.tensor(gradients) * views)
    model.statistics.view_count.copy_(views)
    return model


def test_small_are_cloned_large_are_split_others_stay() -> None:
    model = _model([SMALL, LARGE, SMALL, LARGE], [0.5] * 4, [3e-4, 3e-4, 1e-4, 1e-4])
    before = model.parameters.means.clone()
    _strategy().after_step(200, model)
    means, log_scales = model.parameters.means, model.parameters.log_scales
    # First stay 0, 2 and 3 in their order, then the clone of 0, then the two parts of 1.
    assert torch.equal(means[:4], before[[0, 2, 3, 0]])
    assert len(model) == 6
    torch.testing.assert_close(log_scales[4:], torch.full((2, 3), LARGE - math.log(1.6)))
    assert not torch.equal(means[4], means[5])
    assert not model.statistics.view_count.any()


def test_the_mean_over_the_views_that_saw_it_decides() -> None:
    model = _model([SMALL, SMALL, SMALL], [0.5] * 3, [3e-4, 1e-4, 0.0], views=[1, 50, 0])
    _strategy().after_step(200, model)
    assert len(model) == 4


@pytest.mark.parametrize(("iteration", "grows"), [(100, False), (150, False), (200, True), (4900, True), (5000, False)])
def test_when_it_densifies(iteration: int, grows: bool) -> None:
    model = _model([SMALL], [0.5], [1.0])
    _strategy(opacity_reset_interval=100_000).after_step(iteration, model)
    assert (len(model) == 2) is grows


def test_transparent_are_pruned_and_large_only_after_a_reset() -> None:
    huge = math.log(0.11 * EXTENT)

    def left(iteration: int) -> int:
        model = _model([SMALL, SMALL, huge], [0.0049, 0.0051, 0.5], [0.0] * 3)
        _strategy(opacity_reset_interval=1000).after_step(iteration, model)
        return len(model)

    assert left(900) == 2
    assert left(1100) == 1


def test_opacities_are_reset() -> None:
    model = _model([SMALL] * 2, [0.9, 0.008], [0.0] * 2)
    _strategy(opacity_reset_interval=1000).after_step(1000, model)
    torch.testing.assert_close(model.parameters.opacity_logits.sigmoid(), torch.tensor([0.01, 0.008]))
    late = _model([SMALL], [0.9], [0.0])
    _strategy(opacity_reset_interval=5000).after_step(5000, late)  # densify_until_iter: all is over
    assert late.parameters.opacity_logits.sigmoid().item() == pytest.approx(0.9)


def test_on_white_opacities_are_reset_when_densification_begins() -> None:
    for white, expected in ((True, 0.01), (False, 0.9)):
        model = _model([SMALL], [0.9], [0.0])
        _strategy(white_background=white).after_step(100, model)
        assert model.parameters.opacity_logits.sigmoid().item() == pytest.approx(expected)


def test_the_bound_serves_the_largest_gradients_first() -> None:
    gradients = [3e-4, 9e-4, 5e-4, 8e-4, 4e-4]
    model = _model([SMALL] * 5, [0.5] * 5, gradients)
    before = model.parameters.means.clone()
    _strategy(max_gaussians=7).after_step(200, model)
    assert torch.equal(model.parameters.means[5:], before[[1, 3]])
    full = _model([SMALL] * 5, [0.5] * 5, gradients)
    _strategy(max_gaussians=3).after_step(200, full)
    assert len(full) == 5


def test_the_bound_follows_the_resolution() -> None:
    def grown(iteration: int) -> int:
        model = _model([SMALL] * 5, [0.5] * 5, [1.0] * 5)
        _strategy(max_gaussians=24, coarse_iterations=800, densify_from_iter=0).after_step(iteration, model)
        return len(model)

    assert (grown(400), grown(500), grown(900)) == (6, 10, 10)
    assert grown(100) == 6

    few = _model([SMALL] * 12, [0.5] * 12, [1.0] * 12)
    _strategy(max_gaussians=24, coarse_iterations=800, densify_from_iter=0).after_step(500, few)
    assert len(few) == 14  # 0.6 of 24


def test_frozen_prunes_but_never_adds() -> None:
    model = _model([SMALL, SMALL], [0.5, 0.001], [1.0, 1.0])
    strategy = _strategy()
    strategy.frozen = True
    strategy.after_step(200, model)
    assert len(model) == 1


def test_parts_are_samples_of_the_whole() -> None:
    """Mean and covariance of the parts' centers are the split Gaussian's own."""
    one = random_gaussians(1, sh_degree=0, seed=4)
    many = type(one)(*(tensor.expand(20_000, *tensor.shape[1:]) for tensor in one))
    parts = split_gaussians(many, torch.Generator().manual_seed(1))
    axes = rotation_matrices(one.quaternions)[0] * one.log_scales[0].exp()
    covariance = axes @ axes.T
    torch.testing.assert_close(parts.means.mean(0), one.means[0], atol=0.02 * covariance.trace().sqrt().item(), rtol=0)
    torch.testing.assert_close(parts.means.T.cov(), covariance, atol=0.03 * covariance.trace().item(), rtol=0)


def test_rotation_is_the_renderers() -> None:
    quaternions, vectors = torch.randn(20, 4) * 3, torch.randn(20, 3)
    expected = (rotation_matrices(quaternions) @ vectors[..., None])[..., 0]
    torch.testing.assert_close(rotate(quaternions, vectors), expected, atol=1e-5, rtol=1e-5)
