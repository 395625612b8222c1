"""The match graph: what hangs together."""

from __future__ import annotations

import numpy as np
from support.match_graphs import match_graph

from splatworker.sfm.graph import MatchGraph, by_frame


def test_photos_that_hang_together() -> None:
    made = match_graph(7, {(1, 2): 90, (2, 3): 31, (4, 5): 200, (3, 4): 29})
    assert made.components() == [{1, 2, 3}, {4, 5}, {6}, {7}]
    assert made.components(15) == [{1, 2, 3, 4, 5}, {6}, {7}]
    assert made.neighbours()[2] == {1, 3}
    assert made.neighbours()[6] == set()


def test_matches_of_views_are_those_of_their_panoramas() -> None:
    turn, aside = np.eye(3), np.diag([1.0, 1.0, 2.0])
    inliers = {(1, 3): 20, (2, 3): 90, (2, 4): 5, (1, 5): 40}
    graph = MatchGraph((1, 2, 3, 4, 5), inliers, {(2, 3): turn, (2, 4): aside}, 8)
    made = by_frame(graph, [1, 1, 3, 3, 5])
    assert made.images == (1, 3, 5)
    assert made.inliers == {(1, 3): 115, (1, 5): 40}
    assert made.homographies.keys() == {(1, 3)}
    assert made.homographies[1, 3] is turn
