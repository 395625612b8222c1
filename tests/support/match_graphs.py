"""Match graphs for tests of what reads them."""

from __future__ import annotations

import numpy as np

from splatworker.sfm.graph import MatchGraph


def match_graph(
    images: int, inliers: dict[tuple[int, int], int], homographies: dict[tuple[int, int], np.ndarray] | None = None
) -> MatchGraph:
    return MatchGraph(tuple(range(1, images + 1)), inliers, homographies or {}, len(inliers))
