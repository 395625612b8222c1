"""Cameras by a draft on the coarsest features, beside those by all features at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from splatworker.sfm import database, draft, features, mapping, matching
from splatworker.sfm.cameras import group_photos
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.layout import lay_out
from splatworker.sfm.mapping import MapperPreset
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.pairs import all_pairs
from splatworker.sfm.photo import read_photos
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

SPAN = Span(Silent(), "", 0.0, 1.0)
FEW = 200


@pytest.fixture(scope="module")
def bench(room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """The room, matched."""
    folder = tmp_path_factory.mktemp("matched")
    bench = Workbench(folder, folder / "photos", SfmOptions(device="cpu"), 2)
    photos, _ = read_photos(room_photos[0])
    photos = lay_out(photos, room_photos[0], bench, SPAN)
    groups = group_photos(photos, [room_photos[0] / photo.name for photo in photos])
    database.create(bench.database, photos, groups, "auto")
    features.extract(bench, features.FAST, SPAN)
    matching.match(bench, all_pairs(len(photos)), SPAN)
    return bench


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft on so few features that the room has plenty."""
    monkeypatch.setattr(draft, "FEATURES", FEW)


def verified(path: Path) -> dict[tuple[int, int], set[tuple[int, int]]]:
    """Pair -> set of its verified matches."""
    with pycolmap.Database.open(path) as opened:
        pair_ids, geometries = opened.read_two_view_geometries()
    pairs = map(pycolmap.pair_id_to_image_pair, pair_ids)
    found = (np.asarray(geometry.inlier_matches).tolist() for geometry in geometries)
    return {pair: set(map(tuple, matches)) for pair, matches in zip(pairs, found, strict=True)}


def seen_by(matches: dict[tuple[int, int], set[tuple[int, int]]], image_id: int) -> set[int]:
    """Features of an image that have a match."""
    return {match[pair.index(image_id)] for pair, found in matches.items() if image_id in pair for match in found}


def sizes(path: Path, image_id: int) -> np.ndarray:
    """Size of every feature: its frame takes a unit square to so many pixels squared."""
    with pycolmap.Database.open(path) as opened:
        frames = opened.read_keypoints(image_id)[:, 2:].reshape(-1, 2, 2)
    return np.asarray(np.sqrt(np.abs(np.linalg.det(frames))))


def test_a_draft_has_the_matches_among_the_coarsest_features(bench: Workbench, tmp_path: Path) -> None:
    draft.thin_out(bench.database, tmp_path / "draft.db")
    everything, thin = verified(bench.database), verified(tmp_path / "draft.db")
    coarsest = {}
    for image_id in range(1, 11):
        seen, kept = seen_by(everything, image_id), seen_by(thin, image_id)
        assert kept <= seen
        assert len(kept) <= FEW < len(seen)
        size = sizes(bench.database, image_id)
        limit = np.sort(size[sorted(seen)])[-FEW]
        assert size[sorted(kept)].min() >= limit * (1 - 1e-6)
        coarsest[image_id] = {feature for feature in seen if size[feature] > limit * (1 + 1e-6)}
    for (first, second), matches in everything.items():
        among = {match for match in matches if match[0] in coarsest[first] and match[1] in coarsest[second]}
        assert len(among) < 15 or among <= thin[first, second]
        assert thin.get((first, second), set()) <= matches


def test_the_database_itself_stays_whole(bench: Workbench, tmp_path: Path) -> None:
    before = verified(bench.database)
    draft.thin_out(bench.database, tmp_path / "draft.db")
    assert verified(bench.database) == before


def test_a_photo_without_features_is_no_obstacle(bench: Workbench, tmp_path: Path) -> None:
    blank = tmp_path / "blank.db"
    shutil.copyfile(bench.database, blank)
    with pycolmap.Database.open(blank) as opened:
        image = pycolmap.Image()
        image.name, image.camera_id = "blank.jpg", 1
        opened.write_image(image)
    assert not draft.is_worthwhile(blank)
    draft.thin_out(blank, tmp_path / "draft.db")
    draft.thin_out(bench.database, tmp_path / "without.db")
    assert verified(tmp_path / "draft.db") == verified(tmp_path / "without.db")


def test_only_plenty_of_features_are_worth_a_draft(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    median = np.median([len(seen_by(verified(bench.database), image_id)) for image_id in range(1, 11)])
    monkeypatch.setattr(draft, "PLENTY", median)
    assert draft.is_worthwhile(bench.database)
    monkeypatch.setattr(draft, "PLENTY", median + 1)
    assert not draft.is_worthwhile(bench.database)


def test_cameras_and_points_are_those_of_all_features(
    bench: Workbench, room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    presets = {"all": MapperPreset(), "draft": MapperPreset(draft=True), "again": MapperPreset(draft=True)}
    models = {
        name: mapping.map_incrementally(bench, tmp_path / name, preset, 10, SPAN)[0] for name, preset in presets.items()
    }
    names = dict(enumerate(room_photos[1], 1))
    poses = {
        name: {names[image_id]: model.image(image_id).cam_from_world().matrix() for image_id in model.reg_image_ids()}
        for name, model in models.items()
    }
    assert len(poses["draft"]) == 10
    assert models["draft"].num_points3D() > 0.9 * models["all"].num_points3D()
    assert all(point.color.any() for point in list(models["draft"].points3D.values())[:100])
    # As near to the truth as by all features: 0.19 degrees for either. What lies between the two is less.
    drafted, whole = (compare_poses(poses[name], room_photos[1]) for name in ("draft", "all"))
    assert drafted.rotation_deg.max() < whole.rotation_deg.max() + 0.02
    assert drafted.position.max() < whole.position.max() + 0.0002
    apart = compare_poses(poses["draft"], poses["all"])
    assert apart.rotation_deg.max() < 0.1
    assert apart.position.max() < 0.0005
    same = compare_poses(poses["again"], poses["draft"])
    assert same.rotation_deg.max() < 1e-4
    assert same.position.max() < 1e-6
