"""The whole stage on photos whose cameras are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photo_sets
from support.sfm_runs import Run

from splatworker.formats.folder_record import RECORD
from splatworker.formats.scene import read_scene
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.frame import geometric_median


def poses_of(scene: Path) -> dict[str, np.ndarray]:
    return {photo.name: photo.camera.camera_from_world for photo in read_scene(scene).photos}


def test_every_photo_stands_where_it_was_taken(
    room: tuple[Run, Path], room_photos: tuple[Path, dict[str, np.ndarray]]
) -> None:
    run, scene = room
    assert run.result["registered"] == run.result["photos"] == 10
    assert run.result["rejected"] == []
    assert run.result["reprojection_error_px"] < 0.6
    difference = compare_poses(poses_of(scene), room_photos[1])
    assert len(difference.position) == 10
    assert difference.rotation_deg.max() < 0.4  # a pixel is 0.14 degrees
    assert difference.position.max() < 0.005


def test_the_scene_is_what_a_trainer_reads(room: tuple[Run, Path]) -> None:
    _, scene = room
    assert {path.name for path in scene.iterdir()} == {RECORD, "frame.json", "images", "report.json", "sparse"}
    assert sorted(path.name for path in (scene / "sparse" / "0").iterdir()) == [
        "cameras.bin",
        "images.bin",
        "points3D.bin",
    ]
    photos = read_scene(scene).photos
    assert len(photos) == 10
    for photo in photos:
        with Image.open(photo.path) as image:
            assert image.size == (photo.camera.width, photo.camera.height)
            assert 390 <= max(image.size) <= 400
            assert min(image.size) >= 280  # not cropped to rubbish: 4:3 still
            assert not image.getexif()
        # With the true focal length, its columns are those of the photo but for a few that were cropped.
        assert -10 <= photo_sets.FOCAL * photo.camera.width / photo.camera.fx - photo_sets.WIDTH <= 1
        assert photo.camera.fy == pytest.approx(photo.camera.fx, rel=0.01)


def test_nothing_is_left_beside_the_scene(room: tuple[Run, Path]) -> None:
    _, scene = room
    assert [path.name for path in scene.parent.iterdir()] == [scene.name]


def test_points_lie_before_the_cameras_that_could_see_them(room: tuple[Run, Path]) -> None:
    scene = read_scene(room[1])
    positions = scene.points.xyz
    assert len(positions) == room[0].result["points"] > 500
    for photo in scene.photos:
        pose = photo.camera.camera_from_world
        depth = positions @ pose[2, :3] + pose[2, 3]
        assert (depth > 0).mean() > 0.95


def test_the_world_is_upright_centred_and_of_a_stated_size(
    room: tuple[Run, Path], room_photos: tuple[Path, dict[str, np.ndarray]]
) -> None:
    _, scene = room
    poses = poses_of(scene)
    truth = room_photos[1]
    # The room's own up is +y: seen by every camera, both worlds must agree where up is.
    for name, pose in poses.items():
        up, true_up = pose[:, :3] @ [0, 1, 0], truth[name][:, :3] @ [0, 1, 0]
        assert np.degrees(np.arccos(np.clip(up @ true_up, -1, 1))) < 2.0
    centers = np.array([-pose[:, :3].T @ pose[:, 3] for pose in poses.values()])
    assert 2 * np.linalg.norm(centers - centers.mean(axis=0), axis=1).max() == pytest.approx(10.0, rel=1e-3)
    assert np.linalg.norm(geometric_median(read_scene(scene).points.xyz)) < 0.01
    first = centers[sorted(poses).index("photo 1.jpg")]
    assert first[2] > 0
    assert abs(first[0]) < 0.05 * first[2]
    frame = json.loads((scene / "frame.json").read_text())
    assert frame["unit"] == "arbitrary"
    matrix = np.array(frame["world_from_colmap"])
    assert np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, frame["scale"] ** 2 * np.eye(3))
    assert np.linalg.det(matrix[:3, :3]) > 0


def test_the_report_tells_how_it_went(room: tuple[Run, Path]) -> None:
    _, scene = room
    report = json.loads((scene / "report.json").read_text())
    assert report["registered"] == 10
    assert report["rung"] == "incremental"
    (attempt,) = report["attempts"]
    assert (attempt["look"], attempt["rung"], attempt["registered"]) == ("fast", "incremental", 10)
    assert attempt["seconds"] > 0
    assert report["pairs"]["matched"] == 45
    assert report["pairs"]["verified"] >= 30
    assert report["extent"] == pytest.approx(10.0, rel=1e-3)
    assert {"features", "matching", "mapping", "undistortion"} <= report["timings"].keys()
    [camera] = report["cameras"]
    assert camera["model"] == "SIMPLE_RADIAL"
    assert (camera["width"], camera["height"]) == (photo_sets.WIDTH, photo_sets.HEIGHT)
    assert camera["params"]["f"] == pytest.approx(photo_sets.FOCAL, rel=0.01)
    assert abs(camera["params"]["k"]) < 0.01
    assert camera["prior_focal"] is None
    assert len(camera["photos"]) == 10


def test_progress_never_falls_and_ends_at_one(room: tuple[Run, Path]) -> None:
    run, _ = room
    fractions = [event["fraction"] for event in run.events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(fractions) > 5
    assert all(event["stage"] == "sfm" for event in run.events)


def test_the_same_photos_give_the_same_cameras(
    sfm: Callable[..., Run], room: tuple[Run, Path], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    again = sfm(room_photos[0], tmp_path / "scene", "--undistort-max-size", "400")
    assert again.result["registered"] == 10
    difference = compare_poses(poses_of(tmp_path / "scene"), poses_of(room[1]))
    assert difference.rotation_deg.max() < 0.01
    assert difference.position.max() < 0.001


def test_colmaps_frame_can_be_kept(
    sfm: Callable[..., Run], room: tuple[Run, Path], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    sfm(room_photos[0], tmp_path / "scene", "--keep-frame", "--camera-model", "PINHOLE")
    assert not (tmp_path / "scene" / "frame.json").exists()
    difference = compare_poses(poses_of(tmp_path / "scene"), room_photos[1])
    assert difference.position.max() < 0.005
    with Image.open(tmp_path / "scene" / "images" / "photo 1.jpg") as image:
        assert image.size == (photo_sets.WIDTH, photo_sets.HEIGHT)
