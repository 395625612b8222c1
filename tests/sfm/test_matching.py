"""Which matches are looked for, and how strictly they are verified."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from support import photo_sets

from splatworker.errors import Cancelled
from splatworker.sfm import matching, nearest, sift, two_view
from splatworker.sfm.accelerator import Accelerator
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import read_graph
from splatworker.sfm.options import Engine, SfmOptions
from splatworker.sfm.pairs import all_pairs
from splatworker.sfm.watch import Cancellation, Span
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


def matched_again(bench: Workbench, folder: Path, threads: int, engine: Engine = "own") -> Workbench:
    """The same features, matched and verified anew."""
    folder.mkdir()
    shutil.copyfile(bench.database, folder / "database.db")
    again = dataclasses.replace(bench, folder=folder, threads=threads, options=SfmOptions(device="cpu", engine=engine))
    with pycolmap.Database.open(again.database) as opened:
        opened.clear_matches()
        opened.clear_two_view_geometries()
    matching.match(again, all_pairs(10), SPAN)
    return again


def told(database: Path) -> list[tuple[object, ...]]:
    """All that the database holds of its pairs."""
    with pycolmap.Database.open(database) as opened:
        of_pairs = sorted(zip(*opened.read_all_matches(), strict=True), key=lambda found: found[0])
        geometries = zip(*opened.read_two_view_geometries(), strict=True)
        return [(pair, np.asarray(matches).tobytes()) for pair, matches in of_pairs] + [
            (
                *(pair, int(found.config), np.asarray(found.inlier_matches).tobytes()),
                *(None if m is None else np.asarray(m).tobytes() for m in (found.E, found.F, found.H)),
                None if found.cam2_from_cam1 is None else found.cam2_from_cam1.matrix().tobytes(),
            )
            for pair, found in sorted(geometries, key=lambda found: found[0])
        ]


@pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")
def test_threads_change_no_byte(misled_bench: Workbench, tmp_path: Path) -> None:
    one, three = (matched_again(misled_bench, tmp_path / str(threads), threads).database for threads in (1, 3))
    assert one.read_bytes() == three.read_bytes()
    assert len(told(one)) > 45 + 30
    assert told(one) == told(three)


@pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")
def test_colmaps_own_way_is_a_choice_and_finds_the_same_graph(misled_bench: Workbench, tmp_path: Path) -> None:
    ours, theirs = (
        read_graph(matched_again(misled_bench, tmp_path / engine, 2, engine).database) for engine in get_args(Engine)
    )
    assert ours.tried == theirs.tried == 45
    strong = {pair for pair, count in theirs.inliers.items() if count >= 60}
    assert len(strong) > 15
    assert strong <= ours.inliers.keys()
    ours_of_them, theirs_of_them = (sum(graph.inliers[pair] for pair in strong) for graph in (ours, theirs))
    assert ours_of_them > 0.95 * theirs_of_them


@pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")
def test_strictly_verified_pairs_have_poses_and_fewer_matches(misled_bench: Workbench, tmp_path: Path) -> None:
    """What rotation averaging begins with: without a pose an edge of the graph is none."""
    again = matched_again(misled_bench, tmp_path / "again", 2)
    with pycolmap.Database.open(again.database) as opened:
        lens = opened.read_camera(1)
        lens.params = [photo_sets.FOCAL, *lens.params[1:]]  # what these photos were taken with
        opened.update_camera(lens)
    usual = read_graph(again.database).inliers
    copy = tmp_path / "strict.db"
    shutil.copyfile(again.database, copy)
    matching.verify_again(again, copy, SPAN)
    strict = read_graph(copy).inliers
    assert len(strict) >= 9
    assert all(count >= 30 for count in strict.values())
    assert sum(strict.values()) < sum(usual.values())
    with pycolmap.Database.open(copy) as opened:
        _, found = opened.read_two_view_geometries()
        assert all(geometry.cam2_from_cam1 is not None for geometry in found)


@pytest.mark.parametrize("missing", ["matches", "geometries"])
def test_without_a_kernel_colmap_does_the_rest(
    misled_bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(nearest if missing == "matches" else two_view, "has_kernel", lambda: False)
    again = matched_again(misled_bench, tmp_path / "again", 2).database
    graph = read_graph(again)
    assert graph.tried == 45
    assert len(graph.components()[0]) == 10
    with pycolmap.Database.open(again) as opened:
        has_pose = [found.cam2_from_cam1 is not None for found in opened.read_two_view_geometries()[1]]
    assert any(has_pose) == (missing == "matches" and two_view.has_kernel())  # COLMAP leaves poses for later


@pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")
def test_who_stops_it_is_heard(misled_bench: Workbench, tmp_path: Path) -> None:
    stopped = dataclasses.replace(misled_bench, cancellation=Cancellation())
    stopped.cancellation.request()
    with pytest.raises(Cancelled):
        matched_again(stopped, tmp_path / "again", 2)


@pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")
def test_a_photo_without_features_has_no_pairs(misled_bench: Workbench, tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    shutil.copyfile(misled_bench.database, folder / "database.db")
    bare = dataclasses.replace(misled_bench, folder=folder)
    with pycolmap.Database.open(bare.database) as opened:
        opened.clear_matches()
        opened.clear_two_view_geometries()
        opened.write_image(pycolmap.Image(name="wall.jpg", camera_id=1, image_id=11), use_image_id=True)
        opened.write_keypoints(11, np.zeros((0, 6), np.float32))
    matching.match(bare, [(1, 2), (1, 11)], SPAN)
    assert read_graph(bare.database).inliers.keys() == {(1, 2)}


def opened_accelerator(monkeypatch: pytest.MonkeyPatch) -> Accelerator:
    """Of a GPU whose matching is the processors'."""
    monkeypatch.setattr(sift, "gpu_obstacle", lambda: ("", ""))

    def matcher(photos: list[nearest.Descriptors]) -> Callable[[list[tuple[int, int]]], list[nearest.Matches]]:
        return lambda pairs: [nearest.match(photos[first], photos[second]) for first, second in pairs]

    monkeypatch.setattr(nearest, "matcher_on_gpu", matcher)
    accelerator = Accelerator(wanted=True)
    for thread in threading.enumerate():
        if thread.name == "gpu":
            thread.join()
    return accelerator


@pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")
@pytest.mark.parametrize("fails", [False, True])
def test_a_gpu_verifies_many_pairs_at_a_time_and_processors_the_rest(
    misled_bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    asked: list[int] = []

    def on_gpu(pairs: list[two_view.PairOfViews], **how: Any) -> list[two_view.TwoView]:
        asked.append(len(pairs))
        if fails and len(asked) == 2:
            raise RuntimeError("CUDA: out of memory (CUDA_ERROR_OUT_OF_MEMORY)")
        return two_view.verify_all(pairs, **how)

    monkeypatch.setattr(two_view, "verify_all_on_gpu", on_gpu)
    alone = matched_again(misled_bench, tmp_path / "alone", 1)
    with_gpu = dataclasses.replace(misled_bench, accelerator=opened_accelerator(monkeypatch))
    again = matched_again(with_gpu, tmp_path / "again", 1)
    assert again.database.read_bytes() == alone.database.read_bytes()
    assert asked == [22, 22]  # of 45 pairs; the last one alone is not worth it
    assert again.accelerator.steps == ("matching", "two-view geometry")
    assert ("out of memory" in again.accelerator.remark) == fails
