"""Training steps on a batch, the plain way: from a renderer's steps on single photos.

For backends that need not be fast on several processes.
"""

from __future__ import annotations

import math

import torch

from splatworker.render.interface import (
    ADAM_BETA1,
    CONTRIBUTION_HEADER,
    AdamState,
    DensityStatistics,
    GaussianTensors,
    LearningRates,
    Renderer,
    Step,
)

_STILL = LearningRates(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class PlainBatches:
    """`contribute` and `batch_step` of a `Renderer` by its `training_step` and `adam_step`.

    A contribution is, behind its header, the gradients of all parameters and the density statistics of one photo. They
    are those of a training step with fresh moments, of which the first is (1 - ADAM_BETA1) times the gradient (Kingma
    & Ba 2015, algorithm 1), with fresh statistics, and with learning rates of 0.
    """

    def contribution_size(self, parameters: GaussianTensors) -> int:
        """See `Renderer.contribution_size`."""
        return CONTRIBUTION_HEADER + sum(_sizes(parameters))

    def contribute(
        self: Renderer,
        parameters: GaussianTensors,
        step: Step,
        contribution: torch.Tensor,
    ) -> None:
        """See `Renderer.contribute`."""
        first, second = (GaussianTensors(*(torch.zeros_like(tensor) for tensor in parameters)) for _ in range(2))
        statistics = DensityStatistics(
            *(torch.zeros_like(parameters.opacity_logits) for _ in DensityStatistics._fields)
        )
        still = step._replace(rates=_STILL, number=1)
        loss = self.training_step(parameters, AdamState(first, second), statistics, still)
        gradients = (tensor / (1 - ADAM_BETA1) for tensor in first)
        parts = [torch.ones(1), *(value[None] for value in loss), *gradients, *statistics]
        contribution.copy_(torch.cat([part.flatten().to(contribution) for part in parts]))

    def batch_step(
        self: Renderer,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        contributions: torch.Tensor,
        step: Step,
    ) -> None:
        """See `Renderer.batch_step`."""
        if not contributions[:, 0].all():
            return
        parts = torch.split(contributions[:, CONTRIBUTION_HEADER:], _sizes(parameters), dim=1)
        means = [part.mean(dim=0) for part in parts[: len(parameters)]]
        gradients = GaussianTensors(
            *(mean.reshape(tensor.shape) for mean, tensor in zip(means, parameters, strict=True))
        )
        norms, views = parts[len(parameters) :]
        statistics.gradient_norm_sum.add_(norms.sum(dim=0))
        statistics.view_count.add_(views.sum(dim=0))
        self.adam_step(parameters, gradients, state, step.rates, step.number, step.sh_degree)


def _sizes(parameters: GaussianTensors) -> list[int]:
    """Numbers in each part of a contribution."""
    return [math.prod(tensor.shape) for tensor in parameters] + [len(parameters.means)] * len(DensityStatistics._fields)
