"""A step on a batch, made of steps on single photos: what stands in a contribution."""

from __future__ import annotations

import torch
from support.gaussian_scenes import look_at_camera, random_gaussians

from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import (
    CONTRIBUTION_HEADER,
    AdamState,
    DensityStatistics,
    GaussianTensors,
    LearningRates,
    LossTerms,
    Step,
    View,
)

COUNT = 20


def contributed() -> tuple[CpuRenderer, GaussianTensors, Step, torch.Tensor]:
    """A renderer, parameters, a step, and the contribution of one photo."""
    renderer, parameters, camera = CpuRenderer(), random_gaussians(COUNT, 1, seed=1), look_at_camera(seed=1)
    view = View(camera, torch.full((3, camera.height, camera.width), 90, dtype=torch.uint8))
    step = Step(view, torch.zeros(3), 1, LossTerms(0.2), LearningRates(*[1e-3] * 6), 1)
    contribution = torch.empty(renderer.contribution_size(parameters))
    renderer.contribute(parameters, step, contribution)
    return renderer, parameters, step, contribution


def fresh(parameters: GaussianTensors) -> tuple[AdamState, DensityStatistics]:
    first, second = (GaussianTensors(*(torch.zeros_like(tensor) for tensor in parameters)) for _ in range(2))
    return AdamState(first, second), DensityStatistics(*(torch.zeros(COUNT) for _ in DensityStatistics._fields))


def test_a_contribution_is_a_header_gradients_and_statistics_and_leaves_the_parameters() -> None:
    _, parameters, _, contribution = contributed()
    assert contribution[0] == 1
    assert len(contribution) == CONTRIBUTION_HEADER + COUNT * (3 + 4 + 3 + 1 + 3 + 9 + len(DensityStatistics._fields))
    assert torch.isfinite(contribution).all()
    for before, after in zip(random_gaussians(COUNT, 1, seed=1), parameters, strict=True):
        assert torch.equal(before, after)


def test_a_batch_in_which_one_had_no_memory_changes_nothing() -> None:
    renderer, parameters, step, contribution = contributed()
    state, statistics = fresh(parameters)
    none = torch.zeros_like(contribution)
    renderer.batch_step(parameters, state, statistics, torch.stack([contribution, none]), step)
    assert torch.equal(parameters.means, random_gaussians(COUNT, 1, seed=1).means)
    assert not statistics.view_count.any()
    renderer.batch_step(parameters, state, statistics, torch.stack([contribution, contribution]), step)
    assert not torch.equal(parameters.means, random_gaussians(COUNT, 1, seed=1).means)
    assert statistics.view_count.max() == 2
