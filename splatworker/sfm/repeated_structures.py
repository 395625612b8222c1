"""Repeated structures: windows, pillars, both sides of a box. Their matches hold, and what they say is wrong.

A pair of photos that shows two like things has fewer matches than one that shows the same thing twice: the rest of what
it sees differs. So where a model of all pairs contradicts its own matches, the photos are mapped by the strongest pairs
alone, and then once more by all pairs that agree with what comes of that.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from splatworker.sfm import agreement
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.pairs import Pair

PARTNERS = 2
"""Each photo keeps the pairs with so many others, those with most matches. Of photos around eight pillars that are all
the same, two placed all truly; with three a pair of like pillars was among them, and all came out wrong."""

FEWEST_POINTS = 15
"""Matches that must agree with the points of a model, of a pair that was not among the strongest: as verify a pair."""


def strongest(inliers: Mapping[Pair, int]) -> set[Pair]:
    """For each photo its strongest pairs; and what else it takes to join all that hang together, the strongest."""
    ordered = sorted(inliers, key=lambda pair: (-inliers[pair], pair))
    group = {image_id: {image_id} for pair in ordered for image_id in pair}
    partners = dict.fromkeys(group, 0)
    kept: set[Pair] = set()
    for pair in ordered:
        first, second = pair
        if group[first] is not group[second]:
            both = group[first] | group[second]
            group |= dict.fromkeys(both, both)
            kept.add(pair)
        elif min(partners[first], partners[second]) < PARTNERS:
            kept.add(pair)
        partners[first] += 1
        partners[second] += 1
    return kept


def agreeing_pairs(model: pycolmap.Reconstruction, verified: agreement.Verified) -> set[Pair]:
    """The pairs of which enough matches have a point in the model and agree with it, as many as must with a camera."""
    votes = agreement.agreeing_by_points(model, verified)
    return {
        pair
        for pair, (agree, matches) in votes.items()
        if agree >= FEWEST_POINTS and agree >= agreement.LEAST_SHARE * matches
    }


def keep_pairs(database: Path, copy: Path, pairs: Collection[Pair]) -> None:
    """Copy a database with the verified matches of these pairs alone."""
    shutil.copyfile(database, copy)
    with pycolmap.Database.open(copy) as opened:
        pair_ids, geometries = opened.read_two_view_geometries()
        with pycolmap.DatabaseTransaction(opened):
            opened.clear_two_view_geometries()
            for pair_id, geometry in zip(pair_ids, geometries, strict=True):
                if (pair := pycolmap.pair_id_to_image_pair(pair_id)) in pairs:
                    opened.write_two_view_geometry(*pair, geometry)


def of_pairs(verified: agreement.Verified, pairs: Collection[Pair]) -> agreement.Verified:
    """The verified matches of these pairs alone."""
    return agreement.Verified(
        verified.keypoints, {pair: matches for pair, matches in verified.matches.items() if pair in pairs}
    )
