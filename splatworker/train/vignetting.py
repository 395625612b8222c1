"""Which lenses darken their photos towards the corners, and how much: found from the points that photos share.

A point that is seen in the middle of one photo and near the corner of another tells it. Of the photos of a lens

    log light[photo, point] = log colour[point] + slope[point] . direction + log gain[photo] + log fall[radius] + noise

is solved for the fall by robust least squares, in light and not in stored values, so that one curve serves bright and
dark.

Whoever walks around a thing and looks at its middle sees its near side in the middle of the photos and its edge near
their corners. Where light comes from the camera's side, the edge is darker, too, and that is no lens. So each point may
change with the direction that it is seen from (its slope, held a little to be none), and all of them alike as they are
seen from aside. Where that leaves hardly any of the radii's differences, as on a turntable, nothing can be told, and
photos stay as they are. They stay so unless

* the fall is several times as large as its error, which comes from how far photos contradict each other,
* one half of the points foretells the other half's, and
* the corners lose enough for it to matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.scene import Photo
from splatworker.train.falloff import STEPS, Falloff, basis, light_of, squared_radii
from splatworker.train.sightings import Array, Overlap, Sightings, all_within, numbered

Indices = npt.NDArray[np.int64]

FEWEST_PHOTOS = 6
"""Of a lens: their contradictions are what says how sure a fall is."""

ALIKE = 0.04
"""Lenses of fewer photos than that count as one where their focal lengths differ by no more than this share, and their
photos' sizes neither: who wrote the scene gave each photo a camera of its own. As of `sfm.lens_groups`."""

SHORTEST_TRACK = 3
"""Photos that see a point: with fewer its slope explains all."""

FEWEST_SIGHTINGS, MOST_SIGHTINGS = 600, 20_000
"""Of a lens: fewer do not tell, and of more some points are taken, evenly."""

DARKEST, BRIGHTEST = 0.12, 0.85
"""Of a point's mean, as it would be stored: noise is larger in the dark, and the brightest may be cut off. Points are
chosen and not sightings: a bright point would else be counted only where it is darkened."""

CUT_OFF = 0.02, 0.98
"""A point with a sighting beyond these is left out."""

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

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
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


class Lines(NamedTuple):
    """Where a photo's M sightings are, as far as its camera tells.

    Attributes:
        inside: (M,) whether each is in the photo, as a stranger's may not be.
        rays: (L, 3) the directions of those, of length 1, in the world.
        squared_radii: (L,) theirs.
    """

    inside: npt.NDArray[np.bool_]
    rays: Array
    squared_radii: Array


def lines_of(camera: Camera, places: Array) -> Lines:
    """Of (M, 2) pixels."""
    inside = np.asarray(((places >= 0) & (places <= [camera.width, camera.height])).all(axis=1))
    return Lines(inside, _rays(camera, places[inside]), squared_radii(camera, places[inside]))


def fallen(
    photos: Sequence[Photo],
    sightings: Sequence[Sightings],
    places: Sequence[Array],
    lines: Sequence[Lines] | None = None,
) -> list[tuple[list[int], Falloff]]:
    """The lenses that darken their photos' corners: of each the indices of its photos, and how.

    Args:
        photos: N photos.
        sightings: (N) what each shows of points.
        places: (N) of (M, 2) pixels of each where that is.
        lines: `lines_of` these, where they are known already.
    """
    if lines is None:
        lines = [lines_of(photo.camera, xy) for photo, xy in zip(photos, places, strict=True)]
    found = []
    for lens in lenses_of(photos):
        sample = sample_of([sightings[index] for index in lens], [lines[index] for index in lens])
        falloff = None if sample is None else clear_fall(sample, len(lens))
        if falloff is not None:
            found.append((lens, falloff))
    return found


def lenses_of(photos: Sequence[Photo]) -> list[list[int]]:
    """The indices of photos that one lens took, of each lens that took `FEWEST_PHOTOS` of them and more.

    Cameras whose photos stand where others do are none: these are parts of a fisheye's photo or of a panorama, whose
    middle is not the lens's.
    """
    places = Counter(_place(photo) for photo in photos)
    parts = {photo.lens for photo in photos if places[_place(photo)] > 1}
    by_lens: dict[int, list[int]] = {}
    for index, photo in enumerate(photos):
        if photo.lens not in parts:
            by_lens.setdefault(photo.lens, []).append(index)
    lenses = [lens for lens in by_lens.values() if len(lens) >= FEWEST_PHOTOS]
    few = sorted(index for lens in by_lens.values() if len(lens) < FEWEST_PHOTOS for index in lens)
    lenses += _alike(photos, few)
    return sorted(lenses)


def _place(photo: Photo) -> tuple[float, ...]:
    return tuple((photo.camera.center + 0.0).round(9).tolist())


def _alike(photos: Sequence[Photo], indices: Sequence[int]) -> list[list[int]]:
    """Of these photos, those that lenses alike took, as `lenses_of`."""
    cameras = [photos[index].camera for index in indices]
    drawn = [(*sorted((camera.width, camera.height)), np.sqrt(camera.fx * camera.fy)) for camera in cameras]
    logs = np.log(np.array(drawn).reshape(-1, 3))
    lenses, rest = [], np.arange(len(indices))
    while len(rest):
        alike = (np.abs(logs[rest] - logs[rest[0]]) <= ALIKE).all(axis=1)
        lenses.append([indices[number] for number in rest[alike]])
        rest = rest[~alike]
    return [lens for lens in lenses if len(lens) >= FEWEST_PHOTOS]


def sample_of(sightings: Sequence[Sightings], lines: Sequence[Lines]) -> Sample | None:
    """What tells of the fall of a lens; None where that is too little."""
    photo = np.repeat(np.arange(len(lines)), [len(own.rays) for own in lines])
    if len(photo) < FEWEST_SIGHTINGS:
        return None
    colours = np.concatenate([seen.colours[own.inside] for seen, own in zip(sightings, lines, strict=True)])
    points = np.concatenate([seen.points[own.inside] for seen, own in zip(sightings, lines, strict=True)])
    point = numbered(points)
    light = np.log(np.maximum(light_of(colours), 1e-6) @ _LUMINANCE)
    count = np.bincount(point)
    mean = np.bincount(point, light) / count
    cut_off = np.bincount(point, ~all_within(colours, *CUT_OFF)) > 0
    darkest, brightest = np.log(light_of(np.array([DARKEST, BRIGHTEST])))
    usable = (count >= SHORTEST_TRACK) & ~cut_off & (mean > darkest) & (mean < brightest)
    share = min(1.0, MOST_SIGHTINGS / max(1, count[usable].sum()))
    number = np.cumsum(usable)
    usable &= np.floor(number * share) > np.floor((number - 1) * share)
    kept = usable[point]
    if np.count_nonzero(kept) < FEWEST_SIGHTINGS:
        return None
    ray = np.concatenate([own.rays for own in lines])[kept]
    squared = np.concatenate([own.squared_radii for own in lines])[kept]
    photo, point, light = photo[kept], numbered(point[kept]), light[kept]
    along, frames = _frames(ray, point)
    aside = np.einsum("mij,mj->mi", frames[point], ray)
    cosine = 1 - (along[point] * ray).sum(axis=1)
    return Sample(photo, point, light, squared, aside, np.column_stack([cosine, cosine**2]))


def _rays(camera: Camera, xy: Array) -> Array:
    """(M, 3) of pixels the directions in the world, of length 1."""
    across, up = ((xy - [camera.cx, camera.cy]) / [camera.fx, camera.fy]).T
    rays = np.column_stack([across, up, np.ones(len(xy))]) @ camera.camera_from_world[:, :3]
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _frames(rays: Array, point: Indices) -> tuple[Array, Array]:
    """Of each point the mean (K, 3) of its rays, of length 1, and (K, 2, 3) two directions across it."""
    total = np.stack([np.bincount(point, rays[:, axis]) for axis in range(3)], axis=1)
    mean: Array = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    least = np.eye(3)[np.abs(mean).argmin(axis=1)]
    first = np.cross(mean, least)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    return mean, np.stack([first, np.cross(mean, first)], axis=1)


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
