"""Panoramas: cut into views that are placed as rigs; those that cannot be are named."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photo_sets
from support.odd_photos import jpeg_with_xmp
from support.sfm_runs import Run

from splatworker.errors import InvalidJob
from splatworker.formats.hidden_parts import hidden_parts
from splatworker.formats.panorama import Area, as_xmp, mark_equirectangular
from splatworker.formats.scene import read_scene
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.panoramas import MOST_VIEWS, demand_few_enough
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.views import View, views_of

WIDTH = 1200

Taken = tuple[Path, dict[str, np.ndarray]]
"""A folder of panoramas, and the pose of each."""


def take(folder: Path, poses: Sequence[np.ndarray], width: int = WIDTH) -> dict[str, np.ndarray]:
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
def panoramas(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """(folder, name -> camera_from_world) of six panoramas of the hall."""
    folder = tmp_path_factory.mktemp("panoramas") / "photos"
    return folder, take(folder, photo_sets.walk(6))


def true_views(taken: Mapping[str, np.ndarray], views: Sequence[View]) -> dict[str, np.ndarray]:
    """View name -> camera_from_world, by the names that views get."""
    return {
        f"{name.removesuffix('.jpg')}_{view.label}.jpg": view.rotation() @ pose
        for name, pose in taken.items()
        for view in views
    }


def test_panoramas_become_rigs_whose_views_lie_where_they_were_cut(
    sfm: Callable[..., Run], panoramas: Taken, tmp_path: Path
) -> None:
    run = sfm(panoramas[0], tmp_path / "scene")
    assert (run.result["photos"], run.result["registered"], run.result["panoramas"]) == (6, 6, 6)
    assert run.result["rejected"] == []
    [told] = run.warnings
    assert told.startswith("All photos are 360-degree panoramas: they were cut into 36 views")
    assert "within 30 degrees of straight down" in told
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
        if not name.endswith(("_up.jpg", "_down.jpg")):
            assert pose[1, 1] < -0.999, name


def test_panoramas_and_photos_in_one_set(sfm: Callable[..., Run], panoramas: Taken, tmp_path: Path) -> None:
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


def test_panoramas_from_one_spot_have_no_depth(sfm: Callable[..., Run], tmp_path: Path) -> None:
    pose = photo_sets.walk(3)[0]
    center = -pose[:, :3].T @ pose[:, 3]
    facing = [np.array([np.sin(angle), 0, np.cos(angle)]) for angle in np.linspace(0, 4, 5)]
    take(tmp_path / "photos", [photo_sets.look_at(center, center + towards) for towards in facing], width=800)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_reconstruction"
    assert "one spot" in run.error["message"]


def test_panoramas_of_one_colour(sfm: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(5):
        path = tmp_path / "photos" / f"{number}.jpg"
        Image.new("RGB", (600, 300), (90, 120, 150 + number)).save(path)
        mark_equirectangular(path)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_features"
    assert "5 of 5 are blank" in run.error["message"]


def test_panoramas_that_cannot_be_cut_are_named(sfm: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    picture = np.zeros((300, 400, 3), np.uint8)
    for number in range(5):
        says = jpeg_with_xmp(picture, as_xmp(Area(0, 100, 10, 85), 400, 300))
        (tmp_path / "photos" / f"sky {number}.jpg").write_bytes(says)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_photos"
    assert "5 photos 5 cannot be used. Of sky 0.jpg" in run.error["message"]
    assert "horizon" in run.error["message"]


def test_more_panoramas_than_can_be_cut_are_refused_before_any_is() -> None:
    photos = [PhotoHeader(f"{number}.jpg", 800, 400, area=Area()) for number in range(MOST_VIEWS // 6 + 1)]
    demand_few_enough(photos[:-1], 0)
    with pytest.raises(InvalidJob, match="251 panoramas would be cut into 1506 views; at most 1500"):
        demand_few_enough(photos, 0)


def test_masks_of_panoramas_are_cut_with_them_and_the_tripod_is_ignored(
    sfm: Callable[..., Run], panoramas: Taken, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    (photos / "masks").mkdir(parents=True)
    for name in panoramas[1]:
        (photos / name).symlink_to(panoramas[0] / name)
    first = sorted(panoramas[1])[0]
    mask = np.full((WIDTH // 4, WIDTH // 2), 255, np.uint8)  # half the size
    mask[:, : WIDTH // 8] = 0  # a quarter of the way around: all of the view y225
    Image.fromarray(mask).save(photos / "masks" / f"{first}.png")
    run = sfm(photos, tmp_path / "scene")
    assert run.result["registered"] == 6
    written = {path.name.removesuffix(".png"): path for path in (tmp_path / "scene" / "masks").iterdir()}
    stem = first.removesuffix(".jpg")
    downs = {f"{name.removesuffix('.jpg')}_down.jpg" for name in panoramas[1]}
    assert written.keys() == downs | {f"{stem}_up.jpg"}
    shares = {name: (np.asarray(Image.open(path)) > 0).mean() for name, path in written.items()}
    in_scene = read_scene(tmp_path / "scene").photos  # without the view of which nothing counts
    assert {photo.name for photo in in_scene} == {view["name"] for view in run.result["views"]}
    assert len(in_scene) == 35
    assert f"{stem}_y225.jpg" not in {photo.name for photo in in_scene}
    assert not (tmp_path / "scene" / "images" / f"{stem}_y225.jpg").exists()
    for photo in in_scene:
        with Image.open(photo.path) as image:
            hidden_parts(photo, image)  # a training takes it
    model = pycolmap.Reconstruction(tmp_path / "scene" / "sparse" / "0")
    assert {
        image_id for point in model.points3D.values() for image_id in (one.image_id for one in point.track.elements)
    } <= set(model.images)
    assert shares[f"{stem}_up.jpg"] == pytest.approx(0.75, abs=0.02)
    tripod = np.pi * np.tan(np.radians(30)) ** 2 / 4
    for name in downs - {f"{stem}_down.jpg"}:
        assert shares[name] == pytest.approx(1 - tripod, abs=0.01)
    assert shares[f"{stem}_down.jpg"] < 0.9 * (1 - tripod)
    assert any("1 of 6 photos have a mask" in warning for warning in run.warnings)
