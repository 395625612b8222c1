"""What is said when photos do not make a scene, and what is left behind: nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photo_sets
from support.sfm_runs import Run, gone

from splatworker.formats.scene import read_scene
from splatworker.sfm.compare import compare_poses


def test_photos_that_share_nothing(sfm: Callable[..., Run], tmp_path: Path) -> None:
    rays = photo_sets.pinhole_rays()
    poses = photo_sets.arc(5)
    (tmp_path / "photos").mkdir()
    for number, pose in enumerate(poses):
        picture = photo_sets.photograph(photo_sets.room(seed=number), pose, rays)
        photo_sets.save(picture, tmp_path / "photos" / f"{number}.jpg")
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_overlap"
    assert "do not overlap" in run.error["message"]
    assert "each showing" in run.error["hint"]
    assert gone(tmp_path / "scene")


def test_photos_of_a_white_wall(sfm: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        wall = 235 + np.linspace(0, 8, 480)[None, :, None] + rng.normal(0, 1.0, (360, 480, 3))
        photo_sets.save(wall.clip(0, 255).astype(np.uint8), tmp_path / "photos" / f"{number}.jpg")
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_features"
    assert "6 of 6 are blank" in run.error["message"]
    assert gone(tmp_path / "scene")


def test_blurred_photos(sfm: Callable[..., Run], tmp_path: Path) -> None:
    rays = photo_sets.pinhole_rays()
    (tmp_path / "photos").mkdir()
    for number, pose in enumerate(photo_sets.arc(8)):
        picture = photo_sets.photograph(photo_sets.room(), pose, rays)
        photo_sets.save(picture, tmp_path / "photos" / f"{number}.jpg", blur=10)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] in ("no_features", "no_overlap", "no_reconstruction")
    assert "8 of 8 are blurred" in run.error["message"]


def test_photos_taken_from_one_spot(sfm: Callable[..., Run], tmp_path: Path) -> None:
    center = np.array([0.0, 1.2, 2.6])
    targets = [np.array([x, 0.8 + 0.1 * (number % 3), -1.0]) for number, x in enumerate(np.linspace(-1.2, 1.2, 12))]
    photo_sets.take(tmp_path / "photos", photo_sets.room(), [photo_sets.look_at(center, target) for target in targets])
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_reconstruction"
    assert "one spot" in run.error["message"]
    assert gone(tmp_path / "scene")


def test_the_same_photo_many_times(sfm: Callable[..., Run], tmp_path: Path) -> None:
    photo_sets.take(tmp_path / "photos", photo_sets.room(), photo_sets.arc(1))
    for number in range(2, 9):
        shutil.copy(tmp_path / "photos" / "photo 1.jpg", tmp_path / "photos" / f"photo {number}.jpg")
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_reconstruction"
    assert "Nearly all of 8 photos show the same: photo 2.jpg, for one, what photo 1.jpg shows" in run.error["message"]
    assert gone(tmp_path / "scene")


def test_two_scenes_in_one_set(sfm: Callable[..., Run], tmp_path: Path) -> None:
    photo_sets.take(tmp_path / "photos", photo_sets.room(), photo_sets.arc(8), prefix="a")
    photo_sets.take(tmp_path / "photos", photo_sets.room(seed=7), photo_sets.arc(4, degrees=30), prefix="b")
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.result["registered"] == 8
    rejected = {photo["name"]: photo["reason"] for photo in run.result["rejected"]}
    assert sorted(rejected) == ["b1.jpg", "b2.jpg", "b3.jpg", "b4.jpg"]
    assert all("a different scene" in reason for reason in rejected.values())
    [warning] = run.warnings
    assert warning.startswith("Only 8 of 12 photos could be placed")
    assert "b3.jpg" in warning


@pytest.mark.slow
def test_one_blank_one_blurred_and_one_foreign_photo_among_good_ones(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(room_photos[0], photos)
    rays = photo_sets.pinhole_rays()
    photo_sets.save(np.full((360, 480, 3), 20, np.uint8), photos / "photo 11.jpg")
    blurred = photo_sets.photograph(photo_sets.room(), photo_sets.arc(3)[1], rays)
    photo_sets.save(blurred, photos / "photo 12.jpg", blur=10)
    foreign = photo_sets.photograph(photo_sets.room(seed=9), photo_sets.arc(3)[1], rays)
    photo_sets.save(foreign, photos / "photo 13.jpg")
    (photos / "notes.txt").write_text("not a photo")
    run = sfm(photos, tmp_path / "scene")
    assert run.result["registered"] == 10
    rejected = {photo["name"]: photo["reason"] for photo in run.result["rejected"]}
    assert sorted(rejected) == ["notes.txt", "photo 11.jpg", "photo 12.jpg", "photo 13.jpg"]
    assert "blank" in rejected["photo 11.jpg"]
    assert "blurred" in rejected["photo 12.jpg"]
    assert "does not overlap with any other" in rejected["photo 13.jpg"]
    assert "not a photo" in rejected["notes.txt"]


def test_photos_by_a_wide_lens_among_others_get_its_camera(sfm: Callable[..., Run], tmp_path: Path) -> None:
    """They were taken for photos of the same camera: of one size, and without EXIF."""
    photos, poses = tmp_path / "photos", photo_sets.arc(12)
    truth = photo_sets.take(photos, photo_sets.room(), poses)
    for number in (4, 9):
        picture = photo_sets.photograph(photo_sets.room(), poses[number - 1], photo_sets.pinhole_rays(focal=230.0))
        photo_sets.save(picture, photos / f"photo {number}.jpg")
    run = sfm(photos, tmp_path / "scene", "--undistort-max-size", "64")
    assert run.result["registered"] == 12
    assert run.result["rung"] == "incremental"
    [told] = run.warnings
    assert "taken with several lenses, or zoomed: 10 photos (photo 1.jpg, photo 2.jpg, photo 3.jpg, ...)" in told
    assert "2 photos (photo 4.jpg, photo 9.jpg) with a focal length of 23" in told
    cameras = json.loads((tmp_path / "scene" / "report.json").read_text())["cameras"]
    assert [camera["params"]["f"] for camera in cameras] == pytest.approx([photo_sets.FOCAL, 230.0], rel=0.01)
    assert [camera["prior_focal"] for camera in cameras] == [None, None]
    found = {photo.name: photo.camera.camera_from_world for photo in read_scene(tmp_path / "scene").photos}
    difference = compare_poses(found, truth)
    assert difference.rotation_deg.max() < 0.3
    assert difference.position.max() < 0.005


def test_a_folder_without_photos(sfm: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.txt").write_text("text")
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_photos"
    assert sfm(tmp_path / "nowhere", tmp_path / "scene").error["code"] == "no_photos"


def test_cuda_where_there_is_none(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    from splatworker.sfm.features import has_cuda

    if has_cuda():
        pytest.skip("COLMAP can use a GPU here")
    run = sfm(room_photos[0], tmp_path / "scene", "--device", "cuda")
    assert run.error["code"] == "invalid_job"
    assert "cannot use a GPU" in run.error["message"]


def test_too_few_photos(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for path in sorted(room_photos[0].iterdir())[:4]:
        shutil.copy(path, tmp_path / "photos")
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "too_few_photos"
    assert "4 photos are too few: 5 are needed" in run.error["message"]


def test_a_photo_from_another_camera_among_many(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    """Another size and another focal length: it gets a camera of its own, and a place."""
    photos = tmp_path / "photos"
    shutil.copytree(room_photos[0], photos)
    pose = photo_sets.look_at(np.array([0.8, 1.3, 2.9]), np.array([0.0, 0.6, -0.3]))
    picture = photo_sets.photograph(photo_sets.room(), pose, photo_sets.pinhole_rays(400, 400, 330.0))
    photo_sets.save(picture, photos / "other.jpg")
    run = sfm(photos, tmp_path / "scene")
    assert run.result["registered"] == 11
    cameras = {
        camera["width"]: camera for camera in json.loads((tmp_path / "scene" / "report.json").read_text())["cameras"]
    }
    assert cameras[400]["photos"] == ["other.jpg"]
    assert cameras[400]["params"]["f"] == pytest.approx(330, rel=0.03)
    assert cameras[photo_sets.WIDTH]["params"]["f"] == pytest.approx(photo_sets.FOCAL, rel=0.01)


def test_photos_that_say_nothing_of_their_cameras(sfm: Callable[..., Run], tmp_path: Path) -> None:
    """Each of another size, as from the internet: a camera for each, and the user is told."""
    (tmp_path / "photos").mkdir()
    for number, pose in enumerate(photo_sets.arc(8)):
        rays = photo_sets.pinhole_rays(440 + 8 * number, 360, 420.0)
        picture = photo_sets.photograph(photo_sets.room(), pose, rays)
        photo_sets.save(picture, tmp_path / "photos" / f"{number}.jpg")
    run = sfm(tmp_path / "photos", tmp_path / "scene", "--undistort-max-size", "200")
    assert run.result["registered"] == 8
    assert len(json.loads((tmp_path / "scene" / "report.json").read_text())["cameras"]) == 8
    (warning,) = run.warnings
    assert "8 photos say nothing about their camera" in warning


def test_a_camera_none_of_whose_photos_could_be_placed(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(room_photos[0], photos)
    foreign = photo_sets.photograph(photo_sets.room(seed=9), photo_sets.arc(3)[1], photo_sets.pinhole_rays(400, 400))
    photo_sets.save(foreign, photos / "foreign.jpg")
    run = sfm(photos, tmp_path / "scene", "--undistort-max-size", "200")
    assert [photo["name"] for photo in run.result["rejected"]] == ["foreign.jpg"]
    cameras = json.loads((tmp_path / "scene" / "report.json").read_text())["cameras"]
    (lost,) = [camera for camera in cameras if camera["photos"] == ["foreign.jpg"]]
    assert (lost["model"], lost["params"], lost["width"]) == (None, {}, 400)


@pytest.mark.slow
def test_a_reconstruction_of_too_few_of_the_photos_is_refused(sfm: Callable[..., Run], tmp_path: Path) -> None:
    photo_sets.take(tmp_path / "photos", photo_sets.room(), photo_sets.arc(6, degrees=50), prefix="a")
    rays = photo_sets.pinhole_rays()
    for number in range(7):
        foreign = photo_sets.photograph(photo_sets.room(seed=20 + number), photo_sets.arc(3)[1], rays)
        photo_sets.save(foreign, tmp_path / "photos" / f"b{number}.jpg")
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert run.error["code"] == "no_reconstruction"
    assert "Only 6 of 13 photos could be placed" in run.error["message"]
    assert "does not overlap" in run.error["message"]
    assert gone(tmp_path / "scene")
    lenient = sfm(tmp_path / "photos", tmp_path / "scene", "--min-share", "0.4")
    assert lenient.result["registered"] == 6


def test_png_photos_and_mixed_orientations(sfm: Callable[..., Run], tmp_path: Path) -> None:
    """Landscape photos, and portrait ones stored as landscape pixels with a tag: one camera, all upright."""
    photos = tmp_path / "photos"
    photos.mkdir()
    rays = photo_sets.pinhole_rays()
    for number, pose in enumerate(photo_sets.arc(8)):
        if number % 2:
            # The camera turned by a quarter: the scene's top lies on the left of the stored pixels, tag 6.
            quarter = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
            picture = photo_sets.photograph(photo_sets.room(), quarter @ pose, rays)
            photo_sets.save(picture, photos / f"{number}.jpg", orientation=6)
        else:
            Image.fromarray(photo_sets.photograph(photo_sets.room(), pose, rays)).save(photos / f"{number}.png")
    run = sfm(photos, tmp_path / "scene")
    assert run.result["registered"] == 8
    from splatworker.formats.scene import read_scene

    for photo in read_scene(tmp_path / "scene").photos:
        up = photo.camera.camera_from_world[:, :3] @ [0, 1, 0]
        wanted = [0, -1] if photo.name.endswith("png") else [-1, 0]
        assert up[:2] @ wanted > 0.85
        with Image.open(photo.path) as image:
            assert image.size[0] > image.size[1]
            assert not image.getexif()
