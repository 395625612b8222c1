"""The Gaussians under training, with their optimiser's state and statistics, and all surgery on them.

Whatever changes the number of Gaussians goes through `Model.rebuild`, so that parameters, Adam's moments and the
statistics can never fall apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from splatworker.render.interface import AdamState, DensityStatistics, GaussianTensors

_SPARE_BITS = 4
"""Room is made for a number of Gaussians with so many leading binary digits: an eighth more at most."""


class Model:
    """N Gaussians under training.

    Attributes:
        parameters: the Gaussians.
        adam: Adam's two moments of every parameter.
        statistics: what the renderer gathered since `clear_statistics`.
    """

    def __init__(self, parameters: GaussianTensors) -> None:
        self.parameters = parameters
        self.adam = AdamState(_each(torch.zeros_like, parameters), _each(torch.zeros_like, parameters))
        self.statistics = _no_statistics(parameters)

    def __len__(self) -> int:
        return len(self.parameters.means)

    def rebuild(self, kept: torch.Tensor, added: GaussianTensors) -> None:
        """Go on with the Gaussians of the indices `kept` (M,), in their order, and with `added` behind them.

        Those kept bring their moments and statistics, the others begin with zeros. Every tensor is copied once, into
        memory with some room to spare: as the model grows, torch's allocator finds what an earlier, smaller copy left
        instead of asking the driver. If memory runs out on the way, the model stays as it was.
        """
        zeros = len(added.means)
        parameters = GaussianTensors(*(_joined(*pair, kept) for pair in zip(self.parameters, added, strict=True)))
        first, second = (_each(lambda tensor: _joined(tensor, zeros, kept), moment) for moment in self.adam)
        statistics = DensityStatistics(*(_joined(tensor, zeros, kept) for tensor in self.statistics))
        self.parameters, self.adam, self.statistics = parameters, AdamState(first, second), statistics

    def clear_statistics(self) -> None:
        """Begin to gather anew."""
        for tensor in self.statistics:
            tensor.zero_()

    def limit_opacity(self, most: float) -> None:
        """Lower every opacity to at most `most`, and forget the opacities' moments."""
        self.parameters.opacity_logits.clamp_(max=math.log(most / (1 - most)))
        self.adam.first.opacity_logits.zero_()
        self.adam.second.opacity_logits.zero_()


def _each(change: Callable[[torch.Tensor], torch.Tensor], tensors: GaussianTensors) -> GaussianTensors:
    return GaussianTensors(*(change(tensor) for tensor in tensors))


def _no_statistics(parameters: GaussianTensors) -> DensityStatistics:
    shape, device = len(parameters.means), parameters.means.device
    return DensityStatistics(*(torch.zeros(shape, device=device) for _ in DensityStatistics._fields))


def _joined(tensor: torch.Tensor, added: torch.Tensor | int, kept: torch.Tensor) -> torch.Tensor:
    """The rows `kept` of a tensor, and behind them those of `added`, or so many rows of zeros."""
    extra = added if isinstance(added, int) else len(added)
    count = len(kept) + extra
    step = 1 << max(0, count.bit_length() - _SPARE_BITS)
    room = -(-count // step) * step
    joined = tensor.new_empty(room, *tensor.shape[1:])[:count]
    torch.index_select(tensor, 0, kept, out=joined[: len(kept)])
    if isinstance(added, int):
        joined[len(kept) :].zero_()
    else:
        joined[len(kept) :].copy_(added)
    return joined
