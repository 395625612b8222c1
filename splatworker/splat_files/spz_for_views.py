"""SPZ of a splat whose cameras are known: a tenth of the PLY that looks the same to them.

Against rounding each number by itself the pictures of a splat trained to the end are twelve decibels nearer
(docs/formats.md). The file is an SPZ as any other.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take
from splatworker.splat_files import spz
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.morton import morton_order
from splatworker.splat_files.rate_distortion import Colours, Grid, Prices

FloatArray = npt.NDArray[np.float32]

STEP = 2
"""Of the harmonics, in units of 1/128. Those that can be spared are made zero; finer ones show no more."""

GRID = Grid(
    constant_step=1 / spz.COLOUR_STEPS,
    constant_offset=0.5,
    constant_lowest=-128,
    constant_highest=127,
    step=STEP / 128,
    lowest=-128 // STEP,
    highest=127 // STEP,
)
"""The numbers that bytes stand for."""

CHEAPEST, DEAREST = 1e-8, 1e-2
"""Prices of a bit between which the one is looked for that fills the room, in what a Gaussian weighs on average: from
next to nothing to all but no bits."""

TRIES = 9
"""Halvings of what lies between, on a logarithmic scale: to 3 % of the price, some tenths of a percent of the file."""

STRETCHES, STRETCH = 8, 1024
"""Runs of so many Gaussians from all over the file, by which the price is chosen."""

TIMES_SMALLER = 10.1
"""How much smaller than the PLY the file is to be; it comes out within a percent of that."""

MOST_OVER = 1.01
"""How much more than the room the harmonics may take: a hundredth of them is 0.3 % of the file."""

LEAST_SH_BYTES = 0.12
"""Compressed bytes that a harmonic of a Gaussian may take in any case."""


def write_spz_for_views(path: Path, gaussians: Gaussians, lines: LinesOfSight, stage: str = "export") -> None:
    """Write finite Gaussians in Z order, whole or not at all.

    Args:
        lines: from where they are seen, and how much of each.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    order = morton_order(gaussians.means)  # neighbours resemble each other, and the code adapts to them
    gaussians = take(gaussians, order)
    if gaussians.sh_degree:
        gaussians = _rounded_to_fit(gaussians, lines.of(order))
    spz.write_spz(path, gaussians, stage, step=1)  # what has been rounded stays as it is


def _rounded_to_fit(gaussians: Gaussians, lines: LinesOfSight) -> Gaussians:
    """With the best colours for which there is room beside the rest of the file.

    A sample finds the price of a bit. At the first price it shows how well the whole compresses beside the sample; the
    second takes that into account. The larger of the two files that fit is the better one.
    """
    chosen = _stretches(len(gaussians))
    sample, whole = take(gaussians, chosen), _colours(gaussians, lines)
    room = spz.room_for_harmonics(gaussians, spz.fractional_bits(gaussians), TIMES_SMALLER, LEAST_SH_BYTES)
    for_sample = room * len(sample) / len(gaussians)
    tried = []
    for _ in range(2):
        prices = _lowest_prices(sample, lines.of(chosen), for_sample)
        rounded = _with_colours(gaussians, whole.rounded(GRID, prices))
        took = spz.harmonic_bytes(rounded, 1)
        tried.append((took, rounded))
        for_sample *= room / took
    fitting = [(took, rounded) for took, rounded in tried if took <= MOST_OVER * room]
    if fitting:
        return max(fitting, key=lambda one: one[0])[1]
    return min(tried, key=lambda one: one[0])[1]


def _lowest_prices(gaussians: Gaussians, lines: LinesOfSight, room: float) -> Prices:
    """The lowest price of a bit, with the bits of all levels, at which their harmonics take no more than that room."""
    colours = _colours(gaussians, lines)

    def at(of_a_bit: float) -> tuple[Prices, bool]:
        prices = colours.learn_prices(GRID, of_a_bit)
        rounded = _with_colours(gaussians, colours.rounded(GRID, prices))
        return prices, spz.harmonic_bytes(rounded, 1) <= room

    weight = max(float(lines.weights.sum(axis=0).mean()), 1e-6)
    low, high = CHEAPEST * weight, DEAREST * weight
    best, fits = at(low)
    if fits:
        return best
    best, _ = at(high)
    for _ in range(TRIES):
        middle = (low * high) ** 0.5
        prices, fits = at(middle)
        if fits:
            best, high = prices, middle
        else:
            low = middle
    return best


def _stretches(count: int) -> npt.NDArray[np.intp]:
    """Runs of neighbours from all over the file: what follows what decides about the code."""
    starts = range(0, count, max(STRETCH, count // STRETCHES))
    return np.concatenate([np.arange(start, min(start + STRETCH, count)) for start in starts])


def _colours(gaussians: Gaussians, lines: LinesOfSight) -> Colours:
    coefficients = np.concatenate([gaussians.sh_dc[:, None], gaussians.sh_rest], axis=1)
    return Colours(gaussians.means, coefficients, lines)


def _with_colours(gaussians: Gaussians, coefficients: FloatArray) -> Gaussians:
    return dataclasses.replace(
        gaussians, sh_dc=coefficients[:, 0].copy(), sh_rest=np.ascontiguousarray(coefficients[:, 1:])
    )
