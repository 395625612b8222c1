"""The rule of Kerbl et al.: who is cloned, split, pruned, and when."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.gaussian_scenes import logit, random_gaussians
from support.kinds import gaussians_on, numbers_on

from splatworker.render.arrays import Device, copied, sigmoid, to_device, to_numpy
from splatworker.render.interface import GaussianTensors
from splatworker.render.reference import rotation_matrices
from splatworker.train.density import GradientDensity, rotate, split_gaussians
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import generator

EXTENT = 10.0
SMALL, LARGE = math.log(0.05), math.log(0.5)  # under and over percent_dense = 0.01 of the extent


def _strategy(device: Device, **changes: Any) -> GradientDensity:
    values = {"densify_from_iter": 100, "densification_interval": 100, "densify_until_iter": 5000} | changes
    options = Options(source_path=Path("s"), model_path=Path("m"), **values)
    return GradientDensity(options, EXTENT, generator(0, device))


def _model(device: Device, log_scales: Any, opacities: Any, gradients: Any, views: Any = None) -> Model:
    count = len(log_scales)
    model = Model(gaussians_on(device, count, sh_degree=1))
    model.parameters.log_scales[...] = numbers_on(device, log_scales)[:, None]
    model.parameters.opacity_logits[...] = numbers_on(device, [logit(opacity) for opacity in opacities])
    model.statistics.view_count[...] = numbers_on(device, views or [2] * count)
    model.statistics.gradient_norm_sum[...] = numbers_on(device, gradients) * model.statistics.view_count
    return model


def _opacities(model: Model) -> list[float]:
    opacities: list[float] = sigmoid(model.parameters.opacity_logits).tolist()
    return opacities


def test_small_are_cloned_large_are_split_others_stay(device: Device) -> None:
    model = _model(device, [SMALL, LARGE, SMALL, LARGE], [0.5] * 4, [3e-4, 3e-4, 1e-4, 1e-4])
    before = copied(model.parameters.means)
    _strategy(device).after_step(200, model)
    means, log_scales = model.parameters.means, model.parameters.log_scales
    # First stay 0, 2 and 3 in their order, then the clone of 0, then the two parts of 1.
    assert means[:4].tolist() == before[[0, 2, 3, 0]].tolist()
    assert len(model) == 6
    np.testing.assert_allclose(to_numpy(log_scales[4:]), np.full((2, 3), LARGE - math.log(1.6)), rtol=1e-6)
    assert means[4].tolist() != means[5].tolist()
    assert not model.statistics.view_count.any()


def test_the_mean_over_the_views_that_saw_it_decides(device: Device) -> None:
    model = _model(device, [SMALL, SMALL, SMALL], [0.5] * 3, [3e-4, 1e-4, 0.0], views=[1, 50, 0])
    _strategy(device).after_step(200, model)
    assert len(model) == 4


@pytest.mark.parametrize(("iteration", "grows"), [(100, False), (150, False), (200, True), (4900, True), (5000, False)])
def test_when_it_densifies(iteration: int, grows: bool, device: Device) -> None:
    model = _model(device, [SMALL], [0.5], [1.0])
    _strategy(device, opacity_reset_interval=100_000).after_step(iteration, model)
    assert (len(model) == 2) is grows


def test_transparent_are_pruned_and_large_only_after_a_reset(device: Device) -> None:
    huge = math.log(0.11 * EXTENT)

    def left(iteration: int) -> int:
        model = _model(device, [SMALL, SMALL, huge], [0.0049, 0.0051, 0.5], [0.0] * 3)
        _strategy(device, opacity_reset_interval=1000).after_step(iteration, model)
        return len(model)

    assert left(900) == 2
    assert left(1100) == 1


def test_opacities_are_reset(device: Device) -> None:
    model = _model(device, [SMALL] * 2, [0.9, 0.008], [0.0] * 2)
    _strategy(device, opacity_reset_interval=1000).after_step(1000, model)
    assert _opacities(model) == pytest.approx([0.01, 0.008], rel=1e-5)
    late = _model(device, [SMALL], [0.9], [0.0])
    _strategy(device, opacity_reset_interval=5000).after_step(5000, late)  # densify_until_iter: all is over
    assert _opacities(late) == pytest.approx([0.9])


def test_on_white_opacities_are_reset_when_densification_begins(device: Device) -> None:
    for white, expected in ((True, 0.01), (False, 0.9)):
        model = _model(device, [SMALL], [0.9], [0.0])
        _strategy(device, white_background=white).after_step(100, model)
        assert _opacities(model) == pytest.approx([expected])


def test_the_bound_serves_the_largest_gradients_first(device: Device) -> None:
    gradients = [3e-4, 9e-4, 5e-4, 8e-4, 4e-4]
    model = _model(device, [SMALL] * 5, [0.5] * 5, gradients)
    before = copied(model.parameters.means)
    _strategy(device, max_gaussians=7).after_step(200, model)
    assert model.parameters.means[5:].tolist() == before[[1, 3]].tolist()
    full = _model(device, [SMALL] * 5, [0.5] * 5, gradients)
    _strategy(device, max_gaussians=3).after_step(200, full)
    assert len(full) == 5


def test_the_bound_follows_the_resolution(device: Device) -> None:
    def grown(iteration: int) -> int:
        model = _model(device, [SMALL] * 5, [0.5] * 5, [1.0] * 5)
        _strategy(device, max_gaussians=24, coarse_iterations=800, densify_from_iter=0).after_step(iteration, model)
        return len(model)

    assert (grown(400), grown(500), grown(900)) == (6, 10, 10)
    assert grown(100) == 6

    few = _model(device, [SMALL] * 12, [0.5] * 12, [1.0] * 12)
    _strategy(device, max_gaussians=24, coarse_iterations=800, densify_from_iter=0).after_step(500, few)
    assert len(few) == 14  # 0.6 of 24


def test_frozen_prunes_but_never_adds(device: Device) -> None:
    model = _model(device, [SMALL, SMALL], [0.5, 0.001], [1.0, 1.0])
    strategy = _strategy(device)
    strategy.frozen = True
    strategy.after_step(200, model)
    assert len(model) == 1


def test_parts_are_samples_of_the_whole(device: Device) -> None:
    """Mean and covariance of the parts' centers are the split Gaussian's own."""
    one = random_gaussians(1, sh_degree=0, seed=4)
    many = GaussianTensors(*(to_device(np.repeat(array.numpy(), 20_000, axis=0), device) for array in one))
    means = to_numpy(split_gaussians(*many[:3], generator(1, device)).means)
    axes = rotation_matrices(one.quaternions)[0] * one.log_scales[0].exp()
    covariance = (axes @ axes.T).numpy()
    atol = 0.02 * float(np.sqrt(np.trace(covariance)))
    np.testing.assert_allclose(means.mean(0), one.means[0].numpy(), atol=atol, rtol=0)
    np.testing.assert_allclose(np.cov(means.T), covariance, atol=0.03 * float(np.trace(covariance)), rtol=0)


def test_rotation_is_the_renderers(device: Device) -> None:
    quaternions, vectors = torch.randn(20, 4) * 3, torch.randn(20, 3)
    expected = (rotation_matrices(quaternions) @ vectors[..., None])[..., 0]
    turned = rotate(*(to_device(tensor.numpy(), device) for tensor in (quaternions, vectors)))
    np.testing.assert_allclose(to_numpy(turned), expected.numpy(), atol=1e-5, rtol=1e-5)
