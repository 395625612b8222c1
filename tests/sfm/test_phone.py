"""A phone's HEICs, portrait and landscape mixed, through decoding and reconstruction."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image
from support import photo_sets
from support.sfm_runs import Run

from splatworker.formats.scene import Scene, read_scene
from splatworker.sfm.compare import compare_poses

FOCAL_35MM = 30
"""420 pixels of a diagonal of 600, as a whole number of millimetres on film (43.27 mm)."""


def shoot(path: Path, picture: np.ndarray, orientation: int) -> None:
    """A HEIC as phones write it: pixels as the sensor lies, a tag that says how to turn them, camera and lens."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Pear", "Phone 12"
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {ExifTags.Base.FocalLength: 5.1, ExifTags.Base.FocalLengthIn35mmFilm: FOCAL_35MM}
    )
    pillow_heif.from_pillow(Image.fromarray(picture)).save(
        path, quality=90, exif=exif.tobytes(), enc_params={"preset": "ultrafast"}
    )


@pytest.fixture(scope="module")
def heics(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """(folder, name of the JPEG -> camera_from_world of the upright photo) of nine photos, every third a portrait."""
    folder = tmp_path_factory.mktemp("phone")
    quarter = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])  # the sensor turned: the scene's top lies on the left
    rays, poses = photo_sets.pinhole_rays(), {}
    for number, pose in enumerate(photo_sets.arc(9), 1):
        portrait = number % 3 == 0
        picture = photo_sets.photograph(photo_sets.room(), quarter @ pose if portrait else pose, rays)
        shoot(folder / f"IMG_{number}.HEIC", picture, 6 if portrait else 1)
        poses[f"IMG_{number}.jpg"] = pose
    return folder, poses


def test_a_phones_heics_make_a_scene(
    sfm: Callable[..., Run], heics: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    folder, poses = heics
    decode = [sys.executable, "-m", "splatworker", "photos", str(folder), "-o", str(tmp_path / "images"), "--json"]
    subprocess.run(decode, check=True, capture_output=True)
    result = sfm(tmp_path / "images", tmp_path / "scene").result
    assert result["registered"] == 9
    assert result["warnings"] == []
    scene = read_scene(tmp_path / "scene")
    found = {photo.name: photo.camera.camera_from_world for photo in scene.photos}
    difference = compare_poses(upright(scene, found), poses)
    assert difference.rotation_deg.max() < 0.4
    assert difference.position.max() < 0.005
    cameras = json.loads((tmp_path / "scene" / "report.json").read_text())["cameras"]
    assert sum(len(camera["photos"]) for camera in cameras) == 9
    assert len(cameras) <= 2  # one for each size at most
    for camera in cameras:
        assert camera["prior_focal"] == pytest.approx(photo_sets.FOCAL, rel=0.02)
        assert camera["params"]["f"] == pytest.approx(photo_sets.FOCAL, rel=0.01)


def upright(scene: Scene, poses: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Cameras turned so that the world's up is up in them, whether or not the decoder turned the pixels."""
    turned = {}
    for photo in scene.photos:
        pose = poses[photo.name]
        sideways = (pose[:, :3] @ [0, 1, 0])[0] < -0.7  # up lies on the left
        back = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
        turned[photo.name] = back @ pose if sideways else pose
    return turned
