"""Scene folders: read right, and refused with one clear sentence when broken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.colmap_files import ring_cameras, write_colmap
from support.other_makers import CAMERAS, NAMES, RGB, XYZ, write_photos
from support.scene_folders import truth, write_scene

from splatworker.errors import InvalidMasks, InvalidParam, InvalidScene
from splatworker.formats.camera import Camera
from splatworker.formats.scene import image_size, read_scene, split

PYCOLMAP_WRITES = """
import zlib, PIL._imaging, sys, json
import numpy as np, pycolmap
reconstruction = pycolmap.Reconstruction()
camera = pycolmap.Camera(model=sys.argv[2], width=640, height=480, params=json.loads(sys.argv[3]), camera_id=7)
reconstruction.add_camera_with_trivial_rig(camera)
for index, name in enumerate(["b.jpg", "a.jpg"]):
    points = pycolmap.Point2DList([pycolmap.Point2D(np.array([1.0 + i, 2.0])) for i in range(3)])
    image = pycolmap.Image(name=name, points2D=points, camera_id=7, image_id=index + 1)
    pose = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0.1, 0.3, 0.3, 0.9])), np.array([1.0, 2.0, 3.0 + index]))
    reconstruction.add_image_with_trivial_frame(image, pose)
for index in range(3):
    track = pycolmap.Track()
    track.add_element(1, index); track.add_element(2, index)
    reconstruction.add_point3D(np.array([index, 0.5, -index]), track, np.array([10, 20, 200 + index], np.uint8))
reconstruction.write_binary(sys.argv[1])
poses = {image.name: image.cam_from_world().matrix().tolist() for image in reconstruction.images.values()}
print(json.dumps(poses))
"""


def test_reads_what_colmap_writes(tmp_path: Path) -> None:
    poses = _written_by_colmap(tmp_path, "PINHOLE", [500, 510, 320, 241])
    scene = read_scene(tmp_path)
    assert [photo.name for photo in scene.photos] == ["a.jpg", "b.jpg"]
    for photo in scene.photos:
        camera = photo.camera
        assert (camera.width, camera.height) == (640, 480)
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500, 510, 320, 241)
        assert photo.lens == 7
        np.testing.assert_allclose(camera.camera_from_world, poses[photo.name], atol=1e-12)
    np.testing.assert_array_equal(scene.points.xyz, [[0, 0.5, 0], [1, 0.5, -1], [2, 0.5, -2]])
    np.testing.assert_array_equal(scene.points.rgb, [[10, 20, 200], [10, 20, 201], [10, 20, 202]])
    np.testing.assert_array_equal(scene.points.track_lengths, [2, 2, 2])


def test_simple_pinhole_has_one_focal_length(tmp_path: Path) -> None:
    _written_by_colmap(tmp_path, "SIMPLE_PINHOLE", [500, 320, 240])
    camera = read_scene(tmp_path).photos[0].camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500, 500, 320, 240)


def test_distorted_camera_is_refused(tmp_path: Path) -> None:
    _written_by_colmap(tmp_path, "OPENCV", [500, 500, 320, 240, 0.1, 0, 0, 0])
    with pytest.raises(InvalidScene, match="OPENCV, not PINHOLE") as caught:
        read_scene(tmp_path)
    assert "Undistort" in caught.value.hint


def _written_by_colmap(folder: Path, model: str, parameters: list[Any]) -> dict[str, list[list[float]]]:
    (folder / "sparse" / "0").mkdir(parents=True)
    (folder / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / "images" / name).touch()
    command = [sys.executable, "-c", PYCOLMAP_WRITES, str(folder / "sparse" / "0"), model, json.dumps(parameters)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[list[float]]] = json.loads(done.stdout)
    return found


def test_reads_own_scene(tmp_path: Path) -> None:
    scene = read_scene(write_scene(tmp_path / "scene", count=5))
    for photo, camera in zip(scene.photos, ring_cameras(5), strict=True):
        np.testing.assert_allclose(photo.camera.camera_from_world, camera.camera_from_world, atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(photo.camera.center), np.linalg.norm(camera.center))
    np.testing.assert_allclose(scene.points.xyz, truth().means.numpy())


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
def test_every_truncation_is_noticed(tmp_path: Path, name: str) -> None:
    file = write_scene(tmp_path / "scene", count=3) / "sparse" / "0" / name
    data = file.read_bytes()
    for length in range(0, len(data), 13):
        file.write_bytes(data[:length])
        with pytest.raises(InvalidScene, match=name):
            read_scene(tmp_path / "scene")
    file.unlink()
    with pytest.raises(InvalidScene, match=f"no sparse/0/{name}"):
        read_scene(tmp_path / "scene")


def test_absurd_count_is_noticed(tmp_path: Path) -> None:
    file = write_scene(tmp_path / "scene", count=3) / "sparse" / "0" / "points3D.bin"
    data = bytearray(file.read_bytes())
    data[:8] = (2**60).to_bytes(8, "little")
    file.write_bytes(data)
    with pytest.raises(InvalidScene, match="cut short"):
        read_scene(tmp_path / "scene")


def test_missing_photo_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidScene, match="does not exist"):
        read_scene(tmp_path / "nowhere")
    scene = write_scene(tmp_path / "scene", count=3)
    (scene / "images" / "photo001.png").unlink()
    with pytest.raises(InvalidScene, match=r"images/photo001\.png is missing"):
        read_scene(scene)


def test_scene_without_photos_is_refused(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene", count=1)
    (scene / "sparse" / "0" / "images.bin").write_bytes(bytes(8))
    with pytest.raises(InvalidScene, match="no registered photos"):
        read_scene(scene)


def test_every_eighth_of_the_sorted_names_is_held_out(tmp_path: Path) -> None:
    names = [f"{(7 * index) % 20:02}.png" for index in range(20)]
    photos = read_scene(write_scene(tmp_path / "scene", count=20, names=names, width=8, height=6)).photos
    train, test = split(photos, hold_out=True)
    assert [photo.name for photo in test] == ["00.png", "08.png", "16.png"]
    assert len(train) == 17
    assert split(photos, hold_out=False) == (photos, [])


@pytest.mark.parametrize(
    ("size", "resolution", "expected"),
    [
        ((1600, 1200), -1, (1600, 1200)),
        ((3200, 2400), -1, (1600, 1200)),
        ((1200, 3000), -1, (1200, 3000)),
        ((1001, 667), 2, (500, 334)),
        ((1000, 600), 8, (125, 75)),
        ((1000, 600), 640, (640, 384)),
        ((600, 400), -1, (600, 400)),
        ((3, 4000), 8, (1, 500)),
    ],
)
def test_image_sizes(size: tuple[int, int], resolution: int, expected: tuple[int, int]) -> None:
    camera = Camera(*size, 100.0, 100.0, size[0] / 2, size[1] / 2, np.eye(3, 4))
    assert image_size(camera, resolution) == expected


@pytest.mark.parametrize(
    ("size", "resolution"), [((48, 36), 24_000), ((48, 36), 10**400), ((2, 600), 300), ((600, 2), 65_536)]
)
def test_pictures_larger_than_any_are_not_drawn(size: tuple[int, int], resolution: int) -> None:
    camera = Camera(*size, 50.0, 50.0, 24.0, 18.0, np.eye(3, 4))
    assert max(image_size(camera, 200)) <= 65_535
    with pytest.raises(InvalidParam, match="wider than the"):
        image_size(camera, resolution)


def test_photos_are_not_their_own_masks(tmp_path: Path) -> None:
    write_photos(tmp_path / "images")
    write_colmap(tmp_path / "sparse" / "0", CAMERAS, NAMES, XYZ, RGB)
    with pytest.raises(InvalidMasks, match="There are no masks in"):
        read_scene(tmp_path, masks=tmp_path / "images")
    Image.new("L", (48, 36), 255).save(tmp_path / "images" / f"{Path(NAMES[0]).stem}_mask.png")
    masks = [photo.mask for photo in read_scene(tmp_path, masks=tmp_path / "images").photos]
    assert masks == [tmp_path / "images" / f"{Path(NAMES[0]).stem}_mask.png", None, None, None, None]
