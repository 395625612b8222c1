"""The Gaussians under training, with their optimiser's state and statistics, and all surgery on them.

Whatever changes the number of Gaussians goes through `Model.rebuild`, so that parameters, Adam's moments and the
statistics can never fall apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from splatworker.render.arrays import Array, computable, empty_like_row, index_of_rows, library, rows, write_back
from splatworker.render.interface import AdamState, DensityStatistics, GaussianTensors

_SPARE_BITS = 4
"""Room is made for a number of Gaussians with so many leading binary digits: an eighth more at most."""


class Model:
    """N Gaussians under training.

    Attributes:
        parameters: the Gaussians.
        adam: Adam's two moments of every parameter.
        statistics: what the renderer gathered since `clear_statistics`.
        antialiased: they are trained to be drawn with antialiasing.
    """

    def __init__(self, parameters: GaussianTensors, *, antialiased: bool = False) -> None:
        self.parameters, self.antialiased = parameters, antialiased
        self.adam = AdamState(_each(_zeros_like, parameters), _each(_zeros_like, parameters))
        self.statistics = _no_statistics(parameters)

    def __len__(self) -> int:
        return len(self.parameters.means)

    def copied(self) -> Model:
        """The same Gaussians once more, no step taken."""
        return Model(_each(_copy, self.parameters), antialiased=self.antialiased)

    def rebuild(self, kept: Array, added: GaussianTensors) -> None:
        """Go on with the Gaussians of the indices `kept` (M,), in their order, and with `added` behind them.

        Those kept bring their moments and statistics, the others begin with zeros. Every array is copied once, into
        memory with some room to spare: as the model grows, torch's allocator finds what an earlier, smaller copy left
        instead of asking the driver. If memory runs out on the way, the model stays as it was.
        """
        zeros = len(added.means)
        kept = index_of_rows(kept, self.parameters.means)
        parameters = GaussianTensors(*(_joined(*pair, kept) for pair in zip(self.parameters, added, strict=True)))
        first, second = (_each(lambda tensor: _joined(tensor, zeros, kept), moment) for moment in self.adam)
        statistics = DensityStatistics(*(_joined(tensor, zeros, kept) for tensor in self.statistics))
        self.parameters, self.adam, self.statistics = parameters, AdamState(first, second), statistics

    def clear_statistics(self) -> None:
        """Begin to gather anew."""
        for tensor in self.statistics:
            tensor[...] = 0

    def limit_opacity(self, most: float) -> None:
        """Lower every opacity to at most `most`, and forget the opacities' moments."""
        logits = computable(self.parameters.opacity_logits)
        library(logits).clip(logits, None, math.log(most / (1 - most)), out=logits)
        write_back(logits, self.parameters.opacity_logits)
        self.adam.first.opacity_logits[...] = 0
        self.adam.second.opacity_logits[...] = 0


def _each(change: Callable[[Array], Array], tensors: GaussianTensors) -> GaussianTensors:
    return GaussianTensors(*(change(tensor) for tensor in tensors))


def _copy(array: Array) -> Array:
    copy = empty_like_row(array, len(array))
    copy[...] = array
    return copy


def _zeros_like(array: Array) -> Array:
    zeros = empty_like_row(array, len(array))
    zeros[...] = 0
    return zeros


def _no_statistics(parameters: GaussianTensors) -> DensityStatistics:
    return DensityStatistics(*(_zeros_like(parameters.opacity_logits) for _ in DensityStatistics._fields))


def _joined(array: Array, added: Array | int, kept: Array) -> Array:
    """The rows `kept` of an array, and behind them those of `added`, or so many rows of zeros."""
    extra = added if isinstance(added, int) else len(added)
    count = len(kept) + extra
    step = 1 << max(0, count.bit_length() - _SPARE_BITS)
    room = -(-count // step) * step
    joined = empty_like_row(array, room)[:count]
    rows(array, kept, out=joined[: len(kept)])
    joined[len(kept) :] = 0 if isinstance(added, int) else added
    return joined
