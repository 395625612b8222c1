"""Where an object touches its support, colour tells what belongs to which: neither's surface is as sharp as a plane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker import _cpu
from splatworker.formats.gaussians import Gaussians
from splatworker.machine.limits import available_cpus
from splatworker.render.interface import SH_C0

Mask = npt.NDArray[np.bool_]

MOST_SAMPLES = 5000
"""Gaussians that stand for either."""

FEWEST_SAMPLES = 30
"""With fewer there is nothing to compare with."""

NEAREST = 0.02
"""The distance to so many of the nearest colours, as a share of all of either, is how strange a colour is to it."""

FEWEST_NEIGHBOURS = 8

GRAIN = 0.03
"""Colours, from 0 to 1, that are nearer than this are the same: so much every trained splat varies."""

CLEARLY_OURS, CLEARLY_THEIRS = 2.5, 1.7
"""How many times stranger a colour is to the other where it tells: to find an object below its support's top takes more
than to leave out what lies on it."""


AGREE = 9
"""Gaussians that lie together and must agree in the mean as well: a speck of a colour is not a part."""


class Sides(NamedTuple):
    """(N,) each: what is clearly of the object's colours, what rather of these, and what clearly of its support's."""

    object: Mask
    rather: Mask
    support: Mask


def sides_by_colour(gaussians: Gaussians, asked: Mask, of_object: Mask, of_support: Mask) -> Sides:
    """Of the asked Gaussians those that look like the object and unlike its support, and the other way round.

    Args:
        of_object, of_support: Gaussians that belong to either without doubt.
    """
    nothing = np.zeros(len(gaussians), bool)
    if min(np.count_nonzero(of_object), np.count_nonzero(of_support)) < FEWEST_SAMPLES or not asked.any():
        return Sides(nothing, asked, nothing)
    colours = np.clip(0.5 + SH_C0 * gaussians.sh_dc.astype(np.float64), 0, 1)
    leaning = np.log(
        _strangeness(colours[asked], colours[of_support]) / _strangeness(colours[asked], colours[of_object])
    )
    places = gaussians.means[asked]
    about, _ = _nearest(places, places, min(AGREE, len(places)))
    together = leaning[about].mean(axis=1)
    least, most = np.minimum(leaning, together), np.maximum(leaning, together)
    answers = (least > np.log(CLEARLY_OURS), least > 0, most < -np.log(CLEARLY_THEIRS))
    return Sides(*(_among(asked, answer) for answer in answers))


def _among(asked: Mask, answer: Mask) -> Mask:
    whole = np.zeros(len(asked), bool)
    whole[asked] = answer
    return whole


def _strangeness(colours: npt.NDArray[np.float64], known: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N,) the mean distance to the nearest of the known colours, never below the grain."""
    if len(known) > MOST_SAMPLES:
        known = known[np.random.default_rng(0).choice(len(known), MOST_SAMPLES, replace=False)]
    _, distances = _nearest(known, colours, max(FEWEST_NEIGHBOURS, round(NEAREST * len(known))))
    return np.asarray(np.maximum(distances.mean(axis=1), GRAIN))


def _nearest(
    points: npt.NDArray[np.floating], places: npt.NDArray[np.floating], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(M, count) which of (N, 3) points are nearest to each of (M, 3) places, the nearest first, and how far away."""
    which, distances = np.empty((len(places), count), np.int64), np.empty((len(places), count))
    points, places = (np.ascontiguousarray(of, np.float64) for of in (points, places))
    _cpu.nearest_points(points, places, available_cpus(), which, distances)
    return which, distances
