"""Scenes whose cameras are in transforms.json: nerfstudio's, and rendered ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.colmap_files import write_colmap
from support.other_makers import CAMERAS, NAMES, RGB, XYZ, same_cameras, write_photos

from splatworker.errors import InvalidScene
from splatworker.formats import transforms
from splatworker.formats.camera import Camera
from splatworker.formats.ply import write_point_ply
from splatworker.formats.scene import read_scene, split


def opengl(camera: Camera) -> list[list[float]]:
    """The matrix from an OpenGL camera to the world."""
    rotation = camera.camera_from_world[:, :3].T * np.array([1, -1, -1])
    return [*np.hstack([rotation, camera.center[:, None]]).tolist(), [0, 0, 0, 1]]


LENS = {
    "camera_model": "OPENCV",
    "w": 48,
    "h": 36,
    "fl_x": 50.0,
    "fl_y": 50.0,
    "cx": 24.0,
    "cy": 18.0,
    "k1": 0.0,
    "p2": 0,
}


def write_transforms(
    folder: Path,
    names: list[str],
    lens: dict[str, Any] = LENS,
    file: str = "transforms.json",
    cameras: list[Camera] = CAMERAS,
    **more: Any,
) -> None:
    frames = [
        {"file_path": name, "transform_matrix": opengl(camera)} for name, camera in zip(names, cameras, strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(json.dumps(lens | {"frames": frames} | more))


@pytest.fixture
def nerfstudio(tmp_path: Path) -> Path:
    """A scene of nerfstudio: transforms.json, images/, sparse_pc.ply."""
    write_photos(tmp_path / "images")
    write_transforms(tmp_path, [f"images/{name}" for name in NAMES], ply_file_path="sparse_pc.ply")
    write_point_ply(tmp_path / "sparse_pc.ply", XYZ, RGB)
    return tmp_path


def test_a_scene_of_nerfstudio(nerfstudio: Path) -> None:
    read = read_scene(nerfstudio)
    same_cameras(read)
    assert [photo.name for photo in read.photos] == NAMES
    np.testing.assert_allclose(read.points.xyz, XYZ, atol=1e-6)
    assert read.remarks == ()
    assert len(split(read.photos, True)[1]) == 1  # it does not say which photos are held out
    write_photos(nerfstudio / "images_2", size=(24, 18))
    same_cameras(read_scene(nerfstudio, "images_2"), factor=0.5)


@pytest.mark.parametrize("written", ["./images/{}", "images\\{}", "/home/somebody/photos/{}", "../images/{}"])
def test_paths_of_other_machines_mean_the_photos_here(nerfstudio: Path, written: str) -> None:
    write_transforms(nerfstudio, [written.format(name) for name in NAMES], ply_file_path="sparse_pc.ply")
    same_cameras(read_scene(nerfstudio))


def test_intrinsics_of_every_frame_and_matrices_with_a_scale(nerfstudio: Path) -> None:
    described = json.loads((nerfstudio / "transforms.json").read_text())
    for name in LENS:
        described.pop(name)
    for frame in described["frames"]:
        matrix = np.array(frame["transform_matrix"])
        matrix[:3, :3] *= 0.1
        frame |= LENS | {"transform_matrix": matrix[:3].tolist()}
    (nerfstudio / "transforms.json").write_text(json.dumps(described))
    same_cameras(read_scene(nerfstudio))


def test_a_rendered_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "RANDOM_POINTS", 500)
    lens = {"camera_angle_x": float(2 * np.arctan(24 / 50))}
    for part, chosen in (("train", range(1, 5)), ("test", range(1))):
        write_photos(tmp_path, [f"{part}/r_{index}.png" for index in chosen], mode="RGBA")
        names = [f"./{part}/r_{index}" for index in chosen]
        write_transforms(tmp_path, names, lens, f"transforms_{part}.json", [CAMERAS[index] for index in chosen])
    read = read_scene(tmp_path)
    assert [photo.name for photo in read.photos] == ["test/r_0.png", *(f"train/r_{index}.png" for index in range(1, 5))]
    same_cameras(read)
    train, test = split(read.photos, True)
    assert [photo.name for photo in test] == ["test/r_0.png"]
    assert len(train) == 4
    assert len(split(read.photos, False)[0]) == 5
    (said,) = read.remarks
    assert "no points" in said
    np.testing.assert_allclose(read.points.xyz.mean(axis=0), 0, atol=0.3)  # about what the cameras look at
    assert 1.0 < np.abs(read.points.xyz).max() < 2.0  # within the ring of cameras, 4 away
    np.testing.assert_array_equal(read.points.xyz, read_scene(tmp_path).points.xyz)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"k1": 0.1}, "OPENCV, not PINHOLE: its lens distorts"),
        ({"camera_model": "OPENCV_FISHEYE"}, "OPENCV_FISHEYE, not PINHOLE"),
        ({"camera_model": "EQUIRECTANGULAR"}, "EQUIRECTANGULAR, not PINHOLE"),
        ({"is_fisheye": True}, "fisheye, not PINHOLE"),
        ({"fl_x": "50"}, "fl_x that is not a number"),
        ({"fl_x": 1e400}, "fl_x that is not a number"),
        ({"fl_x": -1}, "no focal length"),
        ({"w": 10**30}, "w that is not a number"),
        ({"w": 10**6}, "more than any photo"),
        ({"frames": None}, "no list of frames"),
        ({"frames": [1]}, "Frame 0 of transforms.json has no file_path"),
        ({"frames": [{"file_path": "images/0001.jpg"}]}, "no transform_matrix"),
        ({"frames": [{"file_path": "images/0001.jpg", "transform_matrix": [[1e400] * 4] * 4}]}, "no transform_matrix"),
        ({"frames": [{"file_path": "images/0001.jpg", "transform_matrix": [[1] * 4] * 4}]}, "no rotation"),
        ({"frames": [{"file_path": "images/none.jpg", "transform_matrix": np.eye(4).tolist()}]}, "is missing"),
        ({"frames": [{"file_path": "../../x.jpg", "transform_matrix": np.eye(4).tolist()}]}, "is missing"),
        ({"frames": [{"file_path": "a\0b.jpg", "transform_matrix": np.eye(4).tolist()}]}, "is missing"),
        ({"frames": []}, "no registered photos"),
        ({"frames": [{"file_path": "images/0001.jpg", "transform_matrix": np.eye(4).tolist()}] * 2}, "0001.jpg twice"),
        ({"frames": [{"file_path": "x" * 5000, "transform_matrix": np.eye(4).tolist()}]}, "photo x{100}, which"),
        ({"ply_file_path": "../none.ply"}, ""),
    ],
)
def test_transforms_that_cannot_be_used_are_named(nerfstudio: Path, change: dict[str, Any], said: str) -> None:
    described = json.loads((nerfstudio / "transforms.json").read_text()) | change
    (nerfstudio / "transforms.json").write_text(json.dumps(described))
    if not said:
        assert len(read_scene(nerfstudio).points.xyz) == len(XYZ)  # found where nerfstudio leaves them
        (nerfstudio / "sparse_pc.ply").unlink()
        said = "are missing"
    with pytest.raises(InvalidScene, match=said):
        read_scene(nerfstudio)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"frames": 1}', "\xff"])
def test_transforms_that_are_none(nerfstudio: Path, text: str) -> None:
    (nerfstudio / "transforms.json").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidScene, match=r"transforms\.json (is not JSON|has no list)"):
        read_scene(nerfstudio)


def test_colmaps_model_counts_more_than_transforms(nerfstudio: Path) -> None:
    write_colmap(nerfstudio / "sparse" / "0", CAMERAS, NAMES, XYZ + 1, RGB)
    np.testing.assert_allclose(read_scene(nerfstudio).points.xyz, XYZ + 1)


def test_a_camera_model_that_is_null_is_none(nerfstudio: Path) -> None:
    write_transforms(nerfstudio, [f"images/{name}" for name in NAMES], LENS | {"camera_model": None})
    same_cameras(read_scene(nerfstudio))
