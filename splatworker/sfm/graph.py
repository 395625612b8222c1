"""The match graph: which photos were seen to overlap, how strongly, and which of them hang together.

The views of a panorama are one photo in it: what their matches say, they say of the panorama.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.pairs import Pair

STRONG_INLIERS = 30
"""From this many verified matches on a pair is taken for true overlap; chance reaches COLMAP's minimum of 15."""

_HOMOGRAPHY = (
    pycolmap.TwoViewGeometryConfiguration.PLANAR,
    pycolmap.TwoViewGeometryConfiguration.PANORAMIC,
    pycolmap.TwoViewGeometryConfiguration.PLANAR_OR_PANORAMIC,
)


_MOSTLY = 0.7
"""Of the matches of two frames, so many must lie in pairs of images that a homography explains."""


@dataclass(frozen=True)
class MatchGraph:
    """Verified pairs of images, by image id.

    Attributes:
        images: every image.
        inliers: pair -> number of verified matches, for pairs that have any.
        homographies: of the pairs that one explains: a flat subject, or both photos taken from one spot. (3, 3),
            pixels of the second image from those of the first.
        tried: how many pairs were matched.
    """

    images: tuple[int, ...]
    inliers: dict[Pair, int]
    homographies: dict[Pair, npt.NDArray[np.float64]]
    tried: int

    def neighbours(self, minimum: int = STRONG_INLIERS) -> dict[int, set[int]]:
        """Image -> images with which it has at least `minimum` verified matches."""
        result: dict[int, set[int]] = {image: set() for image in self.images}
        for (first, second), count in self.inliers.items():
            if count >= minimum:
                result[first].add(second)
                result[second].add(first)
        return result

    def components(self, minimum: int = STRONG_INLIERS) -> list[set[int]]:
        """Images that hang together, the largest set first; an image alone is a set of one."""
        neighbours = self.neighbours(minimum)
        left, result = set(self.images), []
        for image in self.images:
            if image not in left:
                continue
            component, border = {image}, [image]
            while border:
                found = neighbours[border.pop()] - component
                component |= found
                border.extend(found)
            left -= component
            result.append(component)
        return sorted(result, key=len, reverse=True)


def third_best(images: Sequence[int], inliers: Mapping[Pair, int]) -> float:
    """Verified matches of an image with its third best partner, the median over images."""
    counts: dict[int, list[int]] = {image: [] for image in images}
    for pair, count in inliers.items():
        for image in pair:
            if image in counts:
                counts[image].append(count)
    return float(np.median([sorted(of, reverse=True)[2] if len(of) > 2 else 0 for of in counts.values()]))


def read_graph(database: Path, frames: Sequence[int] | None = None) -> MatchGraph:
    """Read the match graph from COLMAP's database; of frames, where `frames` tells that of each image in turn."""
    graph = _graph_of_images(database)
    return graph if frames is None or len(set(frames)) == len(frames) else by_frame(graph, frames)


def by_frame(graph: MatchGraph, frames: Sequence[int]) -> MatchGraph:
    """The graph of frames: ids are those of their first images, and matches those of all their images together.

    A homography explains two frames that explains most matches of their images. It is that of the images with most
    matches: all images of a frame were taken from one spot, so one homography that is a turn makes all of them turns.
    """
    frame_of = dict(enumerate(frames, 1))
    inliers: Counter[Pair] = Counter()
    explained: Counter[Pair] = Counter()
    homographies: dict[Pair, npt.NDArray[np.float64]] = {}
    for (first, second), count in sorted(graph.inliers.items(), key=lambda item: item[1]):
        pair = min(frame_of[first], frame_of[second]), max(frame_of[first], frame_of[second])
        inliers[pair] += count
        if (first, second) in graph.homographies:
            explained[pair] += count
            homographies[pair] = graph.homographies[first, second]  # the last one has most matches
    flat = {pair: matrix for pair, matrix in homographies.items() if explained[pair] > _MOSTLY * inliers[pair]}
    return MatchGraph(tuple(sorted(set(frames))), dict(inliers), flat, graph.tried)


def _graph_of_images(database: Path) -> MatchGraph:
    with pycolmap.Database.open(database) as opened:
        images = tuple(sorted(image.image_id for image in opened.read_all_images()))
        pair_ids, geometries = opened.read_two_view_geometries()
        tried = opened.num_matched_image_pairs()
    inliers, homographies = {}, {}
    for pair_id, geometry in zip(pair_ids, geometries, strict=True):
        pair = pycolmap.pair_id_to_image_pair(pair_id)
        if count := len(geometry.inlier_matches):
            inliers[pair] = count
            flat = pycolmap.TwoViewGeometryConfiguration(geometry.config) in _HOMOGRAPHY
            if flat and geometry.H is not None:
                homographies[pair] = np.array(geometry.H)
    return MatchGraph(images, inliers, homographies, tried)
