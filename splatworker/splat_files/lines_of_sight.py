"""From where the Gaussians are seen, and how much of each: what a small file must keep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class LinesOfSight(NamedTuple):
    """How much of each of N Gaussians each of V views shows.

    Attributes:
        centers: (V, 3) where the views are taken from, in the Gaussians' world.
        weights: (V, N) the sums of the weights over a view's pixels.
    """

    centers: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]

    def of(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> LinesOfSight:
        """The lines to some of the Gaussians: those that a mask (N,) marks, or of given indices."""
        return LinesOfSight(self.centers, self.weights[:, chosen])

    def turned(self, rotation: npt.NDArray[np.float64]) -> LinesOfSight:
        """The same when the world, Gaussians and cameras, has been turned by a rotation (3, 3)."""
        return LinesOfSight((self.centers @ rotation.T).astype(np.float32), self.weights)
