"""Splats of scenes with one thing in them, or none, whose truth is known: every Gaussian belongs to something by name.

The world stands upright, y up; the object is about one unit tall and stands on a table at y = 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from support.colmap_files import write_colmap

from splatworker.export.pictures import SplatRenderer
from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import ARRAYS, Gaussians
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import SH_C0

CAMERAS_AT = 3.5
"""From the object's middle."""


Place = Sequence[float] | np.ndarray


class World(NamedTuple):
    """A splat, what each Gaussian of it belongs to, and cameras."""

    gaussians: Gaussians
    of: np.ndarray
    cameras: list[Camera]

    def belongs(self, *names: str) -> np.ndarray:
        """(N,) which Gaussians belong to any of these."""
        return np.isin(self.of, names)


def facing(position: Place, target: Place, size: tuple[int, int] = (160, 120), focal: float = 150.0) -> Camera:
    """A camera at a position that looks at a target, upright."""
    here, there = np.asarray(position, float), np.asarray(target, float)
    forward = (there - here) / np.linalg.norm(there - here)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    pose = np.hstack([rotation, -(rotation @ here)[:, None]])
    return Camera(*size, focal, focal, size[0] / 2, size[1] / 2, pose)


def around(target: Place, count: int = 24, arc: float = 2 * np.pi, aside: float = 0.1) -> list[Camera]:
    """Cameras on rings of several heights about a target, each looking a little aside of it."""
    random = np.random.default_rng(0)
    cameras = []
    for index in range(count):
        angle, up = arc * index / count, np.radians([18.0, 35.0, 52.0][index % 3])
        offset = CAMERAS_AT * np.array([np.cos(up) * np.sin(angle), np.sin(up), np.cos(up) * np.cos(angle)])
        cameras.append(facing(np.asarray(target) + offset, np.asarray(target) + random.normal(scale=aside, size=3)))
    return cameras


def surface(
    points: np.ndarray, normals: np.ndarray, spacing: float, colour: Place, seed: int = 0, opacity: float = 0.9
) -> Gaussians:
    """Flat Gaussians on a surface, (N, 3) with (N, 3) normals, each about as wide as they lie apart."""
    random = np.random.default_rng(seed)
    count = len(points)
    # The shortest turn from z to each normal; half a turn about y to one that points the other way.
    turns = np.stack([1 + normals[:, 2], -normals[:, 1], normals[:, 0], np.zeros(count)], axis=1)
    turns[turns[:, 0] < 1e-9] = [0.0, 0.0, 1.0, 0.0]
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    colours = np.clip(np.asarray(colour) + random.normal(scale=0.15, size=(count, 3)), 0.02, 0.98)
    scales = spacing * random.uniform(0.4, 0.8, size=(count, 3)) * [1, 1, 0.1]
    return Gaussians(
        means=points.astype(np.float32),
        quaternions=turns.astype(np.float32),
        log_scales=np.log(scales).astype(np.float32),
        opacity_logits=np.full(count, np.log(opacity / (1 - opacity)), np.float32),
        sh_dc=((colours - 0.5) / SH_C0).astype(np.float32),
        sh_rest=np.zeros((count, 0, 3), np.float32),
    )


def ball(middle: Place, radii: Place, count: int = 900, colour: Place = (0.8, 0.3, 0.2), seed: int = 1) -> Gaussians:
    """An ellipsoid."""
    number = np.arange(count) + 0.5
    up = 1 - 2 * number / count
    turn = np.pi * (1 + 5**0.5) * number
    unit = np.stack([np.sqrt(1 - up**2) * np.cos(turn), up, np.sqrt(1 - up**2) * np.sin(turn)], 1)
    normals = unit / np.asarray(radii)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    spacing = 2 * np.sqrt(np.pi / count) * float(np.mean(radii))
    return surface(np.asarray(middle) + unit * np.asarray(radii), normals, spacing, colour, seed)


def sheet(
    corner: Place,
    side: Place,
    other: Place,
    count: int = 1500,
    colour: Place = (0.5, 0.5, 0.45),
    seed: int = 2,
    rough: float = 0.002,
) -> Gaussians:
    """A rectangle of Gaussians, from a corner along two edges, about as rough as a trained one."""
    random = np.random.default_rng(seed)
    across, along = np.asarray(side, float), np.asarray(other, float)
    width, height = np.linalg.norm(across), np.linalg.norm(along)
    columns = max(2, round(np.sqrt(count * width / height)))
    rows = max(2, round(count / columns))
    places = [((i + 0.5) / columns, (j + 0.5) / rows) for i in range(columns) for j in range(rows)]
    normal = np.cross(across, along) / (width * height)
    points = np.array([np.asarray(corner) + i * across + j * along for i, j in places])
    points += random.normal(scale=rough, size=(len(points), 1)) * normal
    return surface(points, np.tile(normal, (len(points), 1)), width / columns * 1.2, colour, seed)


def joined(parts: dict[str, Gaussians]) -> tuple[Gaussians, np.ndarray]:
    """One splat of several, and what each of its Gaussians belongs to."""
    whole = Gaussians(*(np.concatenate([getattr(part, name) for part in parts.values()]) for name in ARRAYS))
    return whole, np.concatenate([np.full(len(part), name) for name, part in parts.items()])


def walls(size: float = 6.0, floor: float = -1.5) -> dict[str, Gaussians]:
    """A room about the origin: floor and four walls."""
    made = {"floor": sheet((-size, floor, size), (2 * size, 0, 0), (0, 0, -2 * size), 1600, (0.35, 0.3, 0.25), 3)}
    for number, angle in enumerate(np.arange(4) * np.pi / 2):
        out = size * np.array([np.sin(angle), 0, np.cos(angle)])
        aside = np.array([np.cos(angle), 0, -np.sin(angle)])
        corner = out - size * aside + [0, floor, 0]
        made[f"wall {number}"] = sheet(
            corner, 2 * size * aside, (0, 5, 0), 900, (0.3, 0.45 + 0.1 * number, 0.6), number
        )
    return made


def floaters(count: int = 60, seed: int = 7) -> Gaussians:
    """Faint stray Gaussians in the air about the object, none in it."""
    random = np.random.default_rng(seed)
    points = random.uniform([-2, 0.2, -2], [2, 2.2, 2], size=(4 * count, 3))
    points = points[np.linalg.norm(points - [0, 0.5, 0], axis=1) > 0.9][:count]
    normals = random.normal(size=points.shape)
    return surface(points, normals / np.linalg.norm(normals, axis=1, keepdims=True), 0.06, (0.5, 0.5, 0.5), seed, 0.15)


def box(low: Place, high: Place, count: int = 1500, colour: Place = (0.8, 0.3, 0.2), seed: int = 4) -> Gaussians:
    """A box without its bottom."""
    corner, size = np.asarray(low, float), np.asarray(high, float) - low
    x, y, z = np.diag(size)
    each = {
        "top": (y + z, x, -z),
        "front": (z, x, y),
        "back": (x, -x, y),
        "left": (0 * x, z, y),
        "right": (x + z, -z, y),
    }
    area = {name: np.linalg.norm(across) * np.linalg.norm(along) for name, (_, across, along) in each.items()}
    whole = sum(area.values())
    sides = {
        name: sheet(corner + start, across, along, max(9, round(count * area[name] / whole)), colour, seed)
        for name, (start, across, along) in each.items()
    }
    return joined(sides)[0]


def thing(seed: int = 1) -> dict[str, Gaussians]:
    """An object of two parts: a body that stands on the table, and a handle."""
    body = ball((0, 0.5, 0), (0.32, 0.5, 0.25), 1400, (0.8, 0.3, 0.2), seed)
    handle = ball((0.42, 0.6, 0.05), (0.2, 0.09, 0.09), 260, (0.2, 0.3, 0.8), seed + 1)
    return {"object": joined({"body": body, "handle": handle})[0]}


def table(rough: float = 0.002, colour: Place = (0.6, 0.5, 0.35)) -> dict[str, Gaussians]:
    """Its top, at y = 0."""
    return {"table": sheet((-1.3, 0, 1.3), (2.6, 0, 0), (0, 0, -2.6), 3500, colour, 5, rough)}


def in_a_room(things: dict[str, Gaussians], cameras: list[Camera]) -> World:
    """Things in a room."""
    return World(*joined(things | walls()), cameras)


def on_a_table(seed: int = 1) -> World:
    """The object on a table in a room, photographed all around."""
    return in_a_room(thing(seed) | table() | {"floaters": floaters()}, around([0, 0.45, 0]))


def room() -> World:
    """The same room from its middle, outwards; nothing in it stands alone."""
    cameras = []
    for index in range(24):
        angle = 2 * np.pi * index / 24
        place = np.array([0.8 * np.sin(3 * angle), 0.3, 0.8 * np.cos(3 * angle)])
        cameras.append(facing(place, place + np.array([np.sin(angle), -0.1, np.cos(angle)])))
    return World(*joined(walls()), cameras)


def facade() -> World:
    """A wall with bosses on it, photographed in walking past, straight on."""
    parts = {"wall": sheet((-6, 0, 0), (12, 0, 0), (0, 5, 0), 4000, (0.6, 0.55, 0.5), 3)}
    parts |= {f"boss {x}": ball((x, 2.0, 0.1), (0.4, 0.6, 0.2), 300, (0.4, 0.3, 0.3), x + 9) for x in (-4, -2, 0, 2, 4)}
    parts["floor"] = sheet((-6, 0, 6), (12, 0, 0), (0, 0, -6), 1600, (0.3, 0.4, 0.3), 4)
    cameras = [facing((x, 1.6, 5), (x, 2.0, 0)) for x in np.linspace(-4, 4, 24)]
    return World(*joined(parts), cameras)


def write_world(folder: Path, world: World) -> Path:
    """The scene folder of a world, its photos drawn: `images`, `sparse/0` and a `frame.json` that says y is up."""
    (folder / "images").mkdir(parents=True)
    renderer = SplatRenderer(world.gaussians, CpuRenderer(), (0.0, 0.0, 0.0))
    names = [f"photo{number:03}.png" for number in range(len(world.cameras))]
    for name, camera in zip(names, world.cameras, strict=True):
        Image.fromarray(renderer.picture(camera)).save(folder / "images" / name)
    xyz = world.gaussians.means[::7].astype(np.float64)
    rgb = np.clip(255 * (0.5 + SH_C0 * world.gaussians.sh_dc[::7]), 0, 255).astype(np.uint8)
    write_colmap(folder / "sparse" / "0", world.cameras, names, xyz, rgb)
    (folder / "frame.json").write_text(json.dumps({"axes": "y up", "unit": "metre"}))
    return folder
