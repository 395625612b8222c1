"""Where Gaussians are added and removed during training: strategies that look at the model after every step.

A strategy has one hook, `after_step`, and may change the model through `Model.rebuild` alone, and its
opacities in place.
`GradientDensity` is the rule of Kerbl et al. 2023, section 5; `RevisedDensity` what Rota Bulo et al. 2024 make of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

from splatworker.render.arrays import (
    Array,
    computable,
    computable_rows,
    fill,
    filled,
    indices,
    indices_of_largest,
    largest_of_rows,
    library,
    logit,
    normalised,
    rows_at,
    sigmoid,
    write_back,
)
from splatworker.render.interface import DensityStatistics, GaussianTensors
from splatworker.train.density_facts import facts_of, mean_gradients
from splatworker.train.free_space import FreeSpace
from splatworker.train.memory import gaussian_capacity
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import Generator, normal
from splatworker.train.resolution import halvings

SPLIT_INTO = 2
SPLIT_SHRINKS = 1.6
"""The parts of a split Gaussian are smaller by this factor (Kerbl et al. 2023, section 5.2)."""

PRUNE_OPACITY = 0.005
PRUNE_SCALE = 0.1
"""Of the scene's extent: larger Gaussians are removed once opacities have been reset."""

RESET_OPACITY = 0.01

ABSOLUTE_THRESHOLD = 2.0
"""How much larger absolute gradients have to be than others for a Gaussian to be wanted."""

FADE = 0.001
LEAST_OPACITY = 1e-4
"""What every round takes from an opacity, and what it leaves at least (Rota Bulo et al. 2024, section 3.4)."""

TRANSPARENT_LOGIT = -8.0
"""An opacity of 0.0003: not drawn, and pruned."""

BUDGET_AT = (1.0, 0.6, 0.25)
"""Share of `max_gaussians` that there may be while photos are at full size, halved, and halved twice: a coarse picture
needs few, and those that wait for a fine one are placed where it shows that they are missing."""


class DensityStrategy(Protocol):
    """Decides where Gaussians are added and removed."""

    frozen: bool
    """Set by the trainer when memory has run out: nothing may be added any more."""
    lacks_memory: bool
    """Memory has bounded how many Gaussians were added."""
    absolute: bool
    """Which gradients the strategy decides by (`render.interface.Step.absolute`)."""

    def after_step(self, iteration: int, model: Model) -> None:
        """Look at the model after iteration `iteration` (from 1), and change it."""


class GradientDensity:
    """Kerbl et al. 2023: densify where the positional gradient in the image is large, prune the transparent.

    Every `densification_interval` iterations between `densify_from_iter` and `densify_until_iter`: a Gaussian whose
    mean gradient norm (normalised device coordinates, over the views that drew it) reaches
    `densify_grad_threshold` is cloned if it is at most `percent_dense` of the scene's extent, and else split in two
    samples of itself; then those under opacity 0.005 go, and after the first opacity reset those larger than a tenth
    of the extent. Every `opacity_reset_interval` iterations opacities fall to at most 0.01, which those that are
    needed regain and floaters do not.

    The number never exceeds `max_gaussians`, or its share while photos are coarse, or what memory holds: the largest
    gradients are served first.

    Args:
        options: the run's options.
        extent: the scene's extent, in its units.
        generator: on the model's device; places the parts of split Gaussians.
        capacity: how many Gaussians memory holds.

    Attributes:
        beside: so many Gaussians that are not trained count among the `max_gaussians`.
    """

    def __init__(
        self,
        options: Options,
        extent: float,
        generator: Generator,
        capacity: Callable[[Model], int] = gaussian_capacity,
    ) -> None:
        self.frozen = False
        self.lacks_memory = False
        self.absolute = False
        self.beside = 0
        self._options = options
        self._extent = extent
        self._generator = generator
        self._capacity = capacity

    def after_step(self, iteration: int, model: Model) -> None:
        """See `DensityStrategy.after_step`."""
        options = self._options
        if iteration >= options.densify_until_iter:
            return
        if self._is_round(iteration):
            self._densify_and_prune(model, iteration, prune_large=iteration > options.opacity_reset_interval)
        first_on_white = options.white_background and iteration == options.densify_from_iter
        if iteration % options.opacity_reset_interval == 0 or first_on_white:
            model.limit_opacity(RESET_OPACITY)

    def _is_round(self, iteration: int) -> bool:
        options = self._options
        within = options.densify_from_iter < iteration < options.densify_until_iter
        return within and iteration % options.densification_interval == 0

    def _densify_and_prune(self, model: Model, iteration: int, prune_large: bool) -> None:
        """Clone, split and prune in one copy of the model; behind the Gaussians that remain come clones, then parts.

        Statistics begin anew.
        """
        parameters, options = model.parameters, self._options
        logits = computable(parameters.opacity_logits)
        self._before_choosing(logits, parameters)
        small_ends, large_begins = (math.log(share * self._extent) for share in (options.percent_dense, PRUNE_SCALE))
        threshold = options.densify_grad_threshold * (ABSOLUTE_THRESHOLD if self.absolute else 1)
        facts = facts_of(model.statistics, parameters.log_scales, threshold, small_ends, large_begins)
        xp, small = library(facts.small), facts.small
        chosen = xp.zeros_like(small) if self.frozen else self._chosen(model, iteration, facts.wanted)
        self._before_adding(logits, chosen)
        write_back(logits, parameters.opacity_logits)
        remains = _is_visible(logits) & facts.fits if prune_large else _is_visible(logits)
        cloned, split = indices(chosen & small & remains), indices(chosen & ~small)
        means, quaternions, log_scales = computable_rows(parameters[:3], split)
        parts = split_gaussians(means, quaternions, log_scales, self._generator)
        parts_remain = xp.concatenate([_is_visible(logits[split])] * SPLIT_INTO)
        if prune_large:
            parts_remain &= largest_of_rows(parts.log_scales) <= large_begins
        sources = xp.concatenate([cloned, xp.concatenate([split] * SPLIT_INTO)[parts_remain]])
        added = GaussianTensors(*rows_at(parameters, sources))
        added.means[len(cloned) :] = parts.means[parts_remain]
        added.log_scales[len(cloned) :] = parts.log_scales[parts_remain]
        model.rebuild(indices(remains & (small | ~chosen)), added)
        model.clear_statistics()

    def _before_choosing(self, logits: Array, parameters: GaussianTensors) -> None:
        """What every round does to the opacities, first; here nothing."""

    def _before_adding(self, logits: Array, chosen: Array) -> None:
        """What has to change in the opacities of Gaussians of which each is about to become two; here nothing."""

    def _chosen(self, model: Model, iteration: int, wanted: Array) -> Array:
        """(N,) which Gaussians to densify, of those that are wanted."""
        room = self._room(model, iteration)
        xp = library(wanted)
        if int(xp.count_nonzero(wanted)) <= room:
            return wanted
        gradients = mean_gradients(DensityStatistics(*(computable(statistic) for statistic in model.statistics)))
        served = xp.zeros_like(wanted)
        served[indices_of_largest(filled(gradients, ~wanted, -math.inf), room)] = True
        return served

    def _room(self, model: Model, iteration: int) -> int:
        """How many Gaussians may be added."""
        options = self._options
        share = BUDGET_AT[halvings(iteration, options.coarse_iterations)]
        bound = int(share * options.max_gaussians) - self.beside if options.max_gaussians else 2**62
        fits = self._capacity(model)
        self.lacks_memory |= fits < min(bound, 2 * len(model))
        return max(0, min(bound, fits) - len(model))


class RevisedDensity(GradientDensity):
    """`GradientDensity` less what costs quality on photos held out: a third fewer Gaussians, and less haze.

    - Gradients may be absolute ones (`render.interface.Step.absolute`), which are larger, hence `ABSOLUTE_THRESHOLD`.
    - Two Gaussians in the place of one, each as opaque as it was, hide more than it did. Each gets the opacity
      1 - sqrt(1 - opacity) instead, with which both together hide as much (Rota Bulo et al. 2024, "Revising
      Densification in Gaussian Splatting", section 3.4). Their error per pixel as the measure of who is chosen did not
      pay here: docs/lab-log/cuda.md, "Density control".
    - No reset of all opacities, after which whatever comes first takes the place of what was there: every round takes
      0.001 from each opacity instead (same section), which those that are needed regain.
    - No bound on the size: a plain wall behind the subject is a few large Gaussians, and becomes haze before the
      cameras without them.
    - What has come into the free space before a camera goes (`FreeSpace`; ours).

    Args:
        options, extent, generator, capacity: as for `GradientDensity`, whose `opacity_reset_interval` is used with
            `opacity_resets` alone.
        free_space: of the cameras that are trained on.
    """

    def __init__(
        self,
        options: Options,
        extent: float,
        generator: Generator,
        capacity: Callable[[Model], int] = gaussian_capacity,
        *,
        free_space: FreeSpace,
    ) -> None:
        super().__init__(options, extent, generator, capacity)
        self._free_space = free_space
        self.absolute = options.gradients == "absolute"

    def after_step(self, iteration: int, model: Model) -> None:
        """See `DensityStrategy.after_step`."""
        if self._is_round(iteration):
            self._densify_and_prune(model, iteration, prune_large=False)
        options = self._options
        before_the_end = iteration < options.densify_until_iter
        if options.opacity_resets and before_the_end and iteration % options.opacity_reset_interval == 0:
            model.limit_opacity(RESET_OPACITY)

    def _before_choosing(self, logits: Array, parameters: GaussianTensors) -> None:
        """Take a little of every opacity, and all of those in free space."""
        opacities = (sigmoid(logits) - FADE).clip(LEAST_OPACITY, None)
        logits[...] = logit(opacities)
        fill(logits, self._free_space.holds(parameters.means), TRANSPARENT_LOGIT)

    def _before_adding(self, logits: Array, chosen: Array) -> None:
        """Two have to hide as much as one did."""
        some = indices(chosen)
        halved = (1 - library(logits).sqrt(1 - sigmoid(logits[some]))).clip(LEAST_OPACITY, 1 - LEAST_OPACITY)
        logits[some] = logit(halved)


def _is_visible(opacity_logits: Array) -> Array:
    """(N,) which Gaussians are not too transparent to keep."""
    return opacity_logits >= math.log(PRUNE_OPACITY / (1 - PRUNE_OPACITY))


class Parts(NamedTuple):
    """What differs between a Gaussian and the two that it is split into: (2M, 3) each."""

    means: Array
    log_scales: Array


def split_gaussians(means: Array, quaternions: Array, log_scales: Array, generator: Generator) -> Parts:
    """Two smaller Gaussians for each of M, first one of each: centers drawn from it, scales divided by 1.6."""
    xp = library(means)
    means, quaternions, log_scales = (
        xp.concatenate([array] * SPLIT_INTO) for array in (means, quaternions, log_scales)
    )
    offsets = rotate(quaternions, normal(means.shape, generator) * xp.exp(log_scales))
    return Parts(means + offsets, log_scales - math.log(SPLIT_SHRINKS))


def rotate(quaternions: Array, vectors: Array) -> Array:
    """(M, 3) vectors turned by (M, 4) quaternions w, x, y, z of any positive length (Rodrigues' formula)."""
    xp = library(quaternions)
    unit = normalised(quaternions)
    w, u = unit[:, :1], unit[:, 1:]
    twice = 2 * xp.linalg.cross(u, vectors)
    return vectors + w * twice + xp.linalg.cross(u, twice)
