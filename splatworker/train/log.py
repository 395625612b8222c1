"""The loss over the iterations, gathered on the device and read back rarely: reading makes the host wait."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from splatworker.errors import TrainingDiverged
from splatworker.render.arrays import Array, stacked
from splatworker.render.interface import Loss

READ_EVERY = 50
"""Iterations between two readings of the loss."""


class LossLog:
    """Means of the loss over some iterations each.

    Args:
        watch: gets every entry: iteration, loss, l1, ssim, gaussians.
    """

    def __init__(self, watch: Callable[[dict[str, Any]], None]) -> None:
        self.entries: list[dict[str, Any]] = []
        self._values: list[Array] = []
        self._watch = watch

    def add(self, loss: Loss) -> None:
        """Take in one iteration's loss; the host does not wait."""
        self._values.extend(loss)

    def read(self, iteration: int, gaussians: int) -> None:
        """Make an entry of what was taken in since the last one.

        Raises:
            TrainingDiverged: a loss among it was not a number, or no Gaussians are left.
        """
        if not self._values:
            return
        values = stacked(self._values).reshape(-1, len(Loss._fields))
        total, l1, ssim = values.mean(axis=0, dtype=np.float64).tolist()
        self._values.clear()
        hint = "Lower the learning rates, or check the scene's cameras."
        if not math.isfinite(total):
            raise TrainingDiverged(f"The loss became NaN or infinite by iteration {iteration}.", hint=hint)
        if gaussians == 0:
            raise TrainingDiverged(f"No Gaussian was left by iteration {iteration}.", hint=hint)
        entry = {
            "iteration": iteration,
            "loss": round(total, 6),
            "l1": round(l1, 6),
            "ssim": round(ssim, 6),
            "gaussians": gaussians,
        }
        self.entries.append(entry)
        self._watch(entry)

    @property
    def last_loss(self) -> float | None:
        """The latest entry's loss."""
        return self.entries[-1]["loss"] if self.entries else None
