"""Which lenses darken their photos towards the corners, and how much: found from the points that photos share.

A point that is seen in the middle of one photo and near the corner of another tells it. Photos are put together by the
lens that took them; what each lens's points show is `falloff_fit`'s to judge, and photos stay as they are unless it is
clear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.scene import Photo
from splatworker.train.falloff import Falloff, light_of, squared_radii
from splatworker.train.falloff_fit import Indices, Sample, clear_fall
from splatworker.train.sightings import Array, Sightings, all_within, numbered

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

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


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
