"""Where the photographs are taken from, the lens, and the ground truth of both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from mathutils import Matrix, Vector

from .layout import DESK_TOP
from .meshes import aim

WIDTH, HEIGHT = 1200, 900
SENSOR_WIDTH_MM = 36.0  # the frame that 35 mm equivalents refer to
FOCAL_35MM = 28
FOCAL_PIXELS = FOCAL_35MM / SENSOR_WIDTH_MM * WIDTH

# Photographs, first and last azimuth in degrees (0 is straight in front), radius, height above the desk.
RINGS = ((14, -124.0, 124.0, 1.24, 0.40), (13, 114.0, -114.0, 1.17, 0.84))
TARGET = Vector((0.0, -0.01, DESK_TOP + 0.05))
STRETCH = (1.10, 0.94)  # the desk is wider than deep, and so is the walk around it
JITTER_ANGLE, JITTER_POSITION, JITTER_AIM, JITTER_ROLL = 1.8, 0.035, 0.04, 1.5


CONVENTION = "camera_from_world, COLMAP axes: x right, y down, z forward; quaternion wxyz; units metres; world z up"


def poses(rng: np.random.Generator) -> list[Matrix]:
    """World matrices of the cameras in the order of the walk.

    From the front to the left end low, all the way to the right end high, and back to the front low: no photo at the
    end of an arc is the first, so that every 8th photo, which evaluation holds out, has neighbours on both sides.
    """
    walk = []
    for count, first, last, radius, height in RINGS:
        for azimuth in np.linspace(first, last, count):
            angle = math.radians(azimuth + rng.normal(0, JITTER_ANGLE))
            eye = Vector(
                (
                    STRETCH[0] * radius * math.sin(angle),
                    -STRETCH[1] * radius * math.cos(angle),
                    DESK_TOP + height,
                )
            )
            eye += Vector(rng.normal(0, JITTER_POSITION, 3))
            target = TARGET + Vector(rng.normal(0, JITTER_AIM, 3))
            walk.append(aim(eye, target, float(rng.normal(0, JITTER_ROLL))))
    low, front = RINGS[0][0], RINGS[0][0] // 2
    return walk[front - 1 :: -1] + walk[: low - 1 : -1] + walk[low - 1 : front - 1 : -1]


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternion w, x, y, z with w >= 0 nearest to a rotation matrix (Bar-Itzhack's method)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    form = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, yx + xy, xz + zx],
            [xz - zx, yx + xy, yy - xx - zz, zy + yz],
            [yx - xy, xz + zx, zy + yz, zz - xx - yy],
        ]
    )
    q = np.linalg.eigh((form + form.T) / 2)[1][:, -1]
    return -q if q[0] < 0 else q


def rotate(q: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Turn a point by a unit quaternion w, x, y, z."""
    across = 2.0 * np.cross(q[1:], point)
    return point + q[0] * across + np.cross(q[1:], across)


def camera_from_world(world: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Quaternion and translation in COLMAP's axes (x right, y down, z forward) of a Blender camera."""
    to_world = np.asarray(world, np.float64)
    q = quaternion(np.diag([1.0, -1.0, -1.0]) @ to_world[:3, :3].T)
    return q, -rotate(q, to_world[:3, 3])


def ground_truth(names: list[str], worlds: list[Matrix]) -> dict[str, Any]:
    """What ``ground_truth.json`` holds."""
    photos = {}
    for name, world in zip(names, worlds, strict=True):
        q, translation = camera_from_world(world)
        photos[name] = {
            "quaternion_wxyz": [round(float(v), 9) for v in q],
            "translation": [round(float(v), 9) for v in translation],
        }
    return {
        "description": "True cameras of the rendered example photos, as examples/make_photos.py placed them.",
        "convention": CONVENTION,
        "intrinsics": {
            "model": "PINHOLE",
            "width": WIDTH,
            "height": HEIGHT,
            "fx": round(FOCAL_PIXELS, 9),
            "fy": round(FOCAL_PIXELS, 9),
            "cx": WIDTH / 2,
            "cy": HEIGHT / 2,
        },
        "photos": photos,
    }
