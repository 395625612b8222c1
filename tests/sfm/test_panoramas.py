"""Panoramas: cut into views as a camera would have seen them, and placed as rigs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from support import photo_sets
from support.odd_photos import jpeg_with_xmp

from splatworker.formats.panorama import Area, as_xmp, mark_equirectangular
from splatworker.formats.scene import read_scene
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.cut import cut_view, with_views
from splatworker.sfm.graph import MatchGraph, by_frame
from splatworker.sfm.pairs import choose_pairs
from splatworker.sfm.photo import PhotoHeader, frames_of
from splatworker.sfm.views import views_of

WIDTH = 1200


def take(folder, poses, width=WIDTH):
    """Panoramas of the hall from every pose; file name -> pose."""
    folder.mkdir(parents=True, exist_ok=True)
    rays = photo_sets.sphere_rays(width)
    taken = {}
    for number, pose in enumerate(poses, 1):
        path = folder / f"all around {number}.jpg"
        photo_sets.save(photo_sets.photograph(photo_sets.hall(), pose, rays), path)
        mark_equirectangular(path)
        taken[path.name] = pose
    return taken


@pytest.fixture(scope="session")
def panoramas(tmp_path_factory):
    """(folder, name -> camera_from_world) of six panoramas of the hall."""
    folder = tmp_path_factory.mktemp("panoramas") / "photos"
    return folder, take(folder, photo_sets.walk(6))


def true_views(taken, views):
    """View name -> camera_from_world, by the names that views get."""
    return {
        f"{name.removesuffix('.jpg')}_{view.label}.jpg": view.rotation() @ pose
        for name, pose in taken.items()
        for view in views
    }


def test_a_view_shows_what_a_camera_there_would_have_seen():
    pose = photo_sets.walk(3)[1]
    panorama = photo_sets.photograph(photo_sets.hall(), pose, photo_sets.sphere_rays(WIDTH))
    rgba = np.dstack([panorama, np.full(panorama.shape[:2], 255, np.uint8)])
    views = views_of(Area(), WIDTH)
    assert [view.label for view in views] == ["y225", "y315", "y045", "y135", "up"]
    for view in views:
        assert (view.width, view.height) == (300, 300)
        rays = photo_sets.pinhole_rays(300, 300, 150.0)
        seen = photo_sets.photograph(photo_sets.hall(), view.rotation() @ pose, rays)
        cut = cut_view(rgba, Area(), view)[:, :, :3]
        error = np.abs(cut.astype(int) - seen)
        assert np.median(error) <= 2, view.label
        assert np.mean(error) < 6, view.label  # at the posters' edges a pixel is on one side or the other


def test_the_views_of_a_whole_sphere_meet_at_their_edges_and_leave_out_what_is_below():
    views = views_of(Area(), 2048, longest=400)
    assert {(view.width, view.height) for view in views} == {(400, 400)}
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(4000, 3))
    seen_by = np.zeros(len(directions), int)
    for view in views:
        x, y, z = (directions @ view.rotation().T).T
        seen_by += (z > 0) & (np.abs(x) < z) & (np.abs(y) < z)
    x, z = directions[:, 0], directions[:, 2]
    down = directions[:, 1] > np.maximum(np.abs(x + z), np.abs(x - z)) / np.sqrt(2)  # the cube stands on an edge
    assert np.array_equal(seen_by == 0, down)
    assert seen_by.max() == 1


@pytest.mark.parametrize(
    ("area", "labels", "height"),
    [
        (Area(-180, 180, -30, 30), ["y225", "y315", "y045", "y135"], 1.1547),
        (Area(-60, 60, -45, 80), ["y330", "y030"], 2.0),
        (Area(-40, 40, -20, 20), ["y000"], 0.7279),
        (Area(0, 100, 10, 80), [], 0),  # nothing of the horizon
    ],
)
def test_a_part_of_the_sphere_is_cut_as_far_as_it_goes(area, labels, height):
    views = views_of(area, 1600)
    assert [view.label for view in views] == labels
    for view in views:
        assert view.height == pytest.approx(height * 200, abs=1)
        rays = view.rays(slice(None))
        longitude = np.degrees(np.arctan2(rays[..., 0], rays[..., 2]))
        latitude = np.degrees(np.arctan2(-rays[..., 1], np.hypot(rays[..., 0], rays[..., 2])))
        middle = (area.west + area.east) / 2
        off = (longitude - middle + 180) % 360 - 180
        assert np.abs(off).max() < (area.east - area.west) / 2
        assert latitude.max() < area.north
        assert latitude.min() > area.south


def test_views_get_names_that_no_photo_has():
    photos = [PhotoHeader("a.jpg", 800, 400, area=Area()), PhotoHeader("A_up.jpg", 300, 200, focal_mm=4.0)]
    photos.append(PhotoHeader("small.jpg", 200, 100, area=Area()))
    cut, useless = with_views(photos, 0)
    names = [photo.name for photo in cut]
    assert names == ["a_y225.jpg", "a_y315.jpg", "a_y045.jpg", "a_y135.jpg", "a_up_2.jpg", "A_up.jpg"]
    assert [photo.name for photo in useless] == ["small.jpg"]
    assert frames_of(cut) == [1, 1, 1, 1, 1, 6]
    assert {photo.given for photo in cut} == {"a.jpg", "A_up.jpg"}


def test_views_of_one_panorama_are_never_matched_with_each_other():
    frames = [1, 1, 1, 4, 4, 4, 7]
    pairs = choose_pairs(7, "exhaustive", False, lambda: None, frames)
    assert len(pairs) == 21 - 6
    assert all(frames[first - 1] != frames[second - 1] for first, second in pairs)
    many = [1 + 5 * (number // 5) for number in range(150)]
    alike = np.random.default_rng(0).random((150, 150), np.float32)
    for matcher in ("retrieval", "sequential"):
        pairs = choose_pairs(150, matcher, False, lambda: alike, many)
        assert pairs == sorted(set(pairs))
        assert all(many[first - 1] != many[second - 1] for first, second in pairs)
        near = {(many[first - 1], many[second - 1]) for first, second in pairs}
        assert all((one, one + 5) in near for one in range(1, 141, 5)), "neighbours are panoramas"
        assert len(pairs) < 150 * 40


def test_matches_of_views_are_those_of_their_panoramas():
    turn, aside = np.eye(3), np.diag([1.0, 1.0, 2.0])
    inliers = {(1, 3): 20, (2, 3): 90, (2, 4): 5, (1, 5): 40}
    graph = MatchGraph((1, 2, 3, 4, 5), inliers, {(2, 3): turn, (2, 4): aside}, 8)
    made = by_frame(graph, [1, 1, 3, 3, 5])
    assert made.images == (1, 3, 5)
    assert made.inliers == {(1, 3): 115, (1, 5): 40}
    assert made.homographies.keys() == {(1, 3)}
    assert made.homographies[1, 3] is turn


def test_panoramas_become_rigs_whose_views_lie_where_they_were_cut(sfm, panoramas, tmp_path):
    run = sfm(panoramas[0], tmp_path / "scene")
    assert (run.result["photos"], run.result["registered"], run.result["panoramas"]) == (6, 6, 6)
    assert run.result["rejected"] == []
    [told] = run.warnings
    assert told.startswith("All photos are 360-degree panoramas: they were cut into 30 views")
    assert "straight down" in told
    views = views_of(Area(), WIDTH)
    photos = read_scene(tmp_path / "scene").photos
    assert {(photo.camera.width, photo.camera.fx, photo.camera.cx) for photo in photos} == {(300, 150.0, 150.0)}
    found = {photo.name: photo.camera.camera_from_world for photo in photos}
    truth = true_views(panoramas[1], views)
    assert found.keys() == truth.keys()
    difference = compare_poses(found, truth)
    assert difference.rotation_deg.max() < 0.2
    assert difference.position.max() < 0.005
    for name in panoramas[1]:
        stem = name.removesuffix(".jpg")
        first = found[f"{stem}_{views[0].label}.jpg"]
        for view in views[1:]:
            pose = found[f"{stem}_{view.label}.jpg"]
            assert np.allclose(pose[:, :3] @ first[:, :3].T, view.rotation() @ views[0].rotation().T, atol=1e-6)
            assert np.allclose(pose[:, :3].T @ pose[:, 3], first[:, :3].T @ first[:, 3], atol=1e-6)
    report = json.loads((tmp_path / "scene" / "report.json").read_text())
    assert {view["panorama"] for view in report["views"]} == panoramas[1].keys()
    for name, pose in found.items():  # the hall's up is y, and so is the scene's
        if not name.endswith("_up.jpg"):
            assert pose[1, 1] < -0.999, name


def test_panoramas_and_photos_in_one_set(sfm, panoramas, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    kept = dict(list(panoramas[1].items())[:3])
    for name in kept:
        (photos / name).symlink_to(panoramas[0] / name)
    poses = [photo_sets.look_at(np.array([x, 1.5, 1.6]), np.array([0.2, 1.0, -2.0])) for x in np.linspace(-0.8, 0.8, 5)]
    taken = photo_sets.take(photos, photo_sets.hall(), poses)
    run = sfm(photos, tmp_path / "scene")
    assert (run.result["photos"], run.result["registered"], run.result["panoramas"]) == (8, 8, 3)
    assert run.warnings[0].startswith("3 of 8 photos are 360-degree panoramas")
    found = {photo.name: photo.camera.camera_from_world for photo in read_scene(tmp_path / "scene").photos}
    truth = true_views(kept, views_of(Area(), WIDTH)) | taken
    assert found.keys() == truth.keys()
    difference = compare_poses(found, truth)
    assert difference.rotation_deg.max() < 0.5
    assert difference.position.max() < 0.02


def test_panoramas_from_one_spot_have_no_depth(sfm, tmp_path):
    pose = photo_sets.walk(3)[0]
    center = -pose[:, :3].T @ pose[:, 3]
    facing = [np.array([np.sin(angle), 0, np.cos(angle)]) for angle in np.linspace(0, 4, 5)]
    take(tmp_path / "photos", [photo_sets.look_at(center, center + towards) for towards in facing], width=800)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_reconstruction"
    assert "one spot" in run.error["message"]


def test_panoramas_of_one_colour(sfm, tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(5):
        path = tmp_path / "photos" / f"{number}.jpg"
        Image.new("RGB", (600, 300), (90, 120, 150 + number)).save(path)
        mark_equirectangular(path)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_features"
    assert "5 of 5 are blank" in run.error["message"]


def test_panoramas_that_cannot_be_cut_are_named(sfm, tmp_path):
    (tmp_path / "photos").mkdir()
    picture = np.zeros((300, 400, 3), np.uint8)
    for number in range(5):
        says = jpeg_with_xmp(picture, as_xmp(Area(0, 100, 10, 85), 400, 300))
        (tmp_path / "photos" / f"sky {number}.jpg").write_bytes(says)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_photos"
    assert "5 photos 5 cannot be used. Of sky 0.jpg" in run.error["message"]
    assert "horizon" in run.error["message"]
