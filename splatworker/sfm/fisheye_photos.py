"""Which photos of a set a fisheye took, where their headers do not tell: by the matches of each with its best partners.

`lens` asks all photos of a camera at once. Where an ordinary lens and a fisheye took photos of one size, the pairs
differ: two photos by one kind of lens obey its geometry best, and two by different ones that of one each. So every
photo is given the lens with which, in all its pairs together, most matches obey.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from splatworker.sfm import lens
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.pairs import Pair
from splatworker.sfm.workbench import Workbench

PARTNERS = 3
"""Each photo is asked together with so many others, those with which it has most matches."""

_FEWEST_PARTNERS = 2
"""Ordinary partners that a photo must have to be taken for a fisheye by these alone."""

_BELIEVED = 0.95
"""Two ordinary photos are known as such where an ordinary lens explains so large a share of their matches."""

_FOCALS = (0.48, 0.7, 1.2, 2.0)
"""Focal lengths of ordinary lenses in doubtful pairs, of either photo, as multiples of the longer side: a wide lens and
a long one are no fisheye."""

_ROUNDS = 10


@dataclass(frozen=True)
class Fisheyes:
    """The ids of images that a fisheye took, and its focal length in pixels."""

    images: frozenset[int]
    focal: float


def fisheyes_among(
    bench: Workbench, group: CameraGroup, images: Collection[int], inliers: Mapping[Pair, int]
) -> Fisheyes:
    """Those of the images, all of them photos of the group.

    Args:
        inliers: pair of image ids -> verified matches.
    """
    pairs = _best_pairs(images, inliers)
    longer = max(group.width, group.height)
    with pycolmap.Database.open(bench.database) as opened:
        matches = {pair: lens.matches_of(opened, pair) for pair in pairs}
    ordinary = [_camera(group, "SIMPLE_PINHOLE", focal * longer) for focal in lens.ORDINARY_FOCALS]
    straight = _most(bench, matches, [(camera, camera) for camera in ordinary])
    doubtful = [pair for pair in pairs if straight[pair] < _BELIEVED * len(matches[pair][0])]
    of = {pair: matches[pair] for pair in doubtful}
    ordinary = [_camera(group, "SIMPLE_PINHOLE", focal * longer) for focal in _FOCALS]
    straight |= _most(bench, of, [(one, other) for one in ordinary for other in ordinary])
    bent = [_camera(group, "SIMPLE_FISHEYE", focal * longer) for focal in lens.FISHEYE_FOCALS]
    by_focal = [_most(bench, of, [(camera, camera)]) for camera in bent]
    sure = [pair for pair in doubtful if max(by[pair] for by in by_focal) > lens.CLEARLY_MORE * straight[pair]]
    if sure:
        best = max(range(len(bent)), key=lambda number: sum(by_focal[number][pair] for pair in sure))
        guess = {image_id for pair in sure for image_id in pair}
    else:
        best, guess = _beside_ordinary(bench, of, straight, bent, ordinary[1:3])
    if not guess:
        return Fisheyes(frozenset(), 0.0)
    both = {pair: by_focal[best].get(pair, 0) for pair in pairs}
    first = _most(bench, of, [(bent[best], camera) for camera in ordinary])
    second = _most(bench, of, [(camera, bent[best]) for camera in ordinary])
    obeying = {
        pair: {(False, False): straight[pair], (True, True): both[pair],
               (True, False): first.get(pair, 0), (False, True): second.get(pair, 0)}
        for pair in pairs
    }  # fmt: skip
    found = _most_obeying(obeying, guess)
    return Fisheyes(frozenset(found), lens.FISHEYE_FOCALS[best] * longer)


def _beside_ordinary(
    bench: Workbench,
    matches: Mapping[Pair, lens.Matches],
    straight: Mapping[Pair, int],
    bent: Sequence[pycolmap.Camera],
    ordinary: Sequence[pycolmap.Camera],
) -> tuple[int, set[int]]:
    """Photos of which most matches obey if a fisheye took them and an ordinary lens their partners, and the fisheye's
    number: of a few fisheyes no two may be partners.
    """
    best, most, guess = 0, 0, set[int]()
    partners: dict[int, list[Pair]] = {}
    for pair in matches:
        for image_id in pair:
            partners.setdefault(image_id, []).append(pair)
    for number in range(0, len(bent), 2):
        first = _most(bench, matches, [(bent[number], camera) for camera in ordinary])
        second = _most(bench, matches, [(camera, bent[number]) for camera in ordinary])
        more: dict[int, int] = {}
        for image_id, pairs in partners.items():
            as_ordinary = sum(straight[pair] for pair in pairs)
            as_fisheye = sum((first if pair[0] == image_id else second)[pair] for pair in pairs)
            if len(pairs) >= _FEWEST_PARTNERS and as_fisheye > lens.CLEARLY_MORE * as_ordinary:
                more[image_id] = as_fisheye - as_ordinary
        if sum(more.values()) > most:
            best, most, guess = number, sum(more.values()), set(more)
    return best, guess


def _best_pairs(images: Collection[int], inliers: Mapping[Pair, int]) -> list[Pair]:
    """Each image's with those it has most matches with."""
    partners = dict.fromkeys(images, 0)
    found = []
    for pair in sorted(inliers, key=lambda pair: (-inliers[pair], pair)):
        if partners.keys() >= set(pair) and min(partners[pair[0]], partners[pair[1]]) < PARTNERS:
            found.append(pair)
            for image_id in pair:
                partners[image_id] += 1
    return found


def _camera(group: CameraGroup, model: str, focal: float) -> pycolmap.Camera:
    camera = pycolmap.Camera.create_from_model_name(1, model, focal, group.width, group.height)
    camera.has_prior_focal_length = True
    return camera


def _most(
    bench: Workbench,
    matches: Mapping[Pair, lens.Matches],
    lenses: Sequence[tuple[pycolmap.Camera, pycolmap.Camera]],
) -> dict[Pair, int]:
    """For each pair how many matches obey, by those of the pairs of lenses by which most do."""

    def of_pair(pair: Pair) -> int:
        bench.cancellation.check()
        number = min(pair) * 100_003 + max(pair)
        return max(lens.obeying(bench, cameras, matches[pair], number) for cameras in lenses)

    with ThreadPoolExecutor(bench.threads) as pool:
        return dict(zip(matches, pool.map(of_pair, matches), strict=True))


def _most_obeying(obeying: Mapping[Pair, Mapping[tuple[bool, bool], int]], first: set[int]) -> set[int]:
    """The images to take for fisheyes so that most matches obey, from a first guess on."""
    fisheyes = set(first)
    pairs_of: dict[int, list[Pair]] = {}
    for pair in obeying:
        for image_id in pair:
            pairs_of.setdefault(image_id, []).append(pair)

    def total(image_id: int) -> int:
        return sum(obeying[a, b][a in fisheyes, b in fisheyes] for a, b in pairs_of[image_id])

    for _ in range(_ROUNDS):
        changed = False
        for image_id in sorted(pairs_of):
            before = total(image_id)
            fisheyes ^= {image_id}
            if total(image_id) > before:
                changed = True
            else:
                fisheyes ^= {image_id}
        if not changed:
            break
    return fisheyes
