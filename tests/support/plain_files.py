"""Small scenes and splats for the stand-ins, written without numpy, which takes longer to load than all they do."""

from __future__ import annotations

import math
import random
import struct
from array import array
from collections.abc import Sequence
from pathlib import Path

PINHOLE = 1
POINTS = 50


def write_ring(folder: Path, names: Sequence[str], size: tuple[int, int], distance: float = 4.0) -> None:
    """COLMAP's binary model of photos around the origin at slightly different heights, each looking at it, y down.

    The focal length is the width; points lie anywhere near the origin, and the first two photos see all of them.

    Args:
        size: width and height, pixels.
    """
    width, height = size
    folder.mkdir(parents=True)
    count = struct.pack("<Q", len(names))
    cameras = [
        struct.pack("<iiQQ4d", index + 1, PINHOLE, width, height, width, width, width / 2, height / 2)
        for index in range(len(names))
    ]
    (folder / "cameras.bin").write_bytes(count + b"".join(cameras))
    images = []
    for index, name in enumerate(names):
        pose = _looking_at_the_origin(2 * math.pi * index / len(names), distance)
        images.append(struct.pack("<i7di", index + 1, *pose, index + 1) + name.encode() + b"\0")
        images.append(struct.pack("<Qddq", 1, 1.0, 2.0, -1))  # one observation, of no point
    (folder / "images.bin").write_bytes(count + b"".join(images))
    dice = random.Random(0)
    points = [struct.pack("<Q", POINTS)]
    for index in range(POINTS):
        place = (dice.gauss(0, 1) for _ in range(3))
        points.append(struct.pack("<Q3d3BdQ4i", index + 1, *place, 128, 128, 128, 0.5, 2, 1, 0, 2, 0))
    (folder / "points3D.bin").write_bytes(b"".join(points))


def _looking_at_the_origin(angle: float, distance: float) -> tuple[float, ...]:
    """COLMAP's pose of a camera at that angle, radians: w, x, y, z of the rotation, and the translation."""
    x, y, z = math.cos(angle), 0.15 * math.sin(3 * angle), math.sin(angle)
    away = math.sqrt(x * x + y * y + z * z)
    fx, fy, fz = -x / away, -y / away, -z / away
    level = math.hypot(fx, fz)
    # Rows of the rotation: right = (0, 1, 0) x forward, which is level; down = forward x right; forward.
    right = (fz / level, 0.0, -fx / level)
    down = (-fx * fy / level, level, -fy * fz / level)
    trace = right[0] + down[1] + fz
    (a, b, c), (d, e, f), (g, h, i) = right, down, (fx, fy, fz)
    if trace > 0:
        w = math.sqrt(1 + trace) / 2
        turn = (w, (h - f) / (4 * w), (c - g) / (4 * w), (d - b) / (4 * w))
    else:  # more than a third of a turn, about an axis that is next to y: the camera stands upright
        v = math.sqrt(1 + e - a - i) / 2
        turn = ((c - g) / (4 * v), (b + d) / (4 * v), v, (f + h) / (4 * v))
    return (*turn, 0.0, 0.0, away * distance)


def photo_size(photo: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header of a JPEG, or of a PNG."""
    data, at = photo.read_bytes(), 2
    if data.startswith(b"\x89PNG"):
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    while data[at + 1] not in (0xC0, 0xC2):  # the frame's header, of a baseline or a progressive one
        assert data[at] == 0xFF, photo
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    height, width = struct.unpack(">HH", data[at + 5 : at + 9])
    return width, height


def write_haze(path: Path, gaussians: int, sh_degree: int) -> None:
    """A splat of no shape."""
    dice = random.Random(0)
    rest = 3 * ((sh_degree + 1) ** 2 - 1)
    # x y z, normals, the colour and its harmonics, opacity, scales, rotation
    parts = [(3, 1.0), (3, 0.0), (3 + rest + 1 + 3 + 4, 1.0)]
    _write_splat(path, [[dice.gauss(0, 1) * by for n, by in parts for _ in range(n)] for _ in range(gaussians)], rest)


def write_ball(path: Path, gaussians: int, sh_degree: int) -> None:
    """The surface of a ball around the origin, in any colours."""
    dice = random.Random(0)
    rest = 3 * ((sh_degree + 1) ** 2 - 1)
    rows = []
    for _ in range(gaussians):
        place = [dice.gauss(0, 1) for _ in range(3)]
        far = math.hypot(*place)
        colour = [dice.gauss(0, 1) for _ in range(3)]
        shape = [3.0, *[math.log(0.04)] * 3, 1.0, 0.0, 0.0, 0.0]
        rows.append([*(0.5 * one / far for one in place), 0.0, 0.0, 0.0, *colour, *[0.0] * rest, *shape])
    _write_splat(path, rows, rest)


def _write_splat(path: Path, rows: list[list[float]], rest: int) -> None:
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", *(f"f_rest_{n}" for n in range(rest))]
    names += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}"]
    header += [*(f"property float {name}" for name in names), "end_header\n"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join(header).encode() + b"".join(array("f", row).tobytes() for row in rows))
