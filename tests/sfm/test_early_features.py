"""Features found while photos still arrive: the same cameras as from a folder that was full from the start."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from support.sfm_runs import Run, sfm_command

from splatworker.formats.scene import read_scene
from splatworker.sfm import database
from splatworker.sfm.cameras import group_photos
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.early_features import find_features
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import read_photos
from splatworker.sfm.workbench import Workbench


class Sender:
    """Brings a file at every look, and says when the last one is there."""

    def __init__(self, files: Iterable[Path], folder: Path) -> None:
        self.files = list(files)
        self.folder = folder

    def __call__(self) -> bool:
        if not self.files:
            return True
        shutil.copy(self.files.pop(0), self.folder)
        return False


def bench(tmp_path: Path, photos: Path, **options: Any) -> Workbench:
    work = tmp_path / "work"
    work.mkdir()
    return Workbench(work, photos, SfmOptions(device="cpu", **options), 2)


def found_in(path: Path) -> dict[str, int]:
    with pycolmap.Database.open(path) as opened:
        return {image.name: opened.num_keypoints_for_image(image.image_id) for image in opened.read_all_images()}


def test_features_are_those_that_the_reconstruction_finds(
    room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    """Two photos come while others are looked at, one is not a photo, one is gone when it is wanted."""
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "notes.txt").write_text("text")
    room = bench(tmp_path, photos)
    source = sorted(room_photos[0].iterdir())[:3]
    ahead = find_features(room, Sender(source, photos))
    counts = found_in(ahead)
    assert counts.keys() == {path.name for path in source}
    assert min(counts.values()) > 100

    (photos / source[1].name).unlink()
    with Image.open(photos / source[2].name) as photo:
        photo.resize((300, 200)).save(photos / source[2].name)
    left, _ = read_photos(photos)
    target = tmp_path / "target.db"
    groups = group_photos(left, [photos / photo.name for photo in left])
    database.create(target, left, groups, "auto")
    database.copy_features(ahead, target, left)
    # The one that is gone is not asked for, and what another photo of that name held is not taken.
    assert found_in(target) == {"000001.jpg": counts[source[0].name], "000002.jpg": 0}


def test_photos_that_will_be_shrunk_are_left_alone(
    room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    room = bench(tmp_path, photos, max_image_size=320, undistort_max_size=300)
    ahead = find_features(room, Sender(sorted(room_photos[0].iterdir())[:2], photos))
    assert found_in(ahead) == {}


def test_the_stage_follows_a_folder_that_fills(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    """The last photos are there when the end is told, and those before long looked at."""
    photos, arriving = tmp_path / "photos", tmp_path / "arriving"
    photos.mkdir()
    options = ("--follow", "--undistort-max-size", "400")
    with subprocess.Popen(
        sfm_command(photos, tmp_path / "scene", *options),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as stage:  # fmt: skip
        for path in sorted(room_photos[0].iterdir()):
            shutil.copy(path, arriving)
            arriving.rename(photos / path.name)
        stdout, _ = stage.communicate("")
    assert stage.returncode == 0
    events = [json.loads(line) for line in stdout.splitlines()]
    assert events[-1]["result"]["registered"] == 10

    plain = sfm(photos, tmp_path / "plain", "--undistort-max-size", "400")
    assert plain.result["registered"] == 10
    cameras = [
        {photo.name: photo.camera.camera_from_world for photo in read_scene(tmp_path / name).photos}
        for name in ("scene", "plain")
    ]
    difference = compare_poses(*cameras)
    assert difference.rotation_deg.max() < 0.001
    assert np.max(difference.position) < 1e-5
