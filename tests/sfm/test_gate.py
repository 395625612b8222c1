"""The gate, the match graph, turning on the spot, sharpness, metadata: each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photo_sets

from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.gate import contradiction, inspect, lens_fault
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.metadata import drop_metadata
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.pure_rotation import taken_from_one_spot
from splatworker.sfm.search import is_thin
from splatworker.sfm.sharpness import photo_quality

SIZE = (640, 480)


def group(count: int = 12, focal: float = 560.0, has_prior: bool = True) -> CameraGroup:
    return CameraGroup(tuple(PhotoHeader(f"{n}.jpg", *SIZE) for n in range(count)), focal, has_prior)


def camera(focal: float = 560.0, k: float = 0.0) -> pycolmap.Camera:
    made = pycolmap.Camera.create_from_model_name(1, "SIMPLE_RADIAL", focal, *SIZE)
    made.params = [focal, 320, 240, k]
    return made


def model(poses: Sequence[np.ndarray], points: np.ndarray, focal: float = 560.0) -> pycolmap.Reconstruction:
    """A reconstruction in which every point that falls into a photo is observed."""
    made = pycolmap.Reconstruction()
    made.add_camera_with_trivial_rig(camera(focal))
    tracks = [pycolmap.Track() for _ in points]
    for image_id, pose in enumerate(poses, 1):
        rays = points @ pose[:, :3].T + pose[:, 3]
        pixels = rays[:, :2] / rays[:, 2:] * focal + [320, 240]
        seen = np.flatnonzero(np.all((pixels >= 0) & (pixels < SIZE), axis=1))
        image = pycolmap.Image(name=f"{image_id}.jpg", camera_id=1, image_id=image_id)
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D(pixel) for pixel in pixels[seen]])
        rotation = pycolmap.Rotation3d(pose[:, :3])
        made.add_image_with_trivial_frame(image, pycolmap.Rigid3d(rotation, pose[:, 3]))
        for index, point in enumerate(seen):
            tracks[point].add_element(image_id, index)
    for point, track in zip(points, tracks, strict=True):
        if track.length():
            made.add_point3D(point, track)
    return made


def cloud(count: int = 300, depth: float = 0.0) -> np.ndarray:
    return np.asarray(np.random.default_rng(0).uniform(-0.8, 0.8, (count, 3)) + np.array([0, 0.6, depth]))


def test_a_sound_model_passes() -> None:
    found = inspect(model(photo_sets.arc(12), cloud()), [group()])
    assert found.faults == []
    assert found.implausible_images == {}


def test_cameras_in_one_spot_are_a_fault() -> None:
    poses = [pose.copy() for pose in photo_sets.arc(12, degrees=0.1)]
    for pose in poses:
        pose[:, 3] = -pose[:, :3] @ [0.3, 1.1, 3.2]
    found = inspect(model(poses, cloud()), [group()])
    assert found.flat
    assert "one spot" in found.faults[0]


def test_a_focal_length_that_the_header_contradicts_is_doubted() -> None:
    found = inspect(model(photo_sets.arc(12), cloud(), focal=1400.0), [group()])
    assert "focal length came out as 1400 pixels" in found.doubted[1]
    assert "says 560" in found.doubted[1]
    assert found.faults == []


def test_an_exploded_focal_length_is_a_fault_whatever_the_header_says() -> None:
    found = inspect(model(photo_sets.arc(12), cloud(), focal=5600.0), [group()])
    assert "times the photo's longer side" in found.faults[0]


def test_points_behind_cameras_are_a_fault() -> None:
    found = inspect(model(photo_sets.arc(12), cloud(depth=9.0)), [group()])
    assert any("behind" in fault for fault in found.faults)


def test_a_photo_far_from_all_others_is_astray() -> None:
    poses = photo_sets.arc(12)
    poses[4] = poses[4].copy()
    poses[4][2, 3] += 400
    found = inspect(model(poses, cloud()), [group()])
    assert found.faults == []
    assert found.implausible_images == {5: "its camera came out far away from all others"}


def test_a_photo_that_sees_next_to_nothing_is_astray() -> None:
    poses = photo_sets.arc(12)
    poses[7] = photo_sets.look_at(np.array([0.3, 1.1, 3.2]), np.array([3.0, 3.0, 3.0]))
    found = inspect(model(poses, cloud()), [group()])
    assert list(found.implausible_images) == [8]
    assert "sees only" in found.implausible_images[8]


@pytest.mark.parametrize(
    ("made", "has_prior", "fault"),
    [
        (camera(), True, ""),
        (camera(900), True, ""),
        (camera(1000), True, "header says"),
        (camera(300), True, "header says"),
        (camera(1000), False, ""),
        (camera(2600), False, "4.1 times"),
        (camera(140), False, "0.2 times"),
        (camera(k=-0.2), True, ""),
        (camera(k=0.3), True, ""),
        (camera(k=5.0), True, "bent"),
        (camera(k=-2.0), True, "bent"),
    ],
)
def test_lenses_that_cannot_be(made: pycolmap.Camera, has_prior: bool, fault: str) -> None:
    found = contradiction(made, group(has_prior=has_prior)) or lens_fault(made)
    assert fault in found
    assert bool(found) == bool(fault)


def graph(
    images: int, inliers: dict[tuple[int, int], int], homographies: dict[tuple[int, int], np.ndarray] | None = None
) -> MatchGraph:
    return MatchGraph(tuple(range(1, images + 1)), inliers, homographies or {}, len(inliers))


def test_photos_that_hang_together() -> None:
    made = graph(7, {(1, 2): 90, (2, 3): 31, (4, 5): 200, (3, 4): 29})
    assert made.components() == [{1, 2, 3}, {4, 5}, {6}, {7}]
    assert made.components(15) == [{1, 2, 3, 4, 5}, {6}, {7}]
    assert made.neighbours()[2] == {1, 3}
    assert made.neighbours()[6] == set()


def test_thin_matches_ask_for_a_closer_look() -> None:
    pairs = [(first, second) for first in range(1, 6) for second in range(first + 1, 6)]
    assert is_thin(graph(5, dict.fromkeys(pairs, 60)))
    assert not is_thin(graph(5, dict.fromkeys(pairs, 160)))


def homography(pose_1: np.ndarray, pose_2: np.ndarray, focal: float, plane: np.ndarray | None = None) -> np.ndarray:
    """Pixels of photo 2 from those of photo 1: of a turn, or of the plane n . x = 1 in the first camera's frame."""
    k = np.array([[focal, 0, 320], [0, focal, 240], [0, 0, 1.0]])
    rotation = pose_2[:, :3] @ pose_1[:, :3].T
    step = pose_2[:, 3] - rotation @ pose_1[:, 3]
    inner = rotation if plane is None else rotation + np.outer(step, plane)
    return np.asarray(0.7 * k @ inner @ np.linalg.inv(k))


def test_turning_on_the_spot_is_told_from_a_flat_subject() -> None:
    photos = [PhotoHeader(f"{n}.jpg", *SIZE) for n in range(6)]
    poses = photo_sets.arc(6)
    pairs = [(first, second) for first in range(1, 7) for second in range(first + 1, 7)]
    count = dict.fromkeys(pairs, 100)
    turned = {(a, b): homography(poses[a - 1], poses[b - 1], 800) for a, b in pairs}
    flat = {(a, b): homography(poses[a - 1], poses[b - 1], 800, np.array([0.1, 0.2, 0.3])) for a, b in pairs}
    assert taken_from_one_spot(graph(6, count, turned), photos)
    assert not taken_from_one_spot(graph(6, count, flat), photos)
    assert not taken_from_one_spot(graph(6, count, dict(list(turned.items())[:5])), photos)
    assert not taken_from_one_spot(graph(6, {}, {}), photos)


@pytest.mark.parametrize(("blur", "blurred"), [(0, False), (1, False), (8, True)])
def test_blur_is_seen(tmp_path: Path, blur: int, blurred: bool) -> None:
    picture = (photo_sets.texture(3) * 255).astype(np.uint8)
    photo_sets.save(picture, tmp_path / "a.jpg", blur=blur)
    look = photo_quality(tmp_path / "a.jpg")
    assert look.blurred == blurred
    assert not look.blank


def test_a_blank_photo_is_blank_and_not_blurred(tmp_path: Path) -> None:
    photo_sets.save(np.full((100, 120, 3), 90, np.uint8), tmp_path / "a.jpg")
    look = photo_quality(tmp_path / "a.jpg")
    assert look.blank
    assert not look.blurred


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_metadata_goes_and_pixels_stay(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Acme"
    picture = Image.fromarray((photo_sets.texture(3, 64) * 255).astype(np.uint8))
    picture.save(tmp_path / name, exif=exif)
    before = np.asarray(Image.open(tmp_path / name))
    drop_metadata(tmp_path / name)
    after = Image.open(tmp_path / name)
    assert not after.getexif()
    assert b"Acme" not in (tmp_path / name).read_bytes()
    assert np.array_equal(np.asarray(after), before)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    drop_metadata(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_bytes() == b"hello"
