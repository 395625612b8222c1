"""Our own mapper on matches of scenes that are known, wrong ones among them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.adjustments import chain, matrices, projected, scene, street
from support.matched_scenes import bench_of

from splatworker.errors import Cancelled
from splatworker.sfm import (
    adjustment,
    agreement,
    database,
    first_pair,
    mapping,
    model_adjustment,
    round_adjustment,
    round_rules,
    round_work,
    rounds,
    tracks,
)
from splatworker.sfm.adjustment import Problem
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.compare import PoseDifference, compare_poses
from splatworker.sfm.first_pair import FirstPair
from splatworker.sfm.mapping import MapperPreset, incremental_options
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

pytestmark = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")

SPAN = Span(Silent(), "", 0.0, 1.0)
ROOM = scene(14, 240, (2,), noise=0.4, seen=0.7)


def map_all(bench: Workbench, photos: int = len(ROOM.poses)) -> pycolmap.Reconstruction | None:
    options = incremental_options(MapperPreset(), bench, mapping.ONE_THREAD)
    options.extract_colors = False
    return rounds.map_in_rounds(bench, options, photos, SPAN)


def off(model: pycolmap.Reconstruction, problem: Problem, before: int = 0) -> PoseDifference:
    """How far a model's cameras are from the truth."""
    truth = np.concatenate([matrices(problem.poses), problem.poses[:, 4:, None]], axis=2)
    found = {str(i - before): model.image(i).cam_from_world().matrix() for i in model.reg_image_ids()}
    return compare_poses(found, {str(photo): pose for photo, pose in enumerate(truth, 1)})


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return bench_of(tmp_path_factory.mktemp("room"), ROOM)


def test_every_camera_is_found_where_it_is(room: Workbench) -> None:
    assert rounds.suits(room)
    model = map_all(room)
    assert model is not None
    assert model.num_reg_frames() == len(ROOM.poses)
    difference = off(model, ROOM)
    # 0.4 px at 560 px of focal length are 0.04 degrees for one observation of some 170 a photo.
    assert difference.rotation_deg.max() < 0.1
    assert difference.position.max() < 0.002
    assert model.cameras[1].params[0] == pytest.approx(560, rel=0.01)
    assert model.cameras[1].params[3] == pytest.approx(-0.08, abs=0.01)
    assert model.compute_mean_reprojection_error() < 0.7  # of two coordinates with 0.4 each, 0.5 in the mean
    assert model.compute_mean_track_length() > 8
    assert not list(room.folder.glob("tmp*"))


def test_it_is_as_near_to_the_truth_as_colmaps_mapper(room: Workbench) -> None:
    options = incremental_options(MapperPreset(), room, mapping.ONE_THREAD)
    options.extract_colors = False
    (room.photos).mkdir(exist_ok=True)
    output = room.folder / "colmap"
    output.mkdir()
    theirs = mapping.by_size(pycolmap.incremental_mapping(room.database, room.photos, output, options))[0]
    ours = map_all(room)
    assert ours is not None
    assert ours.num_reg_frames() >= theirs.num_reg_frames()
    assert off(ours, ROOM).position.max() < 1.5 * off(theirs, ROOM).position.max() + 1e-4
    assert off(ours, ROOM).rotation_deg.max() < 1.5 * off(theirs, ROOM).rotation_deg.max() + 1e-3


def test_the_same_matches_give_the_same_bits_with_any_number_of_threads(room: Workbench) -> None:
    found = []
    for threads in (1, 1, 3):
        model = map_all(dataclasses.replace(room, threads=threads))
        assert model is not None
        poses = [model.image(i).cam_from_world().matrix() for i in sorted(model.reg_image_ids())]
        points = [model.point3D(i).xyz for i in sorted(model.point3D_ids())]
        found.append((np.array(poses), np.array(points)))
    for other in found[1:]:
        assert np.array_equal(found[0][0], other[0])
        assert np.array_equal(found[0][1], other[1])


def test_along_a_chain_not_all_photos_are_adjusted_with_each_that_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work grows with the photos, not with their square; nor does what is adjusted rarely drift."""
    walk = chain(80)
    bench = bench_of(tmp_path, walk)
    moved: list[int] = []
    adjust = adjustment.adjust

    def counted(problem: Problem, **how: Any) -> adjustment.Adjusted:
        found = adjust(problem, **how)
        moved.append(int(np.count_nonzero(problem.free_pose)) * found.iterations)
        return found

    monkeypatch.setattr(adjustment, "adjust", counted)
    steps, differences = [], []
    for many in (round_adjustment.MANY_PHOTOS, 20):
        monkeypatch.setattr(round_adjustment, "MANY_PHOTOS", many)
        moved.clear()
        model = map_all(bench, 80)
        assert model is not None
        assert model.num_reg_frames() == 80
        steps.append(sum(moved))
        differences.append(off(model, walk))
    again = map_all(dataclasses.replace(bench, threads=3), 80)
    assert model is not None
    assert again is not None
    for image_id in model.reg_image_ids():
        one, other = (found.image(image_id).cam_from_world().matrix() for found in (model, again))
        assert np.array_equal(one, other), "with any number of threads"
    assert steps[1] < 0.6 * steps[0]
    assert differences[1].rotation_deg.max() < max(0.3, 1.5 * differences[0].rotation_deg.max())
    assert differences[1].position.max() < max(0.002, 1.5 * differences[0].position.max())


def begun(bench: Workbench) -> round_work.Work:
    """What the mapper works on, once its first pair has cameras."""
    verified = agreement.read_verified(bench.database)
    options = incremental_options(MapperPreset(), bench, mapping.ONE_THREAD)
    with pycolmap.Database.open(bench.database) as opened:
        images = {image.image_id: image for image in opened.read_all_images()}
        cameras = {camera.camera_id: camera for camera in opened.read_all_cameras()}
    work = round_work.work_of(bench, options, verified, images, cameras)
    of_photo = dict.fromkeys(images, cameras[1])
    pair = first_pair.find(verified, of_photo, rules=work.rules.beginning, seed=work.seed, threads=1)
    assert pair is not None
    assert rounds._begin(work, pair)
    return work


def test_what_was_added_is_adjusted_beside_the_others_which_stay(tmp_path: Path) -> None:
    walk = chain(40)
    bench = bench_of(tmp_path, walk)
    work = begun(bench)
    while (added := rounds._add_photos(work)) and len(work.placed) < 30:
        round_adjustment.adjust_draft(work)
        rounds._clean(work)
    before = copy.deepcopy(work.model)
    assert round_adjustment.adjust_near(work, added)
    changed = np.flatnonzero((work.model.poses != before.poses).any(axis=1))
    assert set(added) <= set(changed.tolist())
    assert len(changed) < len(work.placed) / 2
    assert np.array_equal(work.model.lenses.parameters, before.lenses.parameters)
    shown = [set(work.model.point_of[work.model.features.photo == photo].tolist()) - {tracks.NONE} for photo in added]
    of_changed = np.isin(work.model.features.photo, changed) & (work.model.point_of != tracks.NONE)
    still = np.setdiff1d(np.arange(len(before.points)), work.model.point_of[of_changed])
    assert np.array_equal(work.model.points[still], before.points[still])
    assert (work.model.points[list(set.union(*shown))] != before.points[list(set.union(*shown))]).any()


def test_of_one_subject_all_photos_are_near(room: Workbench) -> None:
    """So that what was added is adjusted with everything, however little it is."""
    work = begun(room)
    added = rounds._add_photos(work)
    poses = work.model.poses.copy()
    assert not round_adjustment.adjust_near(work, added)
    assert np.array_equal(work.model.poses, poses)


def test_lenses_that_nothing_tells_of_are_found(tmp_path: Path) -> None:
    """Two cameras, their photos in turn: the second one's first photo is placed with a guess."""
    two = scene(12, 240, (2, 2), noise=0.4, seen=0.7)
    two.parameters[1, [0, 3]] = [430.0, 0.05]
    two = dataclasses.replace(two, seen=projected(two) + np.random.default_rng(2).normal(0, 0.4, two.seen.shape))
    model = map_all(bench_of(tmp_path, two, told=False), 12)
    assert model is not None
    assert model.num_reg_frames() == 12
    assert off(model, two).rotation_deg.max() < 0.15
    assert [model.cameras[one].params[0] for one in (1, 2)] == pytest.approx([560, 430], rel=0.02)
    assert not model.cameras[1].has_prior_focal_length


def test_a_photo_that_is_lost_takes_its_lens_along(room: Workbench) -> None:
    """So that the next photo of that lens begins with what is known of it."""
    work = begun(room)
    assert len(rounds._add_photos(work)) == 1
    assert len(work.placed) == 3
    work.model.lenses.parameters[0, 3] = 1.5  # bends more than any lens
    rounds._clean(work)
    assert len(work.placed) == 0
    assert (work.model.point_of == tracks.NONE).all()
    assert len(work.model.points) == 0
    assert work.model.lenses.parameters[0].tolist() == [588.0, 320.0, 240.0, 0.0, 0, 0, 0, 0]


def test_of_two_scenes_the_larger_is_found(tmp_path: Path) -> None:
    small = scene(5, 150, (2,), noise=0.4)
    model = map_all(bench_of(tmp_path, small, ROOM))
    assert model is not None
    assert sorted(model.reg_image_ids()) == list(range(6, 20))
    assert off(model, ROOM, 5).rotation_deg.max() < 0.2


def pairs_of(bench: Workbench) -> list[FirstPair]:
    """All beginnings, the best one first."""
    with pycolmap.Database.open(bench.database) as opened:
        cameras = {image.image_id: opened.read_camera(image.camera_id) for image in opened.read_all_images()}
    verified = agreement.read_verified(bench.database)
    return list(first_pair.beginnings(verified, cameras, rules=first_pair.Rules(), seed=0, threads=1))


@pytest.mark.parametrize("photos", [30, 110])
def test_a_walk_along_walls_has_a_model(tmp_path: Path, photos: int) -> None:
    """Of most pairs one wall explains most matches, and has two poses: with the wrong ones of before nothing grew, or
    cameras came out 20 degrees off.
    """
    walk = chain(photos)
    model = map_all(bench_of(tmp_path, walk), photos)
    assert model is not None
    assert model.num_reg_frames() == photos
    # With 0.4 px of noise, as the ring's; errors add up along the walk.
    assert off(model, walk).rotation_deg.max() < 0.5
    assert off(model, walk).position.max() < 0.005


def test_where_no_pair_is_wide_a_narrow_one_begins(tmp_path: Path) -> None:
    walk = chain(20, yaw=0.0)
    bench = bench_of(tmp_path, walk)
    options = incremental_options(MapperPreset(), bench, mapping.ONE_THREAD)
    options.mapper.init_min_tri_angle = 360.0
    assert not rounds.have_beginning(bench, options, agreement.read_verified(bench.database))
    model = rounds.map_in_rounds(bench, options, 20, SPAN)
    assert model is not None
    assert model.num_reg_frames() == 20
    assert off(model, walk).rotation_deg.max() < 0.5


def test_where_photos_are_left_out_points_of_narrow_rays_lead_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = street(24, (25, 35))
    bench = bench_of(tmp_path, drive)
    model = map_all(bench, 24)
    assert model is not None
    assert model.num_reg_frames() == 24
    # Of a line the similarity leaves open how it is turned about itself: the same for all.
    assert np.ptp(off(model, drive).rotation_deg) < 0.2
    assert off(model, drive).position.max() < 0.003
    monkeypatch.setattr(round_rules, "NARROW", 1.5)
    model = map_all(bench, 24)
    assert model is not None
    assert model.num_reg_frames() < 20, "without them photos are left out: else this tests nothing"


def test_where_they_lead_to_no_photo_the_model_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drive = street(16, (20, 30))
    bench = bench_of(tmp_path, drive)
    copies: list[round_work.Work] = []

    def copy_of(work: round_work.Work, rules: round_rules.Rules) -> round_work.Work:
        copies.append(round_work.copy_of(work, rules))
        return copies[-1]

    monkeypatch.setattr(rounds, "copy_of", copy_of)
    model = map_all(bench, 16)
    monkeypatch.setattr(rounds, "_by_narrow_rays", lambda work, *_: work)
    without = map_all(bench, 16)
    assert copies
    assert model is not None
    assert without is not None
    assert 3 <= model.num_reg_frames() < 16
    assert bytes_of(model, tmp_path / "model") == bytes_of(without, tmp_path / "without")


def bytes_of(model: pycolmap.Reconstruction, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    model.write(folder)
    return {path.name: path.read_bytes() for path in folder.glob("*.bin")}


def test_where_nothing_grows_from_a_pair_the_next_one_is_tried(
    room: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = pairs_of(room)[0]
    bad = dataclasses.replace(good, translation=-good.translation)  # all points behind the cameras
    tried: list[FirstPair] = []

    def beginnings(of: list[FirstPair]) -> None:
        def found(*_: Any, **__: Any) -> Iterator[FirstPair]:
            for one in of:
                tried.append(one)
                yield one

        monkeypatch.setattr(first_pair, "beginnings", found)

    beginnings([bad, good, bad])
    model = map_all(room)
    assert model is not None
    assert model.num_reg_frames() == len(ROOM.poses)
    assert tried == [bad, good], "a model of all photos needs no other"
    tried.clear()
    beginnings([bad] * 10)
    assert map_all(room) is None
    assert len(tried) == rounds._MOST_BEGINNINGS


def test_where_photos_are_missing_another_pair_begins_among_them_and_the_larger_model_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = scene(5, 150, (2,), noise=0.4)
    bench = bench_of(tmp_path, small, ROOM)
    pairs = pairs_of(bench)
    within = [one for one in pairs if max(one.images) <= 5]
    others = [one for one in pairs if min(one.images) > 5]
    assert within
    assert others
    monkeypatch.setattr(first_pair, "beginnings", lambda *_, **__: iter_of([*within, *others]))
    model = map_all(bench)
    assert model is not None
    assert sorted(model.reg_image_ids()) == list(range(6, 20))
    assert off(model, ROOM, 5).rotation_deg.max() < 0.2


def iter_of(pairs: list[FirstPair]) -> Iterator[FirstPair]:
    yield from pairs


def test_where_nothing_matches_there_is_no_model(tmp_path: Path) -> None:
    assert map_all(bench_of(tmp_path, scene(5, 100, (2,)), wrong=1.0)) is None


def test_photos_from_one_spot_give_no_model_or_one_that_ends(tmp_path: Path) -> None:
    around = scene(6, 200, (2,), seen=0.9)
    still = dataclasses.replace(around, poses=np.repeat(around.poses[:1], 6, axis=0))
    noise = np.random.default_rng(1).normal(0, 0.4, still.seen.shape)
    model = map_all(bench_of(tmp_path, dataclasses.replace(still, seen=projected(still) + noise)))
    assert model is None or np.isfinite(model.compute_mean_reprojection_error())


def test_an_adjustment_without_a_minimum_ends_it(room: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ladder goes on with COLMAP's mapper."""
    monkeypatch.setattr(round_adjustment, "_TOLERANCE", 0.0)
    monkeypatch.setattr(round_adjustment, "_LAST_STEPS", 1)
    assert map_all(room) is None


def test_it_can_be_stopped(room: Workbench) -> None:
    stopped = dataclasses.replace(room, cancellation=type(room.cancellation)())
    stopped.cancellation.request()
    with pytest.raises(Cancelled):
        map_all(stopped)


def test_whom_it_suits(room: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = dataclasses.replace(room.options, engine="colmap")
    assert not rounds.suits(dataclasses.replace(room, options=asked))
    photos = (PhotoHeader("0.jpg", 640, 480), PhotoHeader("1.jpg", 640, 480))
    full = Workbench(tmp_path, tmp_path / "photos", SfmOptions(device="cpu"), 1)
    database.create(full.database, photos, [CameraGroup(photos, 560.0, True)], "FULL_OPENCV")
    assert not rounds.suits(full)
    with monkeypatch.context() as patch:
        patch.setattr(adjustment, "MOST_UNKNOWNS", 6 * 14)
        assert not rounds.suits(room)
        assert not model_adjustment.can_solve(14, [pycolmap.Camera(model=pycolmap.CameraModelId.RADIAL)])
    monkeypatch.setattr(adjustment, "_adjustment", None)
    assert not rounds.suits(room)


def test_photos_on_a_line_straight_ahead_have_no_beginning(room: Workbench, tmp_path: Path) -> None:
    """Each photo's camera moved onto the first one's axis: what pairs tell is too little to begin with."""
    options = incremental_options(MapperPreset(low_angles=True), room, mapping.ONE_THREAD)
    assert rounds.have_beginning(room, options, agreement.read_verified(room.database))
    ahead = copy.deepcopy(scene(6, 240, (2,), noise=0.4, seen=0.7))
    ahead.poses[:] = [[0, 0, 0, 1, 0, 0, 5.0 - 0.1 * number] for number in range(6)]
    ahead.seen[:] = projected(ahead)
    bench = bench_of(tmp_path, ahead, wrong=0.0)
    verified = agreement.read_verified(bench.database)
    assert max(len(matches) for matches in verified.matches.values()) >= 100
    assert not rounds.have_beginning(bench, options, verified)
