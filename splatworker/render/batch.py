"""Training steps on a batch, the plain way: from a renderer's steps on single photos.

For backends that need not be fast on several processes.
"""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

from splatworker.render.arrays import Array, library
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
        contribution: Array,
    ) -> None:
        """See `Renderer.contribute`."""
        xp = library(parameters.means)
        first, second = (GaussianTensors(*(xp.zeros_like(array) for array in parameters)) for _ in range(2))
        statistics = DensityStatistics(*(xp.zeros_like(parameters.opacity_logits) for _ in DensityStatistics._fields))
        still = step._replace(rates=_STILL, number=1)
        loss = self.training_step(parameters, AdamState(first, second), statistics, still)
        contribution[0] = 1
        for number, value in enumerate(loss, start=1):
            contribution[number] = value
        gradients = (array / (1 - ADAM_BETA1) for array in first)
        for part, place in zip((*gradients, *statistics), _places(parameters), strict=True):
            contribution[place] = part.reshape(-1)

    def batch_step(
        self: Renderer,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        contributions: Array,
        step: Step,
    ) -> None:
        """See `Renderer.batch_step`."""
        if not contributions[:, 0].all():
            return
        parts = [contributions[:, place] for place in _places(parameters)]
        means = [part.mean(axis=0) for part in parts[: len(parameters)]]
        gradients = GaussianTensors(*(mean.reshape(array.shape) for mean, array in zip(means, parameters, strict=True)))
        norms, views = parts[len(parameters) :]
        statistics.gradient_norm_sum[...] += norms.sum(axis=0)
        statistics.view_count[...] += views.sum(axis=0)
        self.adam_step(parameters, gradients, state, step.rates, step.number, step.sh_degree)


def _places(parameters: GaussianTensors) -> list[slice]:
    """Where each part of a contribution stands in it."""
    ends = accumulate(_sizes(parameters), initial=CONTRIBUTION_HEADER)
    return [slice(*pair) for pair in pairwise(ends)]


def _sizes(parameters: GaussianTensors) -> list[int]:
    """Numbers in each part of a contribution."""
    return [math.prod(tensor.shape) for tensor in parameters] + [len(parameters.means)] * len(DensityStatistics._fields)
