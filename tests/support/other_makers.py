"""Scenes as other programs write them, with cameras that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from support.colmap_files import ring_cameras

from splatworker.formats.scene import Scene

CAMERAS = ring_cameras(5)


NAMES = [f"{index:04}.jpg" for index in range(5)]


XYZ = np.random.default_rng(0).normal(size=(20, 3))


RGB = np.random.default_rng(0).integers(0, 256, (20, 3), dtype=np.uint8)


def write_photos(folder: Path, names: list[str] = NAMES, size: tuple[int, int] = (48, 36), mode: str = "RGB") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size).save(folder / name)


def same_cameras(scene: Scene, factor: float = 1.0) -> None:
    assert len(scene.photos) == len(CAMERAS)
    for photo, camera in zip(scene.photos, CAMERAS, strict=True):
        assert (photo.camera.width, photo.camera.height) == (48 * factor, 36 * factor)
        np.testing.assert_allclose([photo.camera.fx, photo.camera.fy], 50.0 * factor)
        np.testing.assert_allclose([photo.camera.cx, photo.camera.cy], [24 * factor, 18 * factor])
        np.testing.assert_allclose(photo.camera.camera_from_world, camera.camera_from_world, atol=1e-9)
