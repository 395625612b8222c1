"""Photographs of a small room made of textured rectangles, with the cameras that took them known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

WIDTH, HEIGHT, FOCAL = 480, 360, 420.0


@dataclass(frozen=True)
class Rectangle:
    """corner + a * side_a + b * side_b for a, b in [0, 1], showing `texture` (h, w, 3) in [0, 1]."""

    corner: np.ndarray
    side_a: np.ndarray
    side_b: np.ndarray
    texture: np.ndarray


@cache
def texture(seed: int, size: int = 512) -> np.ndarray:
    """Noise on every scale and some rectangles of one colour: much to recognise, nothing twice."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((size, size, 3))
    for cells, weight in ((4, 0.5), (16, 0.6), (64, 0.7), (size // 4, 0.6)):
        noise = (rng.random((cells, cells, 3)) * 255).astype(np.uint8)
        picture += weight * np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)) / 255
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    for _ in range(60):
        x, y = rng.integers(0, size - 40, 2)
        w, h = rng.integers(8, 40, 2)
        picture[y : y + h, x : x + w] = rng.random(3)
    return np.asarray(picture)


def room(seed: int = 0) -> list[Rectangle]:
    """A floor, two walls and three posters that stand in front of them. x right, y up, z to the viewer."""
    e = np.eye(3)

    def make(number: int, corner: list[float], a: np.ndarray, b: np.ndarray) -> Rectangle:
        return Rectangle(np.array(corner), a, b, texture(100 * seed + number))

    return [
        make(0, [-2, 0, -2], 4 * e[0], 4 * e[2]),
        make(1, [-2, 0, -2], 4 * e[0], 3 * e[1]),
        make(2, [-2, 0, -2], 4 * e[2], 3 * e[1]),
        make(3, [-0.9, 0, -0.5], 0.8 * e[0] + 0.3 * e[2], 1.1 * e[1]),
        make(4, [0.3, 0, -0.9], 0.9 * e[0] - 0.2 * e[2], 1.4 * e[1]),
        make(5, [-0.3, 0, 0.3], 0.7 * e[0] + 0.1 * e[2], 0.6 * e[1]),
    ]


def look_at(center: np.ndarray, target: np.ndarray, roll: float = 0.0) -> np.ndarray:
    """(3, 4) camera_from_world of a camera at `center` (x right, y down, z forward), `roll` radians off level."""
    forward = (target - center) / np.linalg.norm(target - center)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    right, down = np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right
    rotation = np.stack([right, down, forward])
    return np.hstack([rotation, (-rotation @ center)[:, None]])


def arc(count: int, degrees: float = 80.0, radius: float = 3.2) -> list[np.ndarray]:
    """Poses on an arc around the room's middle, at two heights, never quite even."""
    poses = []
    for number, angle in enumerate(np.radians(np.linspace(-degrees / 2, degrees / 2, count))):
        r = radius + 0.1 * np.sin(5 * number)
        height = 1.1 + 0.5 * (number % 2) + 0.05 * np.cos(3 * number)
        center = np.array([r * np.sin(angle) + 0.3, height, r * np.cos(angle)])
        poses.append(look_at(center, np.array([0.0, 0.6, -0.3]), roll=0.02 * np.sin(7 * number)))
    return poses


def photograph(rectangles: list[Rectangle], pose: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 picture; `rays` (H, W, 3) are the pixels' directions in the camera's frame."""
    rotation, center = pose[:, :3], -pose[:, :3].T @ pose[:, 3]
    directions = np.ascontiguousarray((rays.reshape(-1, 3) @ rotation).astype(np.float64).T)
    nearest = np.full(directions.shape[1], np.inf)
    shown = np.full(len(nearest), -1)
    across, along = np.zeros(len(nearest)), np.zeros(len(nearest))
    for number, rectangle in enumerate(rectangles):
        # s * direction = (corner - center) + a * side_a + b * side_b; in the basis of those three vectors the
        # direction has coordinates (1, a, b) / s.
        basis = np.stack([rectangle.corner - center, rectangle.side_a, rectangle.side_b], axis=1)
        inverse, a, b = np.linalg.inv(basis) @ directions
        # In front, within the sides: nothing is divided by for the others.
        seen = np.flatnonzero((inverse > 0) & (a >= 0) & (b >= 0) & (a <= inverse) & (b <= inverse))
        inverse, a, b = inverse[seen], a[seen], b[seen]
        s, a, b = 1 / inverse, a / inverse, b / inverse
        best = (s > 0.05) & (s < nearest[seen]) & (a < 1) & (b < 1)
        seen = seen[best]
        nearest[seen], shown[seen], across[seen], along[seen] = s[best], number, a[best], b[best]
    colours = np.full((len(nearest), 3), 0.5)
    for number, rectangle in enumerate(rectangles):
        seen = np.flatnonzero(shown == number)
        colours[seen] = sample(rectangle.texture, across[seen], along[seen])
    return (colours.reshape(rays.shape) * 255 + 0.5).astype(np.uint8)


def pinhole_rays(width: int = WIDTH, height: int = HEIGHT, focal: float = FOCAL) -> np.ndarray:
    """(H, W, 3) directions of the pixels' centers."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([(x - width / 2) / focal, (y - height / 2) / focal, np.ones_like(x)], axis=-1)


def sphere_rays(width: int) -> np.ndarray:
    """(width / 2, width, 3) directions of the pixels of an equirectangular photo: x right, y down, z to its middle."""
    longitude, latitude = np.meshgrid(
        ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi,
        (0.5 - (np.arange(width // 2) + 0.5) / (width // 2)) * np.pi,
    )
    return np.stack(
        [np.sin(longitude) * np.cos(latitude), -np.sin(latitude), np.cos(longitude) * np.cos(latitude)], axis=-1
    )


def fisheye_rays(width: int, height: int, focal: float, k: float = 0.0) -> np.ndarray:
    """(height, width, 3) directions of a fisheye's pixels: an angle a is a (1 + k a^2) focal lengths away."""
    x, y = np.meshgrid((np.arange(width) + 0.5 - width / 2) / focal, (np.arange(height) + 0.5 - height / 2) / focal)
    radius = np.hypot(x, y)
    angle = radius.copy()
    for _ in range(20):
        angle = radius / (1 + k * angle**2)
    return np.stack([x / radius * np.sin(angle), y / radius * np.sin(angle), np.cos(angle)], axis=-1)


def hall(seed: int = 0) -> list[Rectangle]:
    """The room with the walls and the ceiling that it lacks: something to see in every direction."""
    e = np.eye(3)
    missing = [([2, 0, -2], 4 * e[2], 3 * e[1]), ([-2, 0, 2], 4 * e[0], 3 * e[1]), ([-2, 3, -2], 4 * e[0], 4 * e[2])]
    return room(seed) + [
        Rectangle(np.array(corner), a, b, texture(100 * seed + 50 + number))
        for number, (corner, a, b) in enumerate(missing)
    ]


def walk(count: int, *, radius: float = 1.0) -> list[np.ndarray]:
    """Poses of a panorama camera that is carried around in the hall, upright but never facing the same way."""
    poses = []
    for number, angle in enumerate(np.linspace(0, 2 * np.pi, count, endpoint=False)):
        r = radius + 0.15 * np.sin(3 * number)
        center = np.array([r * np.sin(angle), 1.4 + 0.1 * np.sin(2 * number), 0.6 + r * np.cos(angle)])
        facing = np.array([np.sin(1.3 * number), 0.0, np.cos(1.3 * number)])
        poses.append(look_at(center, center + facing, roll=0.0))
    return poses


def save(picture: np.ndarray, path: Path, *, blur: float = 0.0, orientation: int | None = None) -> None:
    """Write a JPEG, if wanted blurred by so many pixels or with an EXIF orientation."""
    image = Image.fromarray(picture)
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(path, quality=93, exif=exif)


def take(
    folder: Path, rectangles: list[Rectangle], poses: list[np.ndarray], prefix: str = "photo "
) -> dict[str, np.ndarray]:
    """Photograph a room from every pose into `folder`; file name -> pose. Names have a space, as people's do."""
    folder.mkdir(parents=True, exist_ok=True)
    rays = pinhole_rays()
    taken = {}
    for number, pose in enumerate(poses, 1):
        name = f"{prefix}{number}.jpg"
        save(photograph(rectangles, pose, rays), folder / name)
        taken[name] = pose
    return taken


def sample(picture: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, 3) bilinear samples at a along the width and b along the height, both in [0, 1)."""
    height, width = picture.shape[:2]
    x, y = np.clip(a * width - 0.5, 0, width - 1.001), np.clip(b * height - 0.5, 0, height - 1.001)
    i, j = x.astype(int), y.astype(int)
    u, v = (x - i)[:, None], (y - j)[:, None]
    pixels, first = picture.reshape(-1, picture.shape[2]), j * width + i
    top = pixels.take(first, axis=0) * (1 - u) + pixels.take(first + 1, axis=0) * u
    bottom = pixels.take(first + width, axis=0) * (1 - u) + pixels.take(first + width + 1, axis=0) * u
    return np.asarray(top * (1 - v) + bottom * v)
