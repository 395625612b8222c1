"""Photos whose headers tell that they are parts of panoramas, and that an ordinary lens took, or seems to have taken.

Programs leave a panorama's header on what they straighten out of it, and phones write one onto what they have cropped.
Cut into views as if its rows were latitudes, an ordinary photo gives cameras that are wrong without a word: of the
examples' desk, each photo said to be a fifth of the horizon, all 27 were placed, with an error of a pixel.

The matches tell: by the rays of what a photo is, more of them obey one epipolar geometry. Of the desk an ordinary lens
explained 1.25 times as many as a fifth of the horizon, and 1.56 times as many as nearly a half; of rendered photos 1.15
and 1.43 times; of true parts, of 120 and 60 degrees, 0.53 and 0.76 times. Nothing is asked of whole spheres, which no
ordinary photo is taken for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.formats.panorama import Area
from splatworker.sfm import lens, nearest, sift, two_view
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.photo_features import QUICK_LONGEST, QUICK_MOST, find
from splatworker.sfm.sift import Features
from splatworker.sfm.workbench import Workbench

_PHOTOS, _PAIRS = 10, 12
"""So many photos are looked at of those that tell the same, the first, and so many pairs asked, with most matches."""

_FEWEST_PHOTOS, _FEWEST_MATCHES = 3, 30
"""Fewer say nothing; matches are a pair's."""

_FOCALS = tuple(np.geomspace(0.4, 2.2, 9).tolist())
"""Focal lengths of ordinary lenses that are tried, as multiples of the longer side."""

_FARTHEST = np.cos(np.radians(70.0))
"""Directions farther than this from an area's middle are not asked about: they lie too far out in a plane before it."""

Floats = npt.NDArray[np.float64]

Rays = Callable[[Floats], Floats]
"""(N, 2) pixels to points of the plane at depth 1 before the middle, NaN where there is none."""


def ordinary_after_all(photos: Sequence[PhotoHeader], folder: Path, bench: Workbench) -> set[str]:
    """Names of the photos that tell to be parts of panoramas, and of which the matches say clearly that they are none.

    Photos that tell the same are judged as one.
    """
    if not (two_view.has_kernel() and nearest.has_kernel() and sift.has_kernel()):
        return set()
    alike: dict[tuple[object, ...], list[PhotoHeader]] = {}
    for photo in photos:
        if photo.area is not None and photo.area != Area():
            alike.setdefault((photo.width, photo.height, photo.upright_by, photo.area), []).append(photo)
    return {
        photo.name
        for group in alike.values()
        if len(group) >= _FEWEST_PHOTOS and _speak_for_a_lens(group[:_PHOTOS], folder, bench)
        for photo in group
    }


def _speak_for_a_lens(photos: Sequence[PhotoHeader], folder: Path, bench: Workbench) -> bool:
    """Whether an ordinary lens explains more of these photos' matches, clearly, than the part of a sphere they tell."""
    told, planes = _sphere(photos[0]), [_plane(photos[0], focal) for focal in _FOCALS]
    with ThreadPoolExecutor(bench.threads) as pool:
        asked = list(enumerate(_matches(photos, folder, told, bench, pool)))

        def explained(rays: Rays) -> int:
            jobs = [pool.submit(_obeying, rays, photos[0], number, pixels, bench) for number, pixels in asked]
            return sum(job.result() for job in jobs)

        return max(map(explained, planes)) > lens.CLEARLY_MORE * explained(told)


def _matches(
    photos: Sequence[PhotoHeader], folder: Path, told: Rays, bench: Workbench, pool: ThreadPoolExecutor
) -> Iterator[lens.Matches]:
    """Those of the pairs with most of them, in pixels as they lie, where the rays that are told are known."""

    def features(photo: PhotoHeader) -> Features | None:
        bench.cancellation.check()
        return find(photo.within(folder), QUICK_LONGEST, 0, QUICK_MOST)

    found = [one for one in pool.map(features, photos) if one is not None]
    pairs = list(itertools.combinations(found, 2))
    matches = list(pool.map(lambda pair: nearest.match(pair[0].descriptors, pair[1].descriptors), pairs))
    for number in sorted(range(len(pairs)), key=lambda number: -len(matches[number]))[:_PAIRS]:
        first, second = (
            one.keypoints[matches[number][:, side], :2].astype(np.float64) for side, one in enumerate(pairs[number])
        )
        seen = np.isfinite(told(first)).all(axis=1) & np.isfinite(told(second)).all(axis=1)
        if seen.sum() >= _FEWEST_MATCHES:
            yield first[seen], second[seen]


def _plane(photo: PhotoHeader, focal: float) -> Rays:
    """Of an ordinary lens, its focal length a multiple of the longer side."""
    middle, pixels = np.array([photo.width, photo.height]) / 2, focal * max(photo.width, photo.height)
    return lambda places: (places - middle) / pixels


def _sphere(photo: PhotoHeader) -> Rays:
    """Of the area that a photo tells."""
    area, (width, height) = photo.area, photo.upright_size
    assert area is not None
    across, up = np.radians(area.east - area.west), np.radians(area.north - area.south)
    tilt = np.radians(area.north + area.south) / 2

    def rays(places: Floats) -> Floats:
        x, y = _standing(places, photo).T
        longitude, latitude = (x / width - 0.5) * across, tilt + (0.5 - y / height) * up
        right, ahead = np.cos(latitude) * np.sin(longitude), np.cos(latitude) * np.cos(longitude)
        down = -np.sin(latitude) * np.cos(tilt) + ahead * np.sin(tilt)
        depth = ahead * np.cos(tilt) + np.sin(latitude) * np.sin(tilt)
        with np.errstate(divide="ignore", invalid="ignore"):
            points = np.stack([right, down], axis=1) / depth[:, None]
        return np.where(depth[:, None] > _FARTHEST, points, np.nan)

    return rays


def _standing(places: Floats, photo: PhotoHeader) -> Floats:
    """Where pixels lie once the photo stands upright."""
    x, y = places.T
    width, height = photo.width, photo.height
    turned = {
        1: (x, y), 2: (width - x, y), 3: (width - x, height - y), 4: (x, height - y),
        5: (y, x), 6: (height - y, x), 7: (height - y, width - x), 8: (y, width - x),
    }  # fmt: skip
    return np.stack(turned[photo.upright_by], axis=1)


def _obeying(rays: Rays, photo: PhotoHeader, number: int, pixels: lens.Matches, bench: Workbench) -> int:
    """How many matches of two photos obey an essential matrix if these were their pixels' rays."""
    bench.cancellation.check()
    first, second = (_view(rays, photo, one) for one in pixels)
    return lens.obeying_views(first, second, number, bench.options.seed)


def _view(rays: Rays, photo: PhotoHeader, pixels: Floats) -> two_view.View:
    points = rays(pixels)
    right, down = (rays(pixels + step) - points for step in np.eye(2))
    scales = np.sqrt(np.abs(right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]))
    camera = pycolmap.Camera.create_from_model_name(1, "SIMPLE_PINHOLE", 1.0, photo.width, photo.height)
    camera.has_prior_focal_length = True
    return two_view.View(camera, np.ascontiguousarray(points), scales, pixels)
