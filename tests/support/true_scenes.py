"""Ten scenes of textured rectangles, photographed by a real sort of lens, whose cameras are known exactly.

Each is a way in which people take photos, and in which finding the cameras goes wrong: `SCENES` has them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from support.photo_sets import Rectangle, look_at, sample, texture

from splatworker.sfm.colmap import pycolmap

WIDTH, HEIGHT = 640, 480

NOISE = 0.012
"""Standard deviation of each photo's noise: a phone's in good light."""

_X, _Y, _Z = np.eye(3)


@dataclass(frozen=True)
class Lens:
    """COLMAP's OPENCV: the focal length in pixels, distortion, the principal point beside the middle."""

    focal: float = 520.0
    k1: float = -0.06
    k2: float = 0.02
    p1: float = 0.0
    p2: float = 0.0

    def camera(self) -> pycolmap.Camera:
        """As COLMAP has it."""
        camera = pycolmap.Camera.create_from_model_name(1, "OPENCV", self.focal, WIDTH, HEIGHT)
        camera.params = [self.focal, self.focal, WIDTH / 2, HEIGHT / 2, self.k1, self.k2, self.p1, self.p2]
        return camera


@dataclass(frozen=True)
class TrueScene:
    """What is photographed, from where, and through what."""

    rectangles: list[Rectangle]
    poses: list[np.ndarray]
    lens: Lens = Lens()


def take(
    folder: Path, scene: TrueScene, seed: int = 0, cameras: Sequence[pycolmap.Camera] | None = None
) -> dict[str, np.ndarray]:
    """Photograph the scene into `folder`; file name -> camera_from_world.

    A pixel is the mean of four rays; noise is added, and the JPEG's own. The photos tell nothing of their camera.

    Args:
        cameras: one a photo, of `WIDTH` and `HEIGHT`; the scene's lens if not given.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    taken = {}
    rays, of = _rays(scene.lens.camera()), None
    for number, pose in enumerate(scene.poses, 1):
        if cameras and cameras[number - 1] is not of:
            of = cameras[number - 1]
            rays = _rays(of)
        seen = _seen(scene.rectangles, pose, *rays).reshape(HEIGHT, 2, WIDTH, 2, 3).mean(axis=(1, 3))
        noisy = 255 * (seen + NOISE * rng.normal(size=seen.shape))
        name = f"{number:03d}.jpg"
        Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8)).save(folder / name, quality=92)
        taken[name] = pose
    return taken


def _rays(camera: pycolmap.Camera) -> tuple[np.ndarray, np.ndarray]:
    """(2 HEIGHT, 2 WIDTH) x and y at depth 1 of four rays a pixel."""
    x, y = np.meshgrid((np.arange(2 * WIDTH) + 0.5) / 2, (np.arange(2 * HEIGHT) + 0.5) / 2)
    flat = np.asarray(camera.cam_from_img(np.stack([x.ravel(), y.ravel()], axis=1)), np.float32)
    return flat[:, 0].reshape(x.shape), flat[:, 1].reshape(x.shape)


def _seen(rectangles: list[Rectangle], pose: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(H, W, 3) in [0, 1], grey where nothing is. Each ray first finds its rectangle, and then its colour."""
    rotation, center = pose[:, :3], -pose[:, :3].T @ pose[:, 3]
    nearest, which = np.zeros(x.shape, np.float32), np.full(x.shape, -1, np.int16)  # of 1 / depth
    a, b = np.zeros(x.shape, np.float32), np.zeros(x.shape, np.float32)
    for number, one in enumerate(rectangles):
        basis = np.stack([one.corner - center, one.side_a, one.side_b], axis=1)
        if abs(np.linalg.det(basis)) < 1e-9 or (part := _where(one, pose, x, y)) is None:
            continue
        rows = (np.linalg.inv(basis) @ rotation.T).astype(np.float32)  # direction -> (1, a, b) / depth
        inverse, of_a, of_b = (row[0] * x[part] + row[1] * y[part] + row[2] for row in rows)
        is_seen = (inverse > nearest[part]) & (inverse < 20)
        is_seen &= (of_a >= 0) & (of_a < inverse) & (of_b >= 0) & (of_b < inverse)
        for of, value in ((nearest, inverse), (a, of_a), (b, of_b)):
            of[part][is_seen] = value[is_seen]
        which[part][is_seen] = number
    colours = np.full((*x.shape, 3), 0.5, np.float32)
    for number in np.unique(which[which >= 0]):
        here = which == number
        colours[here] = sample(rectangles[number].texture, a[here] / nearest[here], b[here] / nearest[here])
    return colours


def _where(one: Rectangle, pose: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[slice, slice] | None:
    """The rows and columns among which the rectangle is, None where it is out of sight."""
    corners = np.array([one.corner + i * one.side_a + j * one.side_b for i in (0, 1) for j in (0, 1)])
    depths = (seen := corners @ pose[:, :3].T + pose[:, 3])[:, 2]
    if (depths <= 0).all():
        return None
    if (depths < 0.01).any():
        return slice(None), slice(None)
    flat = seen[:, :2] / depths[:, None]
    spans = []
    for axis, rays in ((1, y), (0, x)):
        low, high = rays.min(axis=axis), rays.max(axis=axis)  # of a row, of a column
        touched = np.flatnonzero((high >= flat[:, axis].min()) & (low <= flat[:, axis].max()))
        if not len(touched):
            return None
        spans.append(slice(int(touched[0]), int(touched[-1]) + 1))
    return spans[0], spans[1]


def _box(
    middle: tuple[float, float, float], size: tuple[float, float, float], pictures: list[np.ndarray]
) -> Iterator[Rectangle]:
    """The four sides and the top of a box that stands on y = `middle[1]`; of one picture all five show it."""
    w, h, d = size
    x, y, z = middle
    base = np.array([x - w / 2, y, z - d / 2])
    every = pictures * 5 if len(pictures) == 1 else pictures
    yield Rectangle(base, w * _X, h * _Y, every[0])
    yield Rectangle(base + d * _Z, w * _X, h * _Y, every[1])
    yield Rectangle(base, d * _Z, h * _Y, every[2])
    yield Rectangle(base + w * _X, d * _Z, h * _Y, every[3])
    yield Rectangle(base + h * _Y, w * _X, d * _Z, every[4])


def _pictures(seed: int, count: int = 5, size: int = 256) -> list[np.ndarray]:
    return [texture(seed + number, size) for number in range(count)]


def circle(
    count: int, radius: float, height: float, target: tuple[float, float, float], degrees: float = 360.0, seed: int = 0
) -> list[np.ndarray]:
    """Around the y axis and looking to `target`, as by hand."""
    rng = np.random.default_rng(seed)
    poses = []
    for angle in np.radians(np.arange(count) * degrees / count + rng.normal(0, 1.5, count)):
        r = radius * (1 + rng.normal(0, 0.02))
        center = np.array([r * np.sin(angle), height * (1 + rng.normal(0, 0.05)), r * np.cos(angle)])
        poses.append(look_at(center, np.array(target) + rng.normal(0, 0.03 * radius, 3), rng.normal(0, 0.03)))
    return poses


def _along(centers: np.ndarray, targets: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """From each center to its target, as by hand."""
    rng = np.random.default_rng(seed)
    return [
        look_at(center + rng.normal(0, 0.03, 3), target + rng.normal(0, 0.05, 3), rng.normal(0, 0.03))
        for center, target in zip(centers, targets, strict=True)
    ]


def ring() -> TrueScene:
    """Around a group of things, once."""
    things = [Rectangle(np.array([-3.0, 0, -3]), 6 * _X, 6 * _Z, texture(1, 1024))]
    for number, (x, z) in enumerate([(-0.8, -0.5), (0.7, -0.4), (0.0, 0.8), (-0.9, 0.7)]):
        things += _box((x, 0, z), (0.5, 0.5 + 0.2 * number, 0.4), _pictures(10 + 5 * number))
    return TrueScene(things, circle(32, 3.0, 1.5, (0, 0.4, 0)))


def _walls(low: tuple[float, float], high: tuple[float, float], tall: float, seed: int, size: int) -> list[Rectangle]:
    """Four walls, floor and ceiling of a room over (x, z)."""
    (x, z), w, d = low, high[0] - low[0], high[1] - low[1]
    at = np.array([x, 0, z])
    sides = [
        (at, w * _X, tall * _Y), (at + d * _Z, w * _X, tall * _Y), (at, d * _Z, tall * _Y),
        (at + w * _X, d * _Z, tall * _Y), (at, w * _X, d * _Z), (at + tall * _Y, w * _X, d * _Z),
    ]  # fmt: skip
    return [Rectangle(corner, a, b, texture(seed + n, size)) for n, (corner, a, b) in enumerate(sides)]


def room() -> TrueScene:
    """From inside, looking out: the baselines are short beside the distances."""
    things = _walls((-2.5, -2), (2.5, 2), 2.6, 50, 512)
    things += _box((-1.8, 0, -1.4), (0.8, 0.9, 0.6), _pictures(60))
    things += _box((1.7, 0, 1.3), (0.7, 1.3, 0.8), _pictures(65))
    angles = 2 * np.pi * np.arange(32) / 32
    centers = np.stack([1.0 * np.sin(angles), 1.4 + 0.2 * np.sin(5 * angles), 0.7 * np.cos(angles)], axis=1)
    ahead = np.stack([2 * np.sin(angles + 0.5), 1.2 + 0 * angles, 2 * np.cos(angles + 0.5)], axis=1)
    return TrueScene(things, _along(centers, centers + ahead - [0, 1.3, 0]), Lens(480, -0.1, 0.03))


def corridor() -> TrueScene:
    """Forward, the way that tells depth least."""
    things = [
        *(Rectangle(np.array([-1.1, 0, z]), 2 * _Z, 2.5 * _Y, texture(80 + n)) for n, z in enumerate(range(-14, 2, 2))),
        *(Rectangle(np.array([1.1, 0, z]), 2 * _Z, 2.5 * _Y, texture(90 + n)) for n, z in enumerate(range(-14, 2, 2))),
        *(
            Rectangle(np.array([-1.1, 0, z]), 2.2 * _X, 4 * _Z, texture(100 + n))
            for n, z in enumerate(range(-14, 2, 4))
        ),
        Rectangle(np.array([-1.1, 2.5, -14.0]), 2.2 * _X, 16 * _Z, texture(105, 1024)),
        Rectangle(np.array([-1.1, 0, -14.0]), 2.2 * _X, 2.5 * _Y, texture(106)),
        *_box((-0.8, 0, -6), (0.4, 0.8, 0.5), _pictures(110)),
        *_box((0.7, 0, -10), (0.5, 1.1, 0.5), _pictures(115)),
    ]
    z = np.linspace(1.0, -10.5, 32)
    centers = np.stack([0.35 * np.sin(1.3 * z), 1.4 + 0.1 * np.cos(2 * z), z], axis=1)
    return TrueScene(things, _along(centers, centers + np.stack([0.5 * np.sin(z), 0 * z - 0.1, 0 * z - 3], axis=1)))


def chain(photos: int) -> TrueScene:
    """A corridor as long as so many photos ask for, each a step further: only its neighbours hold one in its place."""
    z = 1.0 - 11.5 / 31 * np.arange(photos)
    things = []
    for n, at in enumerate(range(0, -int(z[-1]) + 8, 2)):
        corner, seed = np.array([-1.1, 0, -at]), 1000 + 10 * n
        things += [
            Rectangle(corner + x * _X, 2 * _Z, 2.5 * _Y, texture(seed + side)) for side, x in enumerate((0, 2.2))
        ]
        things += [
            Rectangle(corner + y * _Y, 2.2 * _X, 2 * _Z, texture(seed + 2 + side)) for side, y in enumerate((0, 2.5))
        ]
        if n % 3 == 2:
            things += _box((0.75 * (-1) ** n, 0, -at), (0.4, 0.7 + 0.1 * (n % 5), 0.5), _pictures(seed + 4))
    centers = np.stack([0.35 * np.sin(1.3 * z), 1.4 + 0.1 * np.cos(2 * z), z], axis=1)
    return TrueScene(things, _along(centers, centers + np.stack([0.5 * np.sin(z), 0 * z - 0.1, 0 * z - 3], axis=1)))


def facade() -> TrueScene:
    """Past a house, twice: nearly flat."""
    things = [Rectangle(np.array([-10.0, 0, 0]), 20 * _X, 8 * _Y, texture(130, 2048))]
    for n, x in enumerate(np.linspace(-8, 8, 7)):
        things += _box((x, 2.5 + 2 * (n % 2), 0.25), (1.4, 1.0, 0.5), _pictures(140 + 5 * n))
    things.append(Rectangle(np.array([-10.0, 0, 0]), 20 * _X, 9 * _Z, texture(131, 1024)))
    x = np.tile(np.linspace(-7, 7, 15), 2)
    centers = np.stack([x, np.repeat([1.6, 2.2], 15), np.repeat([7.0, 8.0], 15)], axis=1)
    return TrueScene(things, _along(centers, centers * [1, 0, 0] + [0, 3.2, 0]), Lens(600, -0.04, 0.01))


def table() -> TrueScene:
    """An object on a table from above, in two circles; the room behind is out of focus, and plain."""
    things = [Rectangle(np.array([-0.8, 0, -0.6]), 1.6 * _X, 1.2 * _Z, texture(200))]
    things += _box((0, 0, 0), (0.35, 0.3, 0.25), _pictures(205))
    things += _box((0.05, 0.3, 0.02), (0.15, 0.25, 0.12), _pictures(210))
    things += _box((-0.4, 0, 0.2), (0.12, 0.1, 0.16), _pictures(215))
    return TrueScene(
        things,
        circle(20, 1.0, 0.5, (0, 0.15, 0)) + circle(14, 0.8, 0.9, (0, 0.1, 0), seed=1),
        Lens(620, 0.05, -0.06, 0.0005, -0.0008),
    )


def aerial() -> TrueScene:
    """A grid from high above, straight down."""
    things = [Rectangle(np.array([-40.0, 0, -40]), 80 * _X, 80 * _Z, texture(300, 2048))]
    rng = np.random.default_rng(3)
    for n, (x, z) in enumerate(rng.uniform(-25, 25, (12, 2))):
        size = (rng.uniform(4, 8), rng.uniform(3, 9), rng.uniform(4, 8))
        things += _box((float(x), 0, float(z)), size, _pictures(310 + 5 * n, size=128))
    x, z = np.meshgrid(np.linspace(-16, 16, 6), np.linspace(-14, 14, 5))
    z[:, 1::2] = z[::-1, 1::2]
    x, z = x.T.ravel(), z.T.ravel()
    centers = np.stack([x, 38 + 0.5 * np.sin(3 * x), z], axis=1)
    return TrueScene(things, _along(centers, centers * [1, 0, 1] + [0, 0, -0.8]), Lens(560, -0.05, 0.02, 0.0, 0.0005))


def turntable() -> TrueScene:
    """An object turned before a camera that stands, in front of nothing: the cameras lie on one even circle."""
    things = [*_box((0, 0, 0), (0.5, 0.6, 0.35), _pictures(400)), *_box((0, 0.6, 0), (0.2, 0.2, 0.3), _pictures(405))]
    things.append(Rectangle(np.array([-0.45, 0, -0.45]), 0.9 * _X, 0.9 * _Z, texture(410)))
    angles = 2 * np.pi * np.arange(36) / 36
    centers = np.stack([1.5 * np.sin(angles), 0.8 + 0 * angles, 1.5 * np.cos(angles)], axis=1)
    return TrueScene(things, [look_at(center, np.array([0, 0.3, 0])) for center in centers], Lens(700, -0.03))


def two_rooms() -> TrueScene:
    """Through one door and back by the other: the end must meet the beginning."""
    things = _walls((-4, -2), (0, 2), 2.6, 500, 512)[:3] + _walls((-4, -2), (0, 2), 2.6, 500, 512)[4:]
    right = _walls((0, -2), (4, 2), 2.6, 520, 512)
    things += right[:2] + right[3:]
    for n, (low, high) in enumerate([(-2.0, -1.4), (-0.5, 0.5), (1.4, 2.0)]):  # the wall between, two gaps in it
        for side in (-0.05, 0.05):
            picture = texture(540 + 2 * n + (side > 0), 256)
            things.append(Rectangle(np.array([side, 0, low]), (high - low) * _Z, 2.6 * _Y, picture))
    things += _box((-3.2, 0, 0), (0.6, 1.0, 0.8), _pictures(550))
    things += _box((3.1, 0, 0.1), (0.6, 0.8, 0.9), _pictures(555))
    angles = 2 * np.pi * np.arange(40) / 40
    centers = np.stack([2.2 * np.sin(angles), 1.4 + 0.1 * np.sin(3 * angles), 0.95 * np.cos(angles)], axis=1)
    ahead = np.stack([np.cos(angles), -0.05 + 0 * angles, -0.6 * np.sin(angles)], axis=1)
    out = np.stack([np.sin(angles), 0 * angles, 0.5 * np.cos(angles)], axis=1)
    return TrueScene(things, _along(centers, centers + ahead + 0.7 * out), Lens(430, -0.12, 0.04))


def repeated() -> TrueScene:
    """Pillars that are all the same, around a square whose floor is not."""
    things = [Rectangle(np.array([-4.0, 0, -4]), 8 * _X, 8 * _Z, texture(600, 1024))]
    same = _pictures(610)
    for angle in np.radians(np.arange(0, 360, 45)):
        things += _box((2 * np.sin(angle), 0, 2 * np.cos(angle)), (0.5, 1.5, 0.5), same)
    things += _box((0.2, 0, 0.1), (0.6, 0.7, 0.5), _pictures(620))
    return TrueScene(things, circle(36, 4.5, 1.8, (0, 0.6, 0)), Lens(540, -0.06, 0.02))


def plain() -> TrueScene:
    """Nearly white walls with little on them."""

    def pale(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        picture = np.full((512, 512, 3), 0.85) + 0.02 * (texture(seed, 512) - 0.5)
        for _ in range(22):
            x, y = rng.integers(10, 440, 2)
            w, h = rng.integers(14, 60, 2)
            picture[y : y + h, x : x + w] = 0.45 + 0.4 * rng.random(3) + 0.15 * (texture(seed + 1, 64)[:h, :w] - 0.5)
        return np.asarray(np.clip(picture, 0, 1))

    e = [([-2.0, 0, -2], 4 * _X, 4 * _Z), ([-2.0, 0, -2], 4 * _X, 2.6 * _Y), ([-2.0, 0, -2], 4 * _Z, 2.6 * _Y)]
    things = [Rectangle(np.array(at), a, b, pale(700 + n)) for n, (at, a, b) in enumerate(e)]
    things += _box((0.2, 0, -0.6), (0.6, 0.8, 0.6), [pale(710 + n) for n in range(5)])
    poses = []
    for n, angle in enumerate(np.radians(np.linspace(-10, 95, 28))):
        center = np.array([2.6 * np.sin(angle), 1.2 + 0.4 * (n % 2), 2.6 * np.cos(angle)])
        poses.append(look_at(center, np.array([-0.4, 0.8, -0.6]), 0.02 * np.sin(n)))
    return TrueScene(things, poses)


SCENES: dict[str, Callable[[], TrueScene]] = {
    "ring": ring,
    "room": room,
    "corridor": corridor,
    "facade": facade,
    "object on a table": table,
    "aerial": aerial,
    "turntable": turntable,
    "two-room loop": two_rooms,
    "repeated structure": repeated,
    "low texture": plain,
}
