"""Real photo sets: every photo placed, or a true sentence on the missing one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from support.sfm_runs import Run

from splatworker.formats.scene import Photo, read_scene

pytestmark = pytest.mark.real


def up_of(photo: Photo) -> np.ndarray:
    return photo.camera.camera_from_world[:, :3] @ [0, 1, 0]


@pytest.mark.parametrize(
    ("name", "photos", "least", "error_px"),
    [
        ("sceaux", 11, 11, 1.0),
        ("banana", 16, 15, 0.6),
        ("brighton", 18, 18, 0.7),
        pytest.param("sacre_coeur", 10, 10, 0.7, marks=pytest.mark.slow),
        pytest.param("lund", 29, 29, 1.0, marks=pytest.mark.slow),
        pytest.param("fox", 50, 50, 1.2, marks=pytest.mark.slow),
        pytest.param("conch", 88, 88, 1.0, marks=pytest.mark.slow),
    ],
)
def test_photos_are_placed(
    sfm: Callable[..., Run],
    real_set: Callable[[str], Path],
    tmp_path: Path,
    name: str,
    photos: int,
    least: int,
    error_px: float,
) -> None:
    run = sfm(real_set(name), tmp_path / "scene", "--undistort-max-size", "800")
    result = run.result
    assert result["photos"] == photos
    assert result["registered"] >= least
    assert len(result["rejected"]) == photos - result["registered"]
    assert all(photo["reason"].startswith("This photo") for photo in result["rejected"])
    assert result["reprojection_error_px"] < error_px
    scene = read_scene(tmp_path / "scene")
    assert len(scene.photos) == result["registered"]
    for photo in scene.photos:
        width, height = photo.camera.width, photo.camera.height
        assert 780 <= max(width, height) <= 800
        assert min(width, height) >= 400
    # Upright: in photos without a turn the world's up points to the top.
    if name not in ("conch", "brighton"):
        assert np.median([-up_of(photo)[1] for photo in scene.photos]) > 0.6


@pytest.mark.slow
def test_cameras_of_a_drive_straight_ahead_are_our_own_mappers_and_the_same_bytes_every_time(
    sfm: Callable[..., Run], real_set: Callable[[str], Path], tmp_path: Path
) -> None:
    """Lund's, of which points of narrow rays lead to the last eight. They came of global mapping before."""
    found = []
    for number, threads in enumerate(("1", "3", "3")):
        scene = tmp_path / str(number)
        run = sfm(real_set("lund"), scene, "--undistort-max-size", "400", "--device", "cpu", "--threads", threads)
        assert run.result["registered"] == 29
        assert run.result["rung"] == "incremental"
        assert run.result["engines"]["mapping"] == "own"
        found.append({path.name: path.read_bytes() for path in (scene / "sparse" / "0").glob("*.bin")})
    assert {"cameras.bin", "images.bin", "points3D.bin"} <= found[0].keys()
    assert found[1] == found[0]
    assert found[2] == found[0]


def test_the_missing_banana_is_explained(
    sfm: Callable[..., Run], real_set: Callable[[str], Path], tmp_path: Path
) -> None:
    result = sfm(real_set("banana"), tmp_path / "scene", "--undistort-max-size", "400").result
    assert [photo["name"] for photo in result["rejected"]] in ([], ["DSC_0434.jpg"])
    assert all("overlap" in photo["reason"] for photo in result["rejected"])


def test_a_drones_scene_is_in_metres(sfm: Callable[..., Run], real_set: Callable[[str], Path], tmp_path: Path) -> None:
    """Positions by GPS spread over the same distances as the cameras."""
    from splatworker.sfm.frame import camera_extent
    from splatworker.sfm.photo import read_photos

    folder = real_set("brighton")
    sfm(folder, tmp_path / "scene", "--undistort-max-size", "400")
    centers = np.array([photo.camera.center for photo in read_scene(tmp_path / "scene").photos])
    gps = np.array([photo.gps for photo in read_photos(folder)[0]])
    metres = np.radians(gps[:, :2]) * 6_371_000 * [1, np.cos(np.radians(gps[0, 0]))]
    assert camera_extent(centers) == pytest.approx(camera_extent(metres), rel=0.1)


@pytest.mark.slow
def test_two_scenes_mixed(sfm: Callable[..., Run], real_set: Callable[[str], Path], tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("fox", "banana"):
        for path in sorted(real_set(name).iterdir())[:30]:
            shutil.copy(path, photos / f"{name} {path.name}")
    run = sfm(photos, tmp_path / "scene", "--undistort-max-size", "400")
    assert run.result["registered"] == 30
    reasons = {photo["name"]: photo["reason"] for photo in run.result["rejected"]}
    assert len(reasons) == 16
    assert all(name.startswith("banana") for name in reasons)
    assert sum("different scene" in reason for reason in reasons.values()) >= 15
    assert "banana DSC_0423.jpg" in run.warnings[0]


@pytest.mark.slow
def test_blurred_real_photos(sfm: Callable[..., Run], real_set: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for path in sorted(real_set("fox").iterdir())[:8]:
        with Image.open(path) as image:
            image.filter(ImageFilter.GaussianBlur(25)).save(tmp_path / "photos" / path.name, quality=90)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert "8 of 8 are blurred" in run.error["message"]
    assert not (tmp_path / "scene").exists()
