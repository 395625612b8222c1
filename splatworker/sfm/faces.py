"""Faces: what a wide fisheye shows beside the one straight picture that is made of it, as pictures of their own.

A pinhole camera cannot hold 180 degrees. So the photo's undistorted middle is the front of a box around the camera,
and up to four more pictures are its sides, each seen straight on. All have one center. Front and sides show every
direction once: a side begins where the front ends, so a point of the scene is seen in one of them alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.formats.image_records import NO_POINT, ImageRecord
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.fisheye import Fisheye

LEAST_SIDE = 32
"""Pixels of a face that is worth cutting."""

_LEAST_SHARE = 0.02
"""Of what the photo shows, likewise."""

_ENOUGH = 0.85
"""A front that has so much of what the photo shows needs no sides: lenses of up to 110 degrees across."""

_LONGEST = 2.5
"""So far from its middle, in focal lengths, a face reaches at most: a photo that is a mere strip has hardly a front."""

_SAMPLES = 200
"""Pixels of a photo's width, and of its height, that are asked what lies where."""

Floats = npt.NDArray[np.float64]
Size = tuple[int, int]

TURNS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "right": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "left": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    "down": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "up": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
}
"""face_from_photo of each side, in rows: x right, y down, z forward."""


@dataclass(frozen=True)
class Face:
    """A side of the box around a camera.

    Attributes:
        label: which, as the photo's pixels lie.
        turn: (3, 3) face_from_photo.
        camera: PINHOLE, of the size at which it is written.
        places: (h, w, 2) in the photo, from its first pixel's middle, of what the pixels see of a picture that is as
            fine as the photo; negative where the photo shows nothing of it.
        shown: (h, w) whether it is there, and not the front's or another side's.
    """

    label: str
    turn: Floats
    camera: pycolmap.Camera
    places: npt.NDArray[np.float32]
    shown: npt.NDArray[np.bool_]

    def pixels(self, rays: Floats) -> Floats:
        """(N, 2) where rays (N, 3) of the photo's frame, all before it, lie in it."""
        x, y, z = self.turn @ rays.T
        fx, fy, cx, cy = self.camera.params
        return np.stack([fx * x / z + cx, fy * y / z + cy], axis=1)


def edges_of(front: pycolmap.Camera) -> dict[str, float]:
    """How far a front reaches on each side, in its focal lengths."""
    fx, fy, cx, cy = front.params
    return {"right": (front.width - cx) / fx, "left": cx / fx, "down": (front.height - cy) / fy, "up": cy / fy}


def sides_of(rays: Floats, edges: Mapping[str, float]) -> npt.NDArray[np.str_]:
    """(...) the side of the box that rays (..., 3) go through: a label, or "" for the front."""
    x, y, z = np.moveaxis(rays, -1, 0)
    across = np.where(x > 0, x / edges["right"], -x / edges["left"])
    along = np.where(y > 0, y / edges["down"], -y / edges["up"])
    aside = np.where(across >= along, np.where(x > 0, "right", "left"), np.where(y > 0, "down", "up"))
    return np.where(np.maximum(across, along) <= z, "", aside)


def faces_of(lens: Fisheye, size: Size, front: pycolmap.Camera, widest: float, longest: int) -> tuple[Face, ...]:
    """The faces beside a front that are worth cutting.

    Args:
        lens: of the photos; `size`: their width and height.
        front: the PINHOLE camera of what is undistorted of them.
        widest: radians from the axis up to which they show anything.
        longest: pixels of the longest side that is written; 0 for any.
    """
    edges = edges_of(front)
    if min(edges.values()) <= 0:
        return ()
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    x, y = np.meshgrid(steps * size[0], steps * size[1])
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    rays = lens.rays(pixels[lens.angles(pixels) <= widest])
    sides = sides_of(rays, edges)
    if not len(rays) or (sides == "").mean() >= _ENOUGH:
        return ()
    faces = []
    for label, turn in TURNS.items():
        inside = rays[sides == label] @ np.array(turn, dtype=float).T
        if len(inside) >= _LEAST_SHARE * len(rays):
            reach = _reach(label, edges, inside[:, :2] / inside[:, 2:])
            face = _face(label, lens, size, edges, reach, widest, longest)
            if min(face.camera.width, face.camera.height) >= LEAST_SIDE:
                faces.append(face)
    return tuple(faces)


def _reach(label: str, edges: Mapping[str, float], seen: Floats) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of a side, in focal lengths: where it meets others, or the photo ends before."""
    depth = edges[label]
    if label in ("right", "left"):
        near = (-1 / depth, 0.0) if label == "right" else (0.0, 1 / depth)
        most = (*near, -edges["up"] / depth, edges["down"] / depth)
    else:
        near = (-1 / depth, 0.0) if label == "down" else (0.0, 1 / depth)
        most = (-edges["left"] / depth, edges["right"] / depth, *near)
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    spare_x, spare_y = 4 * (right - left) / _SAMPLES, 4 * (bottom - top) / _SAMPLES  # what lies between two samples
    found = (left - spare_x, right + spare_x, top - spare_y, bottom + spare_y)
    low = [max(found[k], most[k], -_LONGEST) for k in (0, 2)]
    high = [min(found[k], most[k], _LONGEST) for k in (1, 3)]
    return low[0], high[0], low[1], high[1]


def _face(
    label: str,
    lens: Fisheye,
    size: Size,
    edges: Mapping[str, float],
    reach: tuple[float, float, float, float],
    widest: float,
    longest: int,
) -> Face:
    """A side that reaches so far, as fine as the photo in its middle."""
    left, right, top, bottom = reach
    focal_x, focal_y = lens.focals
    width, height = max(1, round(focal_x * (right - left))), max(1, round(focal_y * (bottom - top)))
    fx, fy = width / (right - left), height / (bottom - top)
    camera = pycolmap.Camera.create_from_model_name(1, "PINHOLE", fx, width, height)
    camera.params = [fx, fy, -left * fx, -top * fy]
    turn = np.array(TURNS[label], dtype=float)
    x, y = np.meshgrid((np.arange(width) + 0.5) / fx + left, (np.arange(height) + 0.5) / fy + top)
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ turn
    places = lens.places(rays) - 0.5
    angles = np.arctan2(np.hypot(rays[..., 0], rays[..., 1]), rays[..., 2])
    with np.errstate(invalid="ignore"):
        within = ((places >= 0) & (places <= np.array(size) - 1.0)).all(axis=-1) & (angles <= widest)
    shown = within & (sides_of(rays, edges) == label)
    if longest and (shrink := longest / max(width, height)) < 1:
        camera.rescale(max(1, round(shrink * width)), max(1, round(shrink * height)))
    return Face(label, turn, camera, np.where(within[..., None], places, -1.0).astype(np.float32), shown)


@dataclass(frozen=True)
class Aside:
    """A face of one photo, as an image of its own: its id, its camera's, and its name."""

    image_id: int
    camera_id: int
    name: str
    face: Face

    @property
    def camera(self) -> pycolmap.Camera:
        """Its camera, PINHOLE."""
        return self.face.camera


def share_out(
    record: ImageRecord, lens: Fisheye, edges: Mapping[str, float], faces: Sequence[Aside]
) -> tuple[ImageRecord, list[ImageRecord], npt.NDArray[np.uint32]]:
    """A photo's features shared out between its front and its faces, each where its direction lies.

    Returns:
        The photo's record, in whose features the points that went to a face are none; the faces' records; and (N, 2)
        for each feature the id of the image that has it now, and its number there.
    """
    features = record.features.copy()
    now = np.empty((len(features), 2), np.uint32)
    now[:, 0], now[:, 1] = record.image_id, np.arange(len(features))
    rays = lens.rays(features["xy"].astype(np.float64))
    known = np.isfinite(rays).all(axis=1)
    sides = np.where(known, sides_of(np.nan_to_num(rays), edges), "")
    aside = []
    for one in faces:
        (mine,) = np.nonzero(sides == one.face.label)
        places = one.face.pixels(rays[mine])
        inside = ((places >= 0) & (places <= [one.face.camera.width, one.face.camera.height])).all(axis=1)
        mine = mine[inside]
        moved = features[mine]
        moved["xy"] = places[inside]
        now[mine, 0], now[mine, 1] = one.image_id, np.arange(len(mine))
        aside.append(ImageRecord(one.image_id, turned(record.pose, one.face.turn), one.camera_id, one.name, moved))
        features["point"][mine] = NO_POINT
    return record._replace(features=features), aside, now


def turned(pose: Floats, turn: Floats) -> Floats:
    """(7,) of a camera, quaternion w, x, y, z and translation, after a (3, 3) rotation of its frame."""
    w, x, y, z = pose[:4]
    x, y, z, w = pycolmap.Rotation3d(turn @ pycolmap.Rotation3d(np.array([x, y, z, w])).matrix()).quat
    return np.array([w, x, y, z, *(turn @ pose[4:])])
