"""How a lens darkens its photos' corners, by least squares, and whether its photos tell that beyond doubt.

Of the photos of a lens

    log light[photo, point] = log colour[point] + slope[point] . direction + log gain[photo] + log fall[radius] + noise

is solved for the fall by robust least squares, in light and not in stored values, so that one curve serves bright and
dark.

Whoever walks around a thing and looks at its middle sees its near side in the middle of the photos and its edge near
their corners. Where light comes from the camera's side, the edge is darker, too, and that is no lens. So each point may
change with the direction that it is seen from (its slope, held a little to be none), and all of them alike as they are
seen from aside. Where that leaves hardly any of the radii's differences, as on a turntable, nothing can be told. A fall
is clear if

* it is several times as large as its error, which comes from how far photos contradict each other,
* one half of the points foretells the other half's, and
* the corners lose enough for it to matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.train.falloff import STEPS, Falloff, basis
from splatworker.train.sightings import Array, Overlap

Indices = npt.NDArray[np.int64]

NOISE = 0.2
"""In logarithms of light: sightings that differ by more count for little (Cauchy's weights)."""

ROUNDS = 4

SLOPE_PRIOR = 0.02
"""Sightings a radian aside that would say that a point is as bright from everywhere: a slope is of some 0.5."""

_CONSTANT_PRIOR = 1e-9
"""The same that would say that a point is dark: next to none."""

GAIN_PRIOR = 0.01
"""Sightings that would say that a photo is as bright as all."""

SMOOTH = 1e-3
"""Of what sightings tell of the steps: that they are alike. It decides where hardly any are, as in the corners."""

LEAST_FALL = 0.03
"""Of the light in the corner: less is not worth a change."""

CERTAIN, WORTH_A_LOOK = 4.0, 3.0
"""Errors that a fall is large: to be believed, and to be looked at with the points' slopes, which takes longer."""

FORETOLD = 0.01
"""Of the squared differences of either half of the points: so much of them what the other half says must take away."""

TOLD = 0.1
"""Of the radii's differences at a point: so much must be left beside the slopes. Turntables leave 0.01 to 0.06, walks
around things 0.15 to 0.4."""

_MEAN = np.arange(STEPS, 0, -1) / (STEPS + 1)
"""What each step of a fall adds on average over a round photo."""


class Sample(NamedTuple):
    """M sightings by one lens.

    Attributes:
        photo, point: (M,) which, from 0.
        light: (M,) its logarithm.
        squared_radius: (M,).
        aside: (M, 2) by how much the direction differs from the mean of those that the point is seen from.
        others: (M, K) what else may make it brighter or darker, all points alike.
    """

    photo: Indices
    point: Indices
    light: Array
    squared_radius: Array
    aside: Array
    others: Array


class Fit(NamedTuple):
    """A fall, how many times its error it is large, and how much of the halves' differences and of the radii's stay."""

    falloff: Falloff
    certainty: float
    foretold: float
    told: float


def clear_fall(sample: Sample, photos: int) -> Falloff | None:
    """The fall that a sample tells of beyond doubt."""
    plain = sample._replace(aside=sample.aside[:, :0])
    steps, left, weight = _fitted_steps(plain, photos)
    if _certainty(left, weight, plain.photo, photos) < WORTH_A_LOOK or Falloff(steps).corner < LEAST_FALL:
        return None
    fit = fitted(sample, photos)
    clear = fit.certainty >= CERTAIN and fit.foretold >= FORETOLD and fit.told >= TOLD
    return fit.falloff if clear and fit.falloff.corner >= LEAST_FALL else None


def fitted(sample: Sample, photos: int) -> Fit:
    """The fall of a sample, and how sure it is."""
    steps, left, weight = _fitted_steps(sample, photos)
    return Fit(
        Falloff(steps),
        _certainty(left, weight, sample.photo, photos),
        min(_foretold(left, weight, sample.point % 2 == half) for half in (0, 1)),
        _told(left, weight, sample),
    )


def _fitted_steps(sample: Sample, photos: int) -> tuple[Array, Array, Array]:
    """The steps of a fall, by least squares that are weighted anew in every round, (M, 1 + STEPS) what is left of the
    light and of the steps' columns in the last, and (M,) the weights after it.
    """
    columns = np.column_stack([sample.light, basis(sample.squared_radius), sample.others])
    overlap = Overlap(sample.photo, sample.point, photos)
    weight = np.ones(len(sample.light))
    for _ in range(ROUNDS):
        left = _without_points_and_photos(columns, sample, weight, overlap, photos)
        left = _without(left[:, : 1 + STEPS], left[:, 1 + STEPS :], weight)
        steps = _steps(*_normal(left, weight))
        weight = 1 / (1 + ((left[:, 0] + left[:, 1:] @ steps) / NOISE) ** 2)
    return steps, left, weight


def _without_points_and_photos(
    columns: Array, sample: Sample, weight: npt.NDArray[np.floating], overlap: Overlap, photos: int
) -> Array:
    """(M, K) columns less what colours, slopes and gains explain of each.

    What points explain is taken out by orthonormal shapes, each point's own; a system of photos remains.
    """
    shapes = _shapes(sample, weight)
    system = np.diag(np.bincount(sample.photo, weight, minlength=photos) + GAIN_PRIOR)
    for shape in shapes.T:
        system -= overlap.shared(weight * shape)
    _, of_photos = overlap.left_of_points(columns, np.zeros((photos, columns.shape[1])), weight, shapes)
    left, _ = overlap.left_of_points(columns, np.linalg.solve(system, of_photos), weight, shapes)
    return left


def _shapes(sample: Sample, weight: npt.NDArray[np.floating]) -> Array:
    """(M, S) a constant and the directions aside, made orthonormal at each point in the weights and the prior."""
    point, size = sample.point, 1 + sample.aside.shape[1]
    if size == 1:
        return np.asarray((1 / np.sqrt(np.bincount(point, weight) + _CONSTANT_PRIOR))[point, None])
    plain = np.column_stack([np.ones(len(sample.light)), sample.aside])
    products = np.empty((point.max() + 1, size, size))
    for row in range(size):
        for column in range(row + 1):
            sums = np.bincount(point, weight * plain[:, row] * plain[:, column])
            products[:, row, column] = products[:, column, row] = sums
    prior = np.diag([_CONSTANT_PRIOR] + [SLOPE_PRIOR] * (size - 1))
    back = np.linalg.inv(np.linalg.cholesky(products + prior))
    return np.stack([(back[point, row] * plain).sum(axis=1) for row in range(size)], axis=1)


def _without(columns: Array, others: Array, weight: npt.NDArray[np.floating]) -> Array:
    """Columns less what others explain of them."""
    weighted = others * weight[:, None]
    explained, *_ = np.linalg.lstsq(weighted.T @ others, weighted.T @ columns, rcond=1e-9)
    return np.asarray(columns - others @ explained)


def _normal(left: Array, weight: npt.NDArray[np.floating]) -> tuple[Array, Array]:
    """The normal equations of the steps, a little smoothed; `left` has the light and then their columns."""
    products = (left * weight[:, None]).T @ left
    system, alike = products[1:, 1:], np.eye(STEPS) - 1 / STEPS
    size = max(np.trace(system), 1e-12)  # that of points at one radius each is 0
    return system + size * (SMOOTH * alike + 1e-9 * np.eye(STEPS)), -products[1:, 0]


def _steps(system: Array, right: Array) -> Array:
    """(STEPS,) the least squares of which none is negative: the best of those that leave some of them out."""
    best, least = np.zeros(STEPS), 0.0
    for chosen in range(1, 1 << STEPS):
        some = [step for step in range(STEPS) if chosen >> step & 1]
        steps = np.zeros(STEPS)
        steps[some] = np.linalg.solve(system[np.ix_(some, some)], right[some])
        cost = float(steps @ system @ steps - 2 * right @ steps)
        if (steps >= 0).all() and cost < least:
            best, least = steps, cost
    return best


def _certainty(left: Array, weight: npt.NDArray[np.floating], photo: Indices, photos: int) -> float:
    """How many times its error the mean fall is large, where steps may be negative; a photo errs as a whole (Liang &
    Zeger 1986, "Longitudinal data analysis using generalized linear models", section 2.2).
    """
    system, right = _normal(left, weight)
    steps = np.linalg.solve(system, right)
    pulls = left[:, 1:] * (weight * (left[:, 0] + left[:, 1:] @ steps))[:, None]
    of_photos = np.stack([np.bincount(photo, pull, minlength=photos) for pull in pulls.T], axis=1)
    towards = np.linalg.solve(system, _MEAN)
    error = np.sqrt(((of_photos @ towards) ** 2).sum() * photos / (photos - 1))
    return float(_MEAN @ steps / max(float(error), 1e-12))


def _foretold(left: Array, weight: npt.NDArray[np.floating], foretelling: npt.NDArray[np.bool_]) -> float:
    """By what share the steps that some sightings tell lessen the squared differences of the others."""
    steps = _steps(*_normal(left[foretelling], weight[foretelling]))
    others, counted = left[~foretelling], weight[~foretelling]
    before = (counted * others[:, 0] ** 2).sum()
    after = (counted * (others[:, 0] + others[:, 1:] @ steps) ** 2).sum()
    return float(1 - after / before) if before > 0 else 0.0


def _told(left: Array, weight: npt.NDArray[np.floating], sample: Sample) -> float:
    """The share of the squared differences of a point's squared radii that nothing else explains."""
    point, squared = sample.point, sample.squared_radius
    mean = np.bincount(point, weight * squared) / np.bincount(point, weight)
    before = (weight * (squared - mean[point]) ** 2).sum()
    after = (weight * left[:, 1:].mean(axis=1) ** 2).sum()  # all steps alike fall with the squared radius
    return float(after / before) if before > 0 else 0.0
