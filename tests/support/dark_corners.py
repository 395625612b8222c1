"""Photos of a painted wall by lenses that darken as they must: by the fourth power of the cosine from their axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from support.colmap_files import write_colmap

from splatworker.formats.camera import Camera
from splatworker.train.falloff import light_of, stored_of

WIDTH, HEIGHT = 96, 72


def camera_at(center: np.ndarray, aim: np.ndarray, focal: float, middle: tuple[float, float] = (0.5, 0.5)) -> Camera:
    """A camera that looks to `aim`, y down, with its principal point at shares of its sides."""
    forward = (aim - center) / np.linalg.norm(aim - center)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    pose = np.hstack([rotation, (-rotation @ center)[:, None]])
    return Camera(WIDTH, HEIGHT, focal, focal, middle[0] * WIDTH, middle[1] * HEIGHT, pose)


def wall_cameras(count: int, focal: float = 80.0, middle: tuple[float, float] = (0.5, 0.5)) -> list[Camera]:
    """Before a wall at z = 0, and looking at one part of it and another."""
    dice = np.random.default_rng(2)
    centers = np.column_stack([dice.uniform(-0.8, 0.8, (count, 2)), dice.uniform(-2.4, -1.8, count)])
    aims = np.column_stack([dice.uniform(-0.9, 0.9, (count, 2)), np.zeros(count)])
    return [camera_at(center, aim, focal, middle) for center, aim in zip(centers, aims, strict=True)]


def painted(xy: np.ndarray) -> np.ndarray:
    """(..., 3) the colours, as they are stored, of (..., 2) places on the wall."""
    waves = np.array([[3.0, 1.0], [-1.0, 2.5], [2.0, -2.0]])
    return np.asarray(0.45 + 0.2 * np.sin(xy @ waves.T + [0.0, 1.0, 2.0]))


def arrived(camera: Camera, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The share of the light that arrives at pixels: the cosine's fourth power."""
    return np.asarray((1 + ((x - camera.cx) / camera.fx) ** 2 + ((y - camera.cy) / camera.fy) ** 2) ** -2.0)


def corner(camera: Camera) -> float:
    """By what share of the middle's light the farthest corner is darker."""
    x, y = np.meshgrid([0.0, camera.width], [0.0, camera.height])
    return float(1 - arrived(camera, x, y).min())


def picture(camera: Camera, *, darkened: bool) -> np.ndarray:
    """(H, W, 3) a photo of the wall, as bytes."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], axis=-1)
    rays = rays @ camera.camera_from_world[:, :3]
    places = camera.center[:2] - rays[..., :2] * (camera.center[2] / rays[..., 2])[..., None]
    light = light_of(painted(places)) * (arrived(camera, x, y)[..., None] if darkened else 1.0)
    return np.asarray(np.rint(255 * stored_of(light)), np.uint8)


def write_wall(folder: Path, cameras: Sequence[Camera], darkened: Sequence[bool]) -> Path:
    """Write a scene folder of photos of the wall, those that are `darkened` by their lens."""
    names = [f"photo{number:03}.png" for number in range(len(cameras))]
    (folder / "images").mkdir(parents=True)
    for name, camera, dark in zip(names, cameras, darkened, strict=True):
        Image.fromarray(picture(camera, darkened=dark)).save(folder / "images" / name)
    xyz = np.column_stack([np.random.default_rng(3).uniform(-2, 2, (900, 2)), np.zeros(900)])
    normals = np.broadcast_to([0.0, 0.0, -1.0], xyz.shape)
    rgb = (255 * painted(xyz[:, :2])).astype(np.uint8)
    write_colmap(folder / "sparse" / "0", list(cameras), names, xyz, rgb, observed=True, normals=normals)
    return folder
