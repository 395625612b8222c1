"""Photos that are partly transparent: alpha is undistorted as colours are, and nothing is looked for beyond it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photo_sets
from support.sfm_runs import Run

from splatworker.formats.scene import read_scene


@pytest.fixture(scope="module")
def cut_out(sfm: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """Eight photos of the room, of which a wide ellipse is opaque; the room's colours are still under the rest."""
    folder = tmp_path_factory.mktemp("cut") / "photos"
    folder.mkdir()
    rays = photo_sets.pinhole_rays()
    x, y = np.meshgrid(np.linspace(-1, 1, photo_sets.WIDTH), np.linspace(-1, 1, photo_sets.HEIGHT))
    alpha = ((x / 0.9) ** 2 + (y / 0.9) ** 2 < 1).astype(np.uint8) * 255
    for number, pose in enumerate(photo_sets.arc(8, degrees=60)):
        picture = photo_sets.photograph(photo_sets.room(), pose, rays)
        Image.fromarray(np.dstack([picture, alpha])).save(folder / f"{number}.png")
    scene = folder.parent / "scene"
    return sfm(folder, scene, "--undistort-max-size", "400"), scene


def test_alpha_is_in_the_scene(cut_out: tuple[Run, Path]) -> None:
    run, scene = cut_out
    assert run.result["registered"] == 8
    for photo in read_scene(scene).photos:
        with Image.open(photo.path) as image:
            assert (image.mode, image.size) == ("RGBA", (photo.camera.width, photo.camera.height))
            pixels = np.asarray(image)
        assert 0.55 < (pixels[:, :, 3] > 250).mean() < 0.72  # an ellipse of 0.9 covers 0.64 of its rectangle
        assert pixels[:8, :8].max() == 0
        middle = pixels[150:250, 150:250]
        assert middle[:, :, 3].min() == 255
        assert middle[:, :, :3].std() > 20


def test_no_point_is_seen_where_photos_are_transparent(cut_out: tuple[Run, Path]) -> None:
    _, scene = cut_out
    read = read_scene(scene)
    for photo in read.photos:
        camera = photo.camera
        rays = read.points.xyz @ camera.camera_from_world[:, :3].T + camera.camera_from_world[:, 3]
        column, row = (camera.fx * rays[:, 0] / rays[:, 2] + camera.cx, camera.fy * rays[:, 1] / rays[:, 2] + camera.cy)
        outside = ((column / camera.width - 0.5) / 0.45) ** 2 + ((row / camera.height - 0.5) / 0.45) ** 2 > 1
        assert outside.mean() < 0.25  # seen by others, from beside


def test_masks_are_told_of(cut_out: tuple[Run, Path]) -> None:
    run, _ = cut_out
    assert any("8 of 8 photos are partly transparent" in warning for warning in run.warnings)
