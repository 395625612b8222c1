"""COLMAP's binary files of cameras with a known answer, without torch."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from splatworker.formats.camera import Camera

PINHOLE = 1


def ring_cameras(
    count: int, width: int = 48, height: int = 36, focal: float = 50.0, distance: float = 4.0
) -> list[Camera]:
    """Cameras around the origin at slightly different heights, each looking at it, y down."""
    cameras = []
    for index in range(count):
        angle = 2 * np.pi * index / count
        center = distance * np.array([np.cos(angle), 0.15 * np.sin(3 * angle), np.sin(angle)])
        forward = -center / np.linalg.norm(center)
        right = np.cross([0.0, 1.0, 0.0], forward)
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        pose = np.hstack([rotation, (-rotation @ center)[:, None]])
        cameras.append(Camera(width, height, focal, focal, width / 2, height / 2, pose))
    return cameras


def write_colmap(
    folder: Path,
    cameras: list[Camera],
    names: list[str],
    xyz: np.ndarray,
    rgb: np.ndarray,
    *,
    observed: bool = False,
    normals: np.ndarray | None = None,
) -> None:
    """COLMAP's binary model, one camera a photo, each point seen by the first two photos.

    With `observed` the points lie on a ball around the origin, or have `normals`, and every photo says which of those
    that face it it sees and where; else none says anything.
    """
    folder.mkdir(parents=True)
    records = [struct.pack("<Q", len(cameras))]
    for index, c in enumerate(cameras):
        records.append(struct.pack("<iiQQ4d", index + 1, PINHOLE, c.width, c.height, c.fx, c.fy, c.cx, c.cy))
    (folder / "cameras.bin").write_bytes(b"".join(records))
    records = [struct.pack("<Q", len(cameras))]
    for index, (camera, name) in enumerate(zip(cameras, names, strict=True)):
        pose = (*quaternion(camera.camera_from_world[:, :3]), *camera.camera_from_world[:, 3])
        records.append(struct.pack("<i7di", index + 1, *pose, index + 1) + name.encode() + b"\0")
        seen = _features(camera, xyz, xyz if normals is None else normals) if observed else []
        records.append(struct.pack("<Qddq", 1 + len(seen), 1.0, 2.0, -1))  # one observation, of no point
        records += [struct.pack("<ddq", x, y, 1 + point) for x, y, point in seen]
    (folder / "images.bin").write_bytes(b"".join(records))
    records = [struct.pack("<Q", len(xyz))]
    for index, (point, color) in enumerate(zip(xyz, rgb, strict=True)):
        record = struct.pack("<Q3d3BdQ", index + 1, *map(float, point), *map(int, color), 0.5, 2)
        records.append(record + struct.pack("<4i", 1, 0, 2, 0))
    (folder / "points3D.bin").write_bytes(b"".join(records))


def _features(camera: Camera, xyz: np.ndarray, normals: np.ndarray) -> list[tuple[float, float, int]]:
    """Where the points are that face a photo and fall into it, with their indices."""
    x, y, z = camera.camera_from_world[:, :3] @ xyz.T + camera.camera_from_world[:, 3:]
    u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
    near_side = (normals * (camera.center - xyz)).sum(axis=1) > 0
    inside = near_side & (z > 0) & (u > 0) & (u < camera.width) & (v > 0) & (v < camera.height)
    return [(float(u[point]), float(v[point]), int(point)) for point in np.flatnonzero(inside)]


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """(4,) w, x, y, z of a rotation matrix: the first eigenvector of a symmetric matrix (Bar-Itzhack 2000)."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = [
        [a + e + i, h - f, c - g, d - b],
        [h - f, a - e - i, b + d, c + g],
        [c - g, b + d, e - a - i, f + h],
        [d - b, c + g, f + h, i - a - e],
    ]
    return np.linalg.eigh(matrix)[1][:, -1]
