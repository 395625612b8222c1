"""Masks in the reconstruction: when the cameras are found by what they keep, and what the scene has of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from support import photo_sets
from support.sfm_runs import Run

from splatworker.formats.scene import read_scene
from splatworker.sfm.masks import shows_what_is_hidden

Sfm = Callable[..., Run]
RoomPhotos = tuple[Path, dict[str, npt.NDArray[np.float64]]]

POSTERS = slice(3, 6)
"""Of the room: what stands before its walls."""

RAYS = photo_sets.pinhole_rays()


def hits(rectangles: list[photo_sets.Rectangle], pose: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """(H, W) bool: where a photo shows any of the rectangles."""
    black = [photo_sets.Rectangle(one.corner, one.side_a, one.side_b, np.zeros_like(one.texture)) for one in rectangles]
    return np.asarray(photo_sets.photograph(black, pose, RAYS)[:, :, 0] == 0)


def save_mask(keep: np.ndarray, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(keep.astype(np.uint8) * 255).save(path)


def report(scene: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((scene / "report.json").read_text())
    return found


@pytest.fixture(scope="module")
def turntable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos of three posters that turn before a wall that does not, and their masks beside them."""
    folder = tmp_path_factory.mktemp("turntable") / "images"
    folder.mkdir()
    posters = photo_sets.room()[POSTERS]
    wall = (photo_sets.texture(77)[: photo_sets.HEIGHT, : photo_sets.WIDTH] * 255).astype(np.uint8)
    for number, pose in enumerate(photo_sets.arc(8, degrees=40, radius=2.4)):
        keep = hits(posters, pose)
        picture = np.where(keep[:, :, None], photo_sets.photograph(posters, pose, RAYS), wall)
        photo_sets.save(picture, folder / f"{number}.jpg")
        save_mask(keep, folder.parent / "masks" / f"{number}.png")
    return folder


def test_on_a_turntable_the_cameras_are_found_by_what_turns(sfm: Sfm, turntable: Path, tmp_path: Path) -> None:
    run = sfm(turntable, tmp_path / "scene")
    assert run.result["registered"] == 8
    masks = report(tmp_path / "scene")["masks"]
    assert masks["used"]
    assert masks["masked"] == 8
    assert masks["hidden"] > 0.3
    assert masks["still"] > 0.8
    assert any("stands still while the subject turns" in warning for warning in run.warnings)
    centers = np.array([photo.camera.center for photo in read_scene(tmp_path / "scene").photos])
    truth = np.array([-pose[:, :3].T @ pose[:, 3] for pose in photo_sets.arc(8, degrees=40, radius=2.4)])
    shape = [np.linalg.norm(points[:, None] - points[None], axis=2) for points in (centers, truth)]
    found, true = (distances / distances.max() for distances in shape)
    assert np.abs(found - true).max() < 0.05


@pytest.fixture(scope="module")
def walked_around(room_photos: RoomPhotos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks of the photos of the room that keep a small patch of it: far too little to find a camera by."""
    folder = tmp_path_factory.mktemp("patches") / "masks"
    folder.mkdir()
    for number, name in enumerate(sorted(room_photos[1])):
        keep = np.zeros((photo_sets.HEIGHT, photo_sets.WIDTH), bool)
        keep[150:210, 200:280] = True
        save_mask(keep, folder / f"{name}.png" if number % 2 else folder / f"{name.removesuffix('.jpg')}.mask.png")
    return folder


def test_who_has_walked_around_is_placed_by_what_is_behind(
    sfm: Sfm, room_photos: RoomPhotos, walked_around: Path, tmp_path: Path
) -> None:
    scene = tmp_path / "scene"
    run = sfm(room_photos[0], scene, "--undistort-max-size", "400", "--masks", str(walked_around))
    assert run.result["registered"] == 10
    masks = report(scene)["masks"]
    assert not masks["used"]
    assert masks["hidden"] > 0.7
    assert masks["still"] is None or masks["still"] < 0.1
    assert any("10 of 10 photos have a mask: cameras were found by all that the photos show" in w for w in run.warnings)
    for photo in read_scene(scene).photos:
        with Image.open(scene / "masks" / f"{photo.name}.png") as image:
            assert (image.mode, image.size) == ("L", (photo.camera.width, photo.camera.height))
            mask = np.asarray(image)
        assert set(np.unique(mask)) == {0, 255}
        rows, columns = np.nonzero(mask)
        shrunk = photo.camera.width / photo_sets.WIDTH
        middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        assert np.abs(middle - shrunk * np.array([240, 180])).max() < 6
        assert abs(len(rows) / (60 * 80 * shrunk**2) - 1) < 0.1
    with Image.open(read_scene(scene).photos[0].path) as image:
        assert image.mode == "RGB"


def test_a_cutout_by_mask_files_is_the_alpha_of_the_scene(
    sfm: Sfm, room_photos: RoomPhotos, walked_around: Path, tmp_path: Path
) -> None:
    scene = tmp_path / "scene"
    how = ("--masks", str(walked_around), "--mask-mode", "cutout", "--undistort-max-size", "400")
    run = sfm(room_photos[0], scene, *how)
    assert run.result["registered"] == 10
    assert not (scene / "masks").exists()
    for photo in read_scene(scene).photos:
        assert photo.name.endswith(".png")
        with Image.open(photo.path) as image:
            alpha, colours = np.asarray(image.getchannel("A")), np.asarray(image)[:, :, :3]
        kept = 60 * 80 * (photo.camera.width / photo_sets.WIDTH) ** 2
        assert abs((alpha >= 128).sum() / kept - 1) < 0.1
        assert colours[alpha == 255].std() > 10
        assert colours[alpha == 0].mean() < 0.1  # what shrinking leaves at the edge


def test_masks_of_other_photos_are_refused(sfm: Sfm, room_photos: RoomPhotos, tmp_path: Path) -> None:
    save_mask(np.ones((8, 8), bool), tmp_path / "masks" / "other.png")
    run = sfm(room_photos[0], tmp_path / "scene", "--masks", str(tmp_path / "masks"))
    assert run.error["code"] == "invalid_masks"
    assert "None of the 1 masks has the name of a photo (other.png, ...)" in run.error["message"]
    assert not (tmp_path / "scene").exists()


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (np.ones((100, 100), bool), "The mask of photo 1.jpg is 100x100 pixels and the photo 480x360"),
        (np.zeros((360, 480), bool), "The mask of photo 1.jpg hides all of it"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_by_name(
    sfm: Sfm, room_photos: RoomPhotos, tmp_path: Path, keep: npt.NDArray[np.bool_], said: str
) -> None:
    save_mask(keep, tmp_path / "masks" / "photo 1.png")
    run = sfm(room_photos[0], tmp_path / "scene", "--masks", str(tmp_path / "masks"))
    assert run.error["code"] == "invalid_masks"
    assert said in run.error["message"]


def test_whether_a_photo_goes_on_below_what_is_transparent() -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (90, 120, 3), np.uint8)
    alpha = np.zeros((90, 120), np.uint8)
    alpha[20:70, 30:90] = 255
    blank = colours.copy()
    blank[alpha == 0] = 200
    assert shows_what_is_hidden(Image.fromarray(np.dstack([colours, alpha])))
    assert not shows_what_is_hidden(Image.fromarray(np.dstack([blank, alpha])))
