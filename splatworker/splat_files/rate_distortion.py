"""Colours rounded for the eyes that see them: of all harmonics on a grid, those that look right at the fewest bits.

A photo set looks at a Gaussian from a few directions, mostly out of one narrow cone, in which its 16 harmonics are far
from independent: very different ones look the same. To round each to the nearest step of a grid spends bits on what
nobody sees. Here the levels q are chosen together, so that

    D + lambda R,    D = sum over views v of w_v |b_v . (s q - f)|^2 + prior |s q - f|^2,    R = sum over bits(q)

is least (rate-distortion optimised quantisation; the Lagrangian is that of Sullivan & Wiegand 1998, "Rate-distortion
optimization for video compression"): b_v are the harmonics' values towards view v, w_v the Gaussian's weight there, f
its true coefficients, s the steps. Errors of different Gaussians are independent, so each is a problem of its own,
solved by coordinate descent: a coefficient at a time takes the level that is best beside the others, and makes up for
what they have lost. `prior` keeps the colours from straying where no camera looked. kernels/cpu/rounding.inl does it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker import _cpu
from splatworker.machine.limits import available_cpus
from splatworker.splat_files.lines_of_sight import LinesOfSight

FloatArray = npt.NDArray[np.float32]

PRIOR = 0.3
"""The prior's weight, as a share of the mean weight of a harmonic in the views."""

LEAST_PRIOR = 1e-3
"""... and at least so many pixels: for Gaussians that no view shows."""

SWEEPS = 4
"""Times that every coefficient is looked at; more changed nothing that could be seen."""

ROUNDS = 3
"""Times that prices and levels are found in turns."""

HIGHEST_LEVEL = 127
"""Levels beyond this, either way, cost as much as this one."""


class Grid(NamedTuple):
    """The numbers that a file can hold: step (level + offset), whole levels between two; a harmonic has no offset.

    The fields of the constant term come first.
    """

    constant_step: float
    constant_offset: float
    constant_lowest: int
    constant_highest: int
    step: float
    lowest: int
    highest: int


class Prices(NamedTuple):
    """What bits cost.

    Attributes:
        bits: (2 HIGHEST_LEVEL + 1,) of a harmonic of each level, from the lowest: the file's code does not know which.
        of_a_bit: lambda: how much error a bit may save, in squared colour of a pixel.
    """

    bits: FloatArray
    of_a_bit: float


class Colours(NamedTuple):
    """The colours of N Gaussians, and who looks at them.

    Attributes:
        means: (N, 3).
        coefficients: (N, K, 3) harmonics of degree 1 to 3, the constant term first.
        lines: from where they are seen, and how much of each.
    """

    means: FloatArray
    coefficients: FloatArray
    lines: LinesOfSight

    def rounded(self, grid: Grid, prices: Prices) -> FloatArray:
        """(N, K, 3) the best coefficients on the grid."""
        found = np.empty(self.coefficients.shape, np.float32)  # row by row, whatever the layout of the others
        _cpu.round_colors(
            self.means, self.coefficients, *self.lines, (*grid, PRIOR, LEAST_PRIOR), SWEEPS, *prices,
            available_cpus(), found,
        )  # fmt: skip
        return found

    def learn_prices(self, grid: Grid, of_a_bit: float) -> Prices:
        """The bits of each level, as it comes to be used at a price of a bit."""
        prices = Prices(_bits(self.coefficients, grid), of_a_bit)
        for _ in range(ROUNDS - 1):
            prices = Prices(_bits(self.rounded(grid, prices), grid), of_a_bit)
        return prices


def _bits(coefficients: FloatArray, grid: Grid) -> FloatArray:
    """How long the nearest levels are in an ideal code for how often they come (Shannon 1948)."""
    levels = np.clip(np.rint(coefficients[:, 1:] / grid.step), -HIGHEST_LEVEL, HIGHEST_LEVEL).astype(np.intp)
    counts = np.bincount((levels + HIGHEST_LEVEL).ravel(), minlength=2 * HIGHEST_LEVEL + 1) + 0.5
    bits: FloatArray = np.log2(counts.sum() / counts).astype(np.float32)
    return bits
