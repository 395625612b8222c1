"""Which matches are looked for, and how strictly they are verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from splatworker.sfm import matching, nearest
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import read_graph
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

SPAN = Span(Silent(), "", 0.0, 1.0)


def test_no_pairs_are_no_work(tmp_path: Path) -> None:
    matching.match(Workbench(tmp_path, tmp_path, SfmOptions(device="cpu"), 1), [], SPAN)
    assert list(tmp_path.iterdir()) == []


def test_global_mapping_wants_surer_matches_from_the_same_seed() -> None:
    usual, strict = (matching.verification(SfmOptions(seed=7), strict=strict) for strict in (False, True))
    assert usual.ransac.random_seed == strict.ransac.random_seed == 7
    assert strict.ransac.max_error < usual.ransac.max_error
    assert strict.min_num_inliers > usual.min_num_inliers
    assert strict.min_inlier_ratio > usual.min_inlier_ratio


@pytest.mark.skipif(not nearest.has_kernel(), reason="this installation has no matching kernel")
def test_photos_of_one_room_are_matched_by_their_nearest_descriptors(misled_bench: Workbench) -> None:
    graph = read_graph(misled_bench.database)
    assert graph.tried == 10 * 9 // 2
    assert len(graph.components()[0]) == 10
    with pycolmap.Database.open(misled_bench.database) as opened:
        first, second = (np.asarray(opened.read_descriptors(image_id).data) for image_id in (1, 2))
        stored = np.asarray(opened.read_matches(1, 2))
    np.testing.assert_array_equal(stored, nearest.match(np.ascontiguousarray(first), np.ascontiguousarray(second)))
