"""Fisheyes: told from ordinary lenses by the matches of their photos, and straightened."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photo_sets
from support.sfm_runs import Run

from splatworker.formats.hidden_parts import hidden_parts
from splatworker.formats.scene import Photo, read_scene
from splatworker.sfm import database, features, matching
from splatworker.sfm.cameras import CameraGroup, group_photos
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.gate import lens_fault
from splatworker.sfm.graph import MatchGraph, read_graph
from splatworker.sfm.layout import lay_out
from splatworker.sfm.lens import find_fisheyes
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.pairs import all_pairs
from splatworker.sfm.photo import read_photos
from splatworker.sfm.undistorted_camera import WIDEST_DEG, share_kept
from splatworker.sfm.views import Calibration
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

SPAN = Span(Silent(), "", 0.0, 1.0)
FOCAL, BEND = 190.0, -0.02
"""480 pixels are 148 degrees wide."""


Taken = tuple[Path, dict[str, np.ndarray]]
"""A folder of photos, and the pose of each."""


@pytest.fixture(scope="session")
def fisheyes(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """(folder, name -> camera_from_world) of nine photos of the hall by a fisheye."""
    folder = tmp_path_factory.mktemp("fisheye") / "photos"
    folder.mkdir()
    rays = photo_sets.fisheye_rays(480, 360, FOCAL, BEND)
    taken = {}
    for number, angle in enumerate(np.radians(np.linspace(-50, 50, 9))):
        center = np.array([1.2 * np.sin(angle), 1.2 + 0.3 * (number % 2), 0.9 + 0.6 * np.cos(angle)])
        target = np.array([0.3 * np.sin(3 * number), 0.9, -1.2])
        taken[f"{number}.jpg"] = photo_sets.look_at(center, target, roll=0.05 * np.sin(number))
        photo_sets.save(
            photo_sets.photograph(photo_sets.hall(), taken[f"{number}.jpg"], rays), folder / f"{number}.jpg"
        )
    return folder, taken


def matched(images: Path, folder: Path, most: int) -> tuple[Workbench, list[CameraGroup], MatchGraph]:
    """A bench with the photos' matches, their cameras, and the graph."""
    folder.mkdir()
    bench = Workbench(folder, folder / "photos", SfmOptions(device="cpu"), 2)
    photos, _ = read_photos(images)
    photos = lay_out(photos[:most], images, bench, SPAN)
    groups = group_photos(photos, [images / photo.name for photo in photos])
    database.create(bench.database, photos, groups, "auto")
    features.extract(bench, features.FAST, SPAN)
    matching.match(bench, all_pairs(len(photos)), SPAN)
    return bench, groups, read_graph(bench.database)


def test_the_matches_of_a_fisheye_tell_it_and_a_header_is_heard_first(fisheyes: Taken, tmp_path: Path) -> None:
    bench, groups, graph = matched(fisheyes[0], tmp_path / "work", 6)
    found = find_fisheyes(bench, groups, graph)
    assert found.keys() == {1}
    assert found[1] == pytest.approx(FOCAL, rel=0.2)
    told = dataclasses.replace(groups[0], focal=400.0, has_prior=True)
    assert find_fisheyes(bench, [told], graph) == {}
    asked = dataclasses.replace(bench, options=SfmOptions(camera_model="OPENCV_FISHEYE"))
    assert find_fisheyes(asked, [told], graph) == found
    assert find_fisheyes(dataclasses.replace(bench, options=SfmOptions(camera_model="OPENCV")), groups, graph) == {}
    database.make_fisheyes(bench.database, found, "OPENCV_FISHEYE")
    database.forget_focal_lengths(bench.database)
    with pycolmap.Database.open(bench.database) as opened:
        (camera,) = opened.read_all_cameras()
        assert camera.model_name == "OPENCV_FISHEYE"
        assert camera.mean_focal_length() == pytest.approx(found[1])
        assert opened.num_verified_image_pairs() == 0


def test_an_ordinary_lens_is_not_taken_for_a_fisheye(room_photos: Taken, tmp_path: Path) -> None:
    bench, groups, graph = matched(room_photos[0], tmp_path / "work", 6)
    assert not groups[0].has_prior
    assert find_fisheyes(bench, groups, graph) == {}


def test_fisheye_photos_are_straightened_and_placed(sfm: Callable[..., Run], fisheyes: Taken, tmp_path: Path) -> None:
    run = sfm(fisheyes[0], tmp_path / "scene")
    assert run.result["registered"] == 9
    [told] = run.warnings
    assert told.startswith("A fisheye lens took 9 photos (0.jpg, 1.jpg, 2.jpg, ...): of each photo the 6")
    assert "within 110 degrees" in told
    [camera] = json.loads((tmp_path / "scene" / "report.json").read_text())["cameras"]
    assert camera["model"] == "SIMPLE_RADIAL_FISHEYE"
    assert camera["params"]["f"] == pytest.approx(FOCAL, rel=0.02)
    everything = read_scene(tmp_path / "scene").photos
    photos = [photo for photo in everything if photo.name in fisheyes[1]]
    assert len(photos) == 9
    difference = compare_poses({photo.name: photo.camera.camera_from_world for photo in photos}, fisheyes[1])
    assert difference.rotation_deg.max() < 0.3
    assert difference.position.max() < 0.005
    for photo in photos[::4]:
        camera = photo.camera
        assert max(camera.width / 2 / camera.fx, camera.height / 2 / camera.fy) < np.tan(np.radians(WIDEST_DEG / 2))
        rays = photo_sets.pinhole_rays(camera.width, camera.height, camera.fx)
        seen = photo_sets.photograph(photo_sets.hall(), fisheyes[1][photo.name], rays)
        with Image.open(photo.path) as image:
            assert np.median(np.abs(np.asarray(image).astype(int) - seen)) < 12, "what a pinhole camera would have seen"
    faces_are_true(run, everything, fisheyes[1])


def faces_are_true(run: Run, photos: Sequence[Photo], truth: dict[str, np.ndarray]) -> None:
    """What a photo shows beside its straightened middle is there: pictures with the same center, whose cameras see in
    the hall what they show, wherever their masks say that it counts; COLMAP's tracks and observations agree.
    """
    told = {face["name"]: face for face in run.result["faces"]}
    sides = [photo for photo in photos if photo.name in told]
    assert len(sides) == len(photos) - 9 >= 18
    by_name = {photo.name: photo.camera for photo in photos}
    for photo in sides[::7]:
        camera, front = photo.camera, by_name[told[photo.name]["photo"]]
        assert np.allclose(camera.center, front.center, atol=1e-6)
        assert (camera.width, camera.height) == (told[photo.name]["width"], told[photo.name]["height"])
        turn = camera.camera_from_world[:, :3] @ front.camera_from_world[:, :3].T
        pose = turn @ truth[told[photo.name]["photo"]]
        x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
        rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], axis=-1)
        seen = photo_sets.photograph(photo_sets.hall(), pose, rays)
        with Image.open(photo.path) as image:
            counts = hidden_parts(photo, image).counts
            kept = np.ones(seen.shape[:2], bool) if counts is None else np.asarray(counts) > 0
            wrong = np.abs(np.asarray(image.convert("RGB")).astype(int) - seen).max(axis=-1)
        assert kept.mean() > 0.3
        assert np.median(wrong[kept]) < 16
    model = pycolmap.Reconstruction(photos[0].path.parents[1] / "sparse" / "0")
    errors = []
    for point_id, point in list(model.points3D.items())[::5]:
        for element in point.track.elements:
            shot = model.image(element.image_id)
            observed = shot.points2D[element.point2D_idx]
            assert observed.point3D_id == point_id
            projected = shot.project_point(point.xyz)
            assert projected is not None
            errors.append(np.linalg.norm(projected - observed.xy))
    assert np.median(errors) < 1.0
    assert any(
        model.image(image_id).num_points3D > 20 for image_id in model.images if model.image(image_id).name in told
    )


def test_a_fisheye_whose_angles_do_not_grow_cannot_be() -> None:
    def camera(k: float) -> pycolmap.Camera:
        made = pycolmap.Camera.create_from_model_name(1, "SIMPLE_RADIAL_FISHEYE", FOCAL, 480, 360)
        made.params = [FOCAL, 240.0, 180.0, k]
        return made

    assert lens_fault(camera(-0.02)) == ""
    assert lens_fault(camera(0.05)) == ""
    assert "bent" in lens_fault(camera(-1.5))


def test_the_share_of_a_fisheye_that_is_kept() -> None:
    lens = pycolmap.Camera.create_from_model_name(1, "SIMPLE_FISHEYE", 240 / np.radians(55), 480, 480)
    flat = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 240 / np.tan(np.radians(55)), 480, 480)
    assert 0.85 < share_kept(lens, flat) < 1
    narrow = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 240 / np.tan(np.radians(20)), 480, 480)
    assert 0.1 < share_kept(lens, narrow) < 0.25


def test_views_of_panoramas_are_no_fisheyes(fisheyes: Taken, tmp_path: Path) -> None:
    bench, groups, graph = matched(fisheyes[0], tmp_path / "work", 4)
    views = [dataclasses.replace(group, calibration=Calibration(240.0, 240.0, 240.0, 180.0)) for group in groups]
    assert find_fisheyes(bench, views, graph) == {}
