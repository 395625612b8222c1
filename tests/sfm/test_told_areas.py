"""Photos that say to be parts of panoramas: believed where their matches do not say otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photo_sets
from support.sfm_runs import Run

from splatworker.formats.masks import UPRIGHT
from splatworker.formats.panorama import Area, as_xmp
from splatworker.formats.scene import read_scene
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import read_photos
from splatworker.sfm.told_areas import ordinary_after_all
from splatworker.sfm.views import views_of
from splatworker.sfm.watch import Cancellation
from splatworker.sfm.workbench import Workbench

WIDTH, HEIGHT = 480, 360
TOLD = Area(-60.0, 60.0, -35.0, 55.0)
RAYS = {
    "ordinary": photo_sets.pinhole_rays(WIDTH, HEIGHT, 420.0),
    "part": photo_sets.sphere_rays(3 * WIDTH)[140:500, WIDTH:-WIDTH],
}


def take(folder: Path, kind: str, count: int, orientation: int = 1) -> dict[str, np.ndarray]:
    """Photos of the room that all say to be a third of the horizon; name -> pose."""
    folder.mkdir(parents=True)
    lies = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, UPRIGHT.get(orientation))
    exif = Image.Exif()
    exif[0x0112] = orientation
    taken = {}
    for number, pose in enumerate(photo_sets.arc(count, degrees=8.0 * count)):
        image = Image.fromarray(photo_sets.photograph(photo_sets.room(), pose, RAYS[kind]))
        image = image if lies is None else image.transpose(lies)
        image.save(folder / f"{number}.jpg", quality=93, exif=exif, xmp=as_xmp(TOLD, WIDTH, HEIGHT))
        taken[f"{number}.jpg"] = pose
    return taken


def asked(folder: Path, threads: int = 2) -> set[str]:
    photos, _ = read_photos(folder)
    assert all(photo.area == TOLD for photo in photos)
    return ordinary_after_all(photos, folder, Workbench(folder, folder, SfmOptions(), threads, Cancellation()))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_part_of_a_panorama_is_believed_however_it_lies(tmp_path: Path, orientation: int) -> None:
    take(tmp_path / "photos", "part", 4, orientation)
    assert asked(tmp_path / "photos") == set()


@pytest.mark.parametrize("orientation", [1, 6])
def test_what_an_ordinary_lens_took_is_not_believed(tmp_path: Path, orientation: int) -> None:
    taken = take(tmp_path / "photos", "ordinary", 4, orientation)
    assert asked(tmp_path / "photos") == asked(tmp_path / "photos", threads=1) == taken.keys()


def test_photos_that_have_nothing_in_common_are_believed(tmp_path: Path) -> None:
    take(tmp_path / "photos", "ordinary", 3)
    for number in range(1, 3):
        image = Image.fromarray((photo_sets.texture(70 + number)[:HEIGHT, :WIDTH] * 255).astype(np.uint8))
        image.save(tmp_path / "photos" / f"{number}.jpg", xmp=as_xmp(TOLD, WIDTH, HEIGHT))
    assert asked(tmp_path / "photos") == set()


def test_two_are_too_few_to_be_asked(tmp_path: Path) -> None:
    take(tmp_path / "photos", "ordinary", 2)
    assert asked(tmp_path / "photos") == set()


def test_ordinary_photos_that_say_to_be_parts_are_placed_as_what_they_are(
    sfm: Callable[..., Run], tmp_path: Path
) -> None:
    taken = take(tmp_path / "photos", "ordinary", 6)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert (run.result["photos"], run.result["registered"], run.result["panoramas"]) == (6, 6, 0)
    assert run.warnings[0].startswith("The header (XMP GPano) of 6 photos (0.jpg, 1.jpg, 2.jpg, ...) says")
    found = {photo.name: photo.camera.camera_from_world for photo in read_scene(tmp_path / "scene").photos}
    difference = compare_poses(found, taken)
    assert difference.rotation_deg.max() < 0.5
    assert difference.position.max() < 0.02


def test_parts_of_panoramas_are_placed_as_what_they_are(sfm: Callable[..., Run], tmp_path: Path) -> None:
    taken = take(tmp_path / "photos", "part", 6)
    run = sfm(tmp_path / "photos", tmp_path / "scene")
    assert (run.result["photos"], run.result["registered"], run.result["panoramas"]) == (6, 6, 6)
    assert not any("GPano" in warning for warning in run.warnings)
    views = views_of(TOLD, 3 * WIDTH)
    truth = {
        f"{Path(name).stem}_{view.label}.jpg": view.rotation() @ pose for name, pose in taken.items() for view in views
    }
    found = {photo.name: photo.camera.camera_from_world for photo in read_scene(tmp_path / "scene").photos}
    assert found.keys() == truth.keys()
    difference = compare_poses(found, truth)
    assert difference.rotation_deg.max() < 0.5
    assert difference.position.max() < 0.02
