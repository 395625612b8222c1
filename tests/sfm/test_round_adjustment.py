"""A model that grows in rounds, adjusted: by some of its points the cameras, which the others follow."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from support.adjustments import scene
from support.matched_scenes import bench_of

from splatworker.sfm import adjuster, adjustment, agreement, mapping, round_adjustment, round_work, tracks
from splatworker.sfm.adjustment import Problem
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.mapping import MapperPreset, incremental_options

pytestmark = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")

ROOM = scene(14, 240, (2,), noise=0.4, seen=0.7)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> round_work.Work:
    """All photos of the room nearly where they are, and their points."""
    bench = bench_of(tmp_path_factory.mktemp("room"), ROOM)
    with pycolmap.Database.open(bench.database) as opened:
        images = {image.image_id: image for image in opened.read_all_images()}
        cameras = {camera.camera_id: camera for camera in opened.read_all_cameras()}
    options = incremental_options(MapperPreset(), bench, mapping.ONE_THREAD)
    verified = agreement.read_verified(bench.database)
    work = round_work.work_of(bench, options, verified, images, cameras)
    assert work.accelerator is bench.accelerator
    model = work.model
    model.placed[:] = 1
    model.poses[:] = ROOM.poses
    model.poses[1:, 4:] += np.random.default_rng(0).normal(0, 0.01, (len(ROOM.poses) - 1, 3))
    model.lenses.parameters[:] = ROOM.parameters
    tracks.extend(model, list(range(len(ROOM.poses))), work.rules.showing)
    return work


def of_many(
    grown: round_work.Work, monkeypatch: pytest.MonkeyPatch, threads: int = 1
) -> tuple[round_work.Work, list[Problem]]:
    """The model adjusted as one of many photos, and what was adjusted."""
    work = round_work.copy_of(dataclasses.replace(grown, threads=threads), grown.rules)
    asked: list[Problem] = []
    adjust = adjustment.adjust

    def seen(problem: Problem, **how: Any) -> adjustment.Adjusted:
        asked.append(problem)
        return adjust(problem, **how)

    monkeypatch.setattr(round_adjustment, "MANY_PHOTOS", 10)
    monkeypatch.setattr(round_adjustment, "DRAFT_SEEN", 40)
    with monkeypatch.context() as patch:
        patch.setattr(adjustment, "adjust", seen)
        round_adjustment.adjust_draft(work)
    return work, asked


def test_of_many_photos_cameras_move_by_some_points_and_the_others_follow(
    grown: round_work.Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, (by_some, others) = of_many(grown, monkeypatch)
    assert len(by_some.points) < 0.6 * len(work.model.points)
    assert len(by_some.points) + len(others.points) == len(work.model.points)
    assert np.bincount(by_some.photo).min() >= 40
    assert by_some.free_pose.any()
    assert not others.free_pose.any()
    assert not others.free_lens.any()
    before = np.sqrt((adjustment.derivatives(others)[0] ** 2).sum(axis=1))
    rest = dataclasses.replace(others, points=adjustment.adjust(others, loss="huber").points)
    best = np.sqrt((adjustment.derivatives(rest)[0] ** 2).sum(axis=1))
    of_others = np.setdiff1d(np.arange(len(work.model.points)), by_some_points(work, by_some))
    now = dataclasses.replace(others, points=work.model.points[of_others])
    after = np.sqrt((adjustment.derivatives(now)[0] ** 2).sum(axis=1))
    assert np.median(after) < 0.75 * np.median(before), "where the cameras have moved to"
    assert np.median(after) == pytest.approx(np.median(best), rel=0.01)


def by_some_points(work: round_work.Work, by_some: Problem) -> np.ndarray:
    """Numbers of the model's points that cameras were adjusted by: those whose pixels are among its own."""
    pixels = {tuple(pixel) for pixel in by_some.seen.tolist()}
    features = work.model.features
    among = np.array([tuple(pixel) in pixels for pixel in features.seen.tolist()])
    return np.unique(work.model.point_of[among & (work.model.point_of != tracks.NONE)])


def test_threads_change_no_bit(grown: round_work.Work, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = of_many(grown, monkeypatch)
    two, _ = of_many(grown, monkeypatch, threads=2)
    assert np.array_equal(one.model.poses, two.model.poses)
    assert np.array_equal(one.model.points, two.model.points)
    assert not np.array_equal(one.model.poses, grown.model.poses)


def test_the_accelerator_is_offered_every_adjustment(grown: round_work.Work, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[object] = []
    adjust = adjuster.adjust

    def seen(problem: Problem, **how: Any) -> adjustment.Adjusted:
        offered.append(how["accelerator"])
        return adjust(problem, **how)

    monkeypatch.setattr(adjuster, "adjust", seen)
    round_adjustment.adjust_draft(round_work.copy_of(grown, grown.rules))
    assert offered == [grown.accelerator]
