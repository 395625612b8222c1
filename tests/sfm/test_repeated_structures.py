"""Pairs of photos that show things which only look alike: left out, where the model contradicts its matches."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from support import photo_sets
from support.reconstructions import cloud, model, verified

from splatworker.sfm import agreement, repeated_structures
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import read_graph
from splatworker.sfm.workbench import Workbench

ARC = photo_sets.arc(12)


def test_each_photo_keeps_its_strongest_pairs() -> None:
    inliers = {(a, b): 300 - 50 * (b - a) for a in range(1, 7) for b in range(a + 1, 7)}
    kept = repeated_structures.strongest(inliers)
    assert {(a, a + 1) for a in range(1, 6)} <= kept
    assert (1, 3) in kept  # the second best of the one at the end
    assert not kept & {(1, 4), (1, 5), (1, 6), (2, 5), (2, 6), (3, 6)}


def test_what_hangs_together_by_weak_pairs_stays_together() -> None:
    cliques = [(1, 2), (1, 3), (2, 3), (4, 5), (4, 6), (5, 6)]
    inliers = dict.fromkeys(cliques, 200) | {(3, 4): 20, (2, 5): 19, (7, 8): 15}
    assert repeated_structures.strongest(inliers) == {*cliques, (3, 4), (7, 8)}
    assert repeated_structures.strongest({}) == set()


def test_pairs_that_the_points_contradict_are_told_from_those_that_agree() -> None:
    sound = model(ARC, cloud())
    of = verified(sound)
    rng = np.random.default_rng(0)
    wrong = {(1, 9), (2, 10)}
    matches = {
        pair: np.c_[rows[:, 0], rng.permutation(rows[:, 1])].astype(np.uint32) if pair in wrong else rows
        for pair, rows in of.matches.items()
    }
    matches[3, 11] = matches[3, 11][: repeated_structures.FEWEST_POINTS - 1]
    assert repeated_structures.agreeing_pairs(
        sound, dataclasses.replace(of, matches=matches)
    ) == matches.keys() - wrong - {(3, 11)}


def test_what_has_no_point_says_nothing_of_a_pair() -> None:
    sound = model(ARC, cloud())
    of = verified(sound)
    for point_id in list(sound.points3D):
        sound.delete_point3D(point_id)
    assert set(agreement.agreeing_by_points(sound, of).values()) == {(0, 0)}
    assert repeated_structures.agreeing_pairs(sound, of) == set()


def test_a_database_of_some_of_the_pairs(misled_bench: Workbench, tmp_path: Path) -> None:
    inliers = read_graph(misled_bench.database).inliers
    some = set(sorted(inliers)[::3])
    repeated_structures.keep_pairs(misled_bench.database, tmp_path / "copy.db", some)
    assert read_graph(tmp_path / "copy.db").inliers == {pair: inliers[pair] for pair in some}
    assert read_graph(misled_bench.database).inliers == inliers
    kept = repeated_structures.of_pairs(agreement.read_verified(misled_bench.database), some)
    assert kept.matches.keys() == some
    with pycolmap.Database.open(tmp_path / "copy.db") as opened:
        assert opened.num_keypoints() > 0
