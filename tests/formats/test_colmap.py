"""COLMAP's models as many programs write them: every camera model, text, several models, names, broken counts."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import no_files
from support.colmap_files import quaternion, write_colmap
from support.other_makers import CAMERAS, NAMES, RGB, XYZ, same_cameras, write_photos

from splatworker.errors import InvalidScene
from splatworker.formats import colmap
from splatworker.formats.camera_models import MODELS, CameraModel
from splatworker.formats.find import find_scene
from splatworker.formats.ply import write_point_ply
from splatworker.formats.scene import read_scene


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A scene as ours: images/, sparse/0/."""
    write_photos(tmp_path / "images")
    write_colmap(tmp_path / "sparse" / "0", CAMERAS, NAMES, XYZ, RGB)
    return tmp_path


def write_camera(folder: Path, number: int, parameters: list[float], width: int = 48, height: int = 36) -> None:
    """One camera for all photos, of any model."""
    data = struct.pack("<QiiQQ", 1, 1, number, width, height) + struct.pack(f"<{len(parameters)}d", *parameters)
    (folder / "sparse" / "0" / "cameras.bin").write_bytes(data)
    images = bytearray((folder / "sparse" / "0" / "images.bin").read_bytes())
    for name in NAMES:  # the camera's number stands right before the name
        at = images.index(name.encode()) - 4
        images[at : at + 4] = struct.pack("<i", 1)
    (folder / "sparse" / "0" / "images.bin").write_bytes(images)


def parameters_of(model: CameraModel, bent: float = 0.0) -> list[float]:
    """A camera of 50 pixels' focal length, distorted or not."""
    return [50.0] * model.focals + [24.0, 18.0] + [value + bent for value in model.none]


BENDING = {
    number: model for number, model in MODELS.items() if model.none or (model.focals and "FISHEYE" not in model.name)
}


@pytest.mark.parametrize("number", BENDING)
def test_a_camera_without_distortion_is_a_pinhole_by_any_name(scene: Path, number: int) -> None:
    write_camera(scene, number, parameters_of(MODELS[number]))
    same_cameras(read_scene(scene))


@pytest.mark.parametrize("number", [number for number in BENDING if MODELS[number].distortion])
def test_a_lens_that_distorts_is_refused_with_a_way_on(scene: Path, number: int) -> None:
    write_camera(scene, number, parameters_of(MODELS[number], bent=0.02))
    with pytest.raises(InvalidScene, match=f"is {MODELS[number].name}, not PINHOLE: its lens distorts") as caught:
        read_scene(scene)
    assert "image_undistorter" in caught.value.hint
    write_camera(scene, number, parameters_of(MODELS[number], bent=1e-9))  # the rounding of some optimiser
    same_cameras(read_scene(scene))


@pytest.mark.parametrize("number", [number for number in MODELS if number not in BENDING])
def test_a_fisheye_is_none_even_without_distortion(scene: Path, number: int) -> None:
    model = MODELS[number]
    write_camera(scene, number, [50.0] * model.focals + [24.0, 18.0] + [0.0] * len(model.distortion))
    with pytest.raises(InvalidScene, match=f"{model.name}, not PINHOLE"):
        read_scene(scene)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": 99}, "model 99"),
        ({"width": 1, "height": 10**9}, "more than any photo"),
        ({"width": 60_000, "height": 60_000}, "more than any photo"),
        ({"width": 0}, "no size"),
        ({"parameters": [-50.0, 50.0, 24.0, 18.0]}, "no focal length"),
        ({"parameters": [np.inf, 50.0, 24.0, 18.0]}, "no focal length"),
        ({"parameters": [50.0, 50.0, np.nan, 18.0]}, "no focal length"),
    ],
)
def test_an_impossible_camera_is_named(scene: Path, change: dict[str, Any], said: str) -> None:
    write_camera(scene, **{"number": 1, "parameters": [50.0, 50.0, 24.0, 18.0], **change})
    with pytest.raises(InvalidScene, match=f"Camera 1 .*{said}"):
        read_scene(scene)


def as_text(folder: Path, *, observations: bool = True, names: list[str] = NAMES) -> None:
    """The model of `scene` as text, as COLMAP writes it."""
    sparse = folder / "sparse" / "0"
    for file in sparse.glob("*.bin"):
        file.unlink()
    (sparse / "cameras.txt").write_text("# Camera list\n# Number of cameras: 1\n7 SIMPLE_RADIAL 48 36 50 24 18 0\n")
    lines = ["# Image list with two lines of data per image:"]
    for index, (camera, name) in enumerate(zip(CAMERAS, names, strict=True)):
        pose = [*quaternion(camera.camera_from_world[:, :3]), *camera.camera_from_world[:, 3]]
        lines.append(f"{index + 1} {' '.join(map(repr, map(float, pose)))} 7 {name}")
        lines += ["1.5 2.5 -1 3.5 4.5 2" if index % 2 else ""] if observations else []
    (sparse / "images.txt").write_bytes("\n".join([*lines, ""]).encode("utf-8", "surrogateescape"))
    rows = [
        f"{20 - index} {' '.join(map(repr, map(float, point)))} {' '.join(map(str, colour))} 0.5 1 0 2 0"
        for index, (point, colour) in enumerate(zip(XYZ, RGB, strict=True))
    ]
    (sparse / "points3D.txt").write_text("\n".join(["# 3D point list", *rows, ""]))


@pytest.mark.parametrize("observations", [True, False])
def test_a_model_of_text(scene: Path, observations: bool) -> None:
    as_text(scene, observations=observations)
    read = read_scene(scene)
    same_cameras(read)
    np.testing.assert_allclose(read.points.xyz, XYZ[::-1])  # in the order of their ids
    np.testing.assert_array_equal(read.points.rgb, RGB[::-1])
    assert set(read.points.track_lengths) == {2}


def test_a_name_of_text_may_have_spaces_and_numbers(scene: Path) -> None:
    names = ["a photo 1.jpg", "1 2 3.jpg", "4.jpg", "5.jpg", "caf\udce9.jpg"]
    shutil.rmtree(scene / "images")
    write_photos(scene / "images", names)
    as_text(scene, names=names)
    assert {photo.name for photo in read_scene(scene).photos} == set(names)


@pytest.mark.parametrize("name", ["cameras.txt", "images.txt", "points3D.txt"])
@pytest.mark.parametrize("text", [b"1 PINHOLE\n", b"1 2 3 4 x 6 7 8 9 10\n", b"\xff\xfe\n", b"9" * 5000])
def test_broken_text_is_named(scene: Path, name: str, text: bytes) -> None:
    as_text(scene)
    (scene / "sparse" / "0" / name).write_bytes(text)
    with pytest.raises(
        InvalidScene, match=f"{name} of the scene is cut short|not known, not PINHOLE|no registered|missing"
    ):
        read_scene(scene)


def test_sparse_without_0(scene: Path) -> None:
    for file in (scene / "sparse" / "0").iterdir():
        file.rename(scene / "sparse" / file.name)
    (scene / "sparse" / "0").rmdir()
    same_cameras(read_scene(scene))


def test_of_several_models_the_largest_is_taken_and_said(scene: Path) -> None:
    (scene / "sparse" / "0").rename(scene / "sparse" / "10")
    write_colmap(scene / "sparse" / "0", CAMERAS[:2], NAMES[:2], XYZ, RGB)
    write_colmap(scene / "sparse" / "1", CAMERAS[:3], NAMES[:3], XYZ, RGB)
    (scene / "sparse" / "1" / "images.bin").write_bytes((2**60).to_bytes(8, "little"))  # a broken one says anything
    read = read_scene(scene)
    same_cameras(read)
    (said,) = read.remarks
    assert "3 models" in said
    assert "sparse/10, is used" in said


@pytest.mark.parametrize("colours", ["uchar", "none"])
def test_points_as_a_ply(scene: Path, colours: str) -> None:
    points = scene / "sparse" / "0" / "points3D.bin"
    points.unlink()
    write_point_ply(points.with_suffix(".ply"), XYZ, RGB)
    if colours == "none":
        data = points.with_suffix(".ply").read_bytes()
        points.with_suffix(".ply").write_bytes(data.replace(b" red\n", b" r\n"))
    read = read_scene(scene)
    np.testing.assert_allclose(read.points.xyz, XYZ, atol=1e-6)
    np.testing.assert_array_equal(read.points.rgb, RGB if colours == "uchar" else np.full_like(RGB, 128))


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_cameras_are_as_large_as_their_photos(scene: Path, factor: int) -> None:
    size = -(-48 // factor), -(-36 // factor)
    write_photos(scene / f"images_{factor}", size=size)
    for photo in read_scene(scene, f"images_{factor}").photos:
        camera = photo.camera
        assert (camera.width, camera.height) == size
        np.testing.assert_allclose([camera.fx, camera.cy], [50 * size[0] / 48, size[1] / 2])


def test_a_photo_of_another_shape_keeps_its_camera_and_is_told_later(scene: Path) -> None:
    write_photos(scene / "images_2", size=(36, 48))
    assert read_scene(scene, "images_2").photos[0].camera.width == 48


def test_names_are_bytes(tmp_path: Path) -> None:
    names = [os.fsdecode(b"caf\xe9_%d.png" % index) for index in range(5)]
    write_photos(tmp_path / "images", names)
    write_colmap(tmp_path / "sparse" / "0", CAMERAS, ["ascii.jpg"] * 5, XYZ, RGB)
    file = tmp_path / "sparse" / "0" / "images.bin"
    data = file.read_bytes()
    for name in names:
        data = data.replace(b"ascii.jpg", os.fsencode(name), 1)
    file.write_bytes(data)
    assert [photo.name for photo in read_scene(tmp_path).photos] == names


@pytest.mark.parametrize(
    "name", ["../../victim.png", "/victim.png", "..\\victim.png", "a/../../v.png", "C:\\v.png", ".."]
)
@pytest.mark.parametrize("text", [True, False])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str, text: bool) -> None:
    folder = tmp_path / "deep" / "scene"
    write_photos(folder / "images")
    Image.new("RGB", (48, 36)).save(tmp_path / "victim.png")
    write_colmap(folder / "sparse" / "0", CAMERAS, [name, *NAMES[1:]], XYZ, RGB)
    if text:
        as_text(folder, names=[name, *NAMES[1:]])
    with pytest.raises(InvalidScene, match=r"broken: its photo .* outside of its folder"):
        read_scene(folder)


def test_folders_of_photos_as_windows_writes_them(tmp_path: Path) -> None:
    names = [f"day{index % 2}\\0001{index}.jpg" for index in range(5)]
    write_photos(tmp_path / "images", [name.replace("\\", "/") for name in names])
    write_colmap(tmp_path / "sparse" / "0", CAMERAS, names, XYZ, RGB)
    assert {photo.name for photo in read_scene(tmp_path).photos} == {name.replace("\\", "/") for name in names}


@pytest.mark.parametrize("images", ["images", "images_2", "deep/photos"])
def test_names_that_begin_with_the_folder_of_photos(tmp_path: Path, images: str) -> None:
    """As COLMAP writes them where it was given the folder around it."""
    write_photos(tmp_path / images)
    before = "photos" if images == "deep/photos" else "images"
    write_colmap(tmp_path / "sparse" / "0", CAMERAS, [f"{before}/{name}" for name in NAMES], XYZ, RGB)
    assert [photo.name for photo in read_scene(tmp_path, images).photos] == NAMES
    write_photos(tmp_path / images / before)
    within = [f"{before}/{name}" for name in NAMES]
    assert [photo.name for photo in read_scene(tmp_path, images).photos] == within  # where there is such a folder


def test_a_model_of_text_that_an_editor_of_windows_has_saved(scene: Path) -> None:
    as_text(scene)
    for file in (scene / "sparse" / "0").glob("*.txt"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    same_cameras(read_scene(scene))


def test_a_photo_that_is_there_twice_is_named(tmp_path: Path) -> None:
    write_photos(tmp_path / "images")
    write_colmap(tmp_path / "sparse" / "0", CAMERAS, [*NAMES[:4], NAMES[0]], XYZ, RGB)
    with pytest.raises(InvalidScene, match=r"photo 0000\.jpg twice"):
        read_scene(tmp_path)


@pytest.mark.parametrize("at", ["count", "observations", "track"])
def test_counts_that_no_file_holds(scene: Path, at: str) -> None:
    name = "points3D.bin" if at == "track" else "images.bin"
    file = scene / "sparse" / "0" / name
    data = bytearray(file.read_bytes())
    place = {"count": 0, "observations": 8 + 64 + len(NAMES[0]) + 1, "track": 8 + 43}[at]
    for value in (2**62, 2**64 - 1, 2**40):
        data[place : place + 8] = struct.pack("<Q", value)
        file.write_bytes(data)
        with pytest.raises(InvalidScene, match=f"{name} of the scene is cut short"):
            read_scene(scene)


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_points_come_in_the_order_of_their_ids_however_many_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """With tracks of any length between them, an empty one and the last one's among these."""
    monkeypatch.setattr(colmap, "_POINTS_AT_ONCE", at_once)
    dice, ids, tracks = np.random.default_rng(0), [9, 2**63 + 1, 4, 30, 8, 1, 7], [3, 0, 5, 1, 2, 2, 1]
    xyz, rgb = dice.normal(size=(7, 3)), dice.integers(0, 256, (7, 3))
    records = [
        struct.pack("<Q3d3BdQ", number, *place, *colour, 0.5, length) + bytes(8 * length)
        for number, place, colour, length in zip(ids, xyz, rgb.tolist(), tracks, strict=True)
    ]
    (tmp_path / "points3D.bin").write_bytes(struct.pack("<Q", 7) + b"".join(records))
    points, order = colmap.read_points(tmp_path / "points3D.bin"), np.argsort(ids)
    np.testing.assert_array_equal(points.xyz, xyz[order])
    np.testing.assert_array_equal(points.rgb, rgb[order])
    assert points.track_lengths.tolist() == [tracks[index] for index in order]


def test_the_folder_of_a_run_means_the_scene_in_it(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("out")
    shutil.copytree(scene, out / "scene")
    assert find_scene(out) == out / "scene"
    assert find_scene(out / "scene") == out / "scene"
    same_cameras(read_scene(out))


def test_two_cameras_of_one_number_are_told(scene: Path) -> None:
    as_text(scene)
    cameras = scene / "sparse" / "0" / "cameras.txt"
    written = cameras.read_text()
    cameras.write_text(written + "7 SIMPLE_RADIAL 48 36 50 24 18 0\n")
    assert len(read_scene(scene).photos) == len(NAMES)  # twice the same
    cameras.write_text(written + "7 SIMPLE_RADIAL 48 36 60 24 18 0\n")
    with pytest.raises(InvalidScene, match="two cameras of the number 7"):
        read_scene(scene)


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
@pytest.mark.parametrize("kind", no_files.KINDS)
def test_what_is_no_file_is_not_waited_for(scene: Path, name: str, kind: str) -> None:
    path = scene / "sparse" / "0" / name
    path.unlink()
    no_files.put(path, kind)
    with pytest.raises(InvalidScene, match=f"{name} of the scene is not a file"):
        read_scene(scene)
