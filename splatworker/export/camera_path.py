"""Where to look from: the photo that shows the scene best, and a smooth flight along the cameras.

Everything here takes the world upright, y up. A flight never leaves the heights and distances at which photos were
taken: there was room for a camera there, above the ground and outside of the walls.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.export.orient import quarter_turns
from splatworker.formats.camera import Camera

Vectors = npt.NDArray[np.float64]

UP = np.array([0.0, 1.0, 0.0])

CONVERGENT = np.radians(25)
"""Cameras surround a subject when the median angle between where they look and where it is, is below this."""

FULL_CIRCLE = np.radians(75)
"""A flight closes to a circle when no gap between neighbouring cameras' directions is wider than this."""

_ONE_PLACE = 1e-4
"""Cameras stand in one place that are no farther apart than this share of the distance of those farthest apart."""

_PANORAMIC = (0.9, 0.6)
"""Tangents of half the angles of a view on a flight through panoramas: 84 by 62 degrees."""

ROOM = 1.15
"""How much wider than an object alone a view of it is."""

_SMOOTH = 1e-2
"""Ridge of the fits: pulls towards a constant distance and height."""


@dataclass(frozen=True)
class Viewpoint:
    """A view: from where, at what, and the tangents of half the horizontal and vertical angle of view.

    Attributes:
        whole: all that it shows must be shown in any shape: an object alone, with nothing about it.
    """

    position: Vectors
    target: Vectors
    tan_x: float
    tan_y: float
    whole: bool = False

    def shaped(self, width: int, height: int) -> Viewpoint:
        """The view in another shape, of the same area: what lies beyond a photo's edges few others have seen."""
        if self.whole:
            tan_y = max(self.tan_y, self.tan_x * height / width)
            return Viewpoint(self.position, self.target, tan_y * width / height, tan_y, self.whole)
        tan_y = float(np.sqrt(self.tan_x * self.tan_y * height / width))
        if abs(self.tan_x / self.tan_y - width / height) < 0.02:
            return self
        return Viewpoint(self.position, self.target, tan_y * width / height, tan_y)

    def camera(self, width: int, height: int) -> Camera:
        """The camera with this view, upright."""
        forward = self.target - self.position
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, UP)
        if np.linalg.norm(right) < 1e-6:
            right = np.array([1.0, 0.0, 0.0])
        right = right / np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        pose = np.hstack([rotation, -(rotation @ self.position)[:, None]])
        fx, fy = width / 2 / self.tan_x, height / 2 / self.tan_y
        return Camera(width, height, fx, fy, width / 2, height / 2, pose)


def focus(cameras: list[Camera], points: Vectors) -> Vectors:
    """(3,) what the cameras look at: the point nearest to all their axes, no farther than the points are.

    The sum of squared distances to the axes is least where sum (1 - f f^T) (x - c) = 0; a little weight on the middle
    of the points decides where the axes are parallel.
    """
    middle = np.median(points, axis=0) if len(points) else np.mean([_ahead(camera, 1.0) for camera in cameras], axis=0)
    matrix, side = 0.01 * len(cameras) * np.eye(3), 0.01 * len(cameras) * middle
    for camera in cameras:
        forward = camera.camera_from_world[2, :3]
        across = np.eye(3) - np.outer(forward, forward)
        matrix, side = matrix + across, side + across @ camera.center
    found = np.linalg.solve(matrix, side)
    if len(points):
        low, high = np.quantile(points, [0.05, 0.95], axis=0)
        found = np.clip(found, low, high)
    return np.asarray(found)


def sorted_by_coverage(cameras: list[Camera], points: Vectors, weights: Vectors) -> list[int]:
    """The cameras' indices, best first: those that show most of what the photos agree about, towards the middle.

    Args:
        points, weights: (N, 3) sparse points, and (N,) in how many photos each was seen.
    """
    scores = np.array([_shown(camera, points, weights) for camera in cameras])
    return [int(index) for index in np.argsort(-scores, kind="stable")]


def _shown(camera: Camera, points: Vectors, weights: Vectors) -> float:
    inside = points @ camera.camera_from_world[:, :3].T + camera.camera_from_world[:, 3]
    depth = np.maximum(inside[:, 2], 1e-9)
    x = (inside[:, 0] / depth * camera.fx + camera.cx) / camera.width * 2 - 1
    y = (inside[:, 1] / depth * camera.fy + camera.cy) / camera.height * 2 - 1
    seen = (inside[:, 2] > 0) & (np.abs(x) < 1) & (np.abs(y) < 1)
    return float((weights * seen * (1 - 0.5 * np.maximum(x**2, y**2)))[seen].sum())


def viewpoint_of(camera: Camera, target: Vectors) -> Viewpoint:
    """A camera's own view, upright, with its target where its axis passes closest to `target`."""
    forward = camera.camera_from_world[2, :3]
    distance = float((target - camera.center) @ forward)
    if distance <= 0:
        distance = float(np.linalg.norm(target - camera.center))
    return Viewpoint(camera.center, _ahead(camera, distance), *_tangents(camera))


def fitted(position: Vectors, points: Vectors) -> Viewpoint:
    """The view from a place that shows all of an object: its points, with some room about them."""
    low, high = points.min(axis=0), points.max(axis=0)
    view = Viewpoint(position, (low + high) / 2, 1.0, 1.0, whole=True)
    seen = points @ (pose := view.camera(2, 2).camera_from_world)[:, :3].T + pose[:, 3]
    across, along = np.abs(seen[:, :2] / np.maximum(seen[:, 2:], 1e-9)).max(axis=0)
    return dataclasses.replace(view, tan_x=ROOM * float(across), tan_y=ROOM * float(along))


def sorted_by_breadth(cameras: list[Camera], points: Vectors) -> list[int]:
    """The cameras' indices, best first: those that see an object alone from its broad side."""
    views = [fitted(camera.center, points) for camera in cameras]
    breadths = [view.tan_x * view.tan_y * np.sum((view.target - view.position) ** 2) for view in views]
    return [int(index) for index in np.argsort(-np.array(breadths), kind="stable")]


def flight_around(cameras: list[Camera], points: Vectors, start: int, frames: int) -> list[Viewpoint]:
    """A `flight` about an object alone, which shows all of it all the while, from nowhere nearer or farther."""
    views = [fitted(view.position, points) for view in flight(cameras, points, start, frames)]
    tan_x, tan_y = max(view.tan_x for view in views), max(view.tan_y for view in views)
    return [dataclasses.replace(view, tan_x=tan_x, tan_y=tan_y) for view in views]


def _tangents(camera: Camera) -> tuple[float, float]:
    """Of half the angles that the camera sees across and up, held as it was."""
    across, along = camera.width / 2 / camera.fx, camera.height / 2 / camera.fy
    return (along, across) if quarter_turns(camera) % 2 else (across, along)


def _ahead(camera: Camera, distance: float) -> Vectors:
    return np.asarray(camera.center + distance * camera.camera_from_world[2, :3])


def flight(cameras: list[Camera], points: Vectors, start: int, frames: int) -> list[Viewpoint]:
    """A smooth flight of `frames` views that ends where it begins, from near the camera `start`.

    Around a subject it circles, or where the cameras leave a gap swings to and fro; along a facade, say, where the
    cameras look side by side, it moves along them. Through panoramas, whose views look everywhere, it moves and turns.
    """
    middle = focus(cameras, points)
    centers = np.array([camera.center for camera in cameras])
    forwards = np.array([camera.camera_from_world[2, :3] for camera in cameras])
    if _look_everywhere(centers):
        positions, targets = _turning(centers, forwards[start], start, frames)
        return [Viewpoint(position, target, *_PANORAMIC) for position, target in zip(positions, targets, strict=True)]
    to_middle = middle - centers
    to_middle /= np.maximum(np.linalg.norm(to_middle, axis=1, keepdims=True), 1e-9)
    turns = np.arccos(np.clip((forwards * to_middle).sum(axis=1), -1, 1))
    tan_x, tan_y = np.median([_tangents(camera) for camera in cameras], axis=0).tolist()
    if np.median(turns) < CONVERGENT:
        positions, targets = _around(centers, middle, start, frames)
    else:
        reach = float(np.median(np.linalg.norm(middle - centers, axis=1)))
        positions, targets = _along(centers, centers + reach * forwards, start, frames)
    return [Viewpoint(position, target, tan_x, tan_y) for position, target in zip(positions, targets, strict=True)]


def _look_everywhere(centers: Vectors) -> bool:
    """Most cameras share their place with two others, as the views of a panorama do."""
    distances = np.linalg.norm(centers[:, None] - centers[None], axis=2)
    near = (distances < _ONE_PLACE * max(float(distances.max()), 1e-9)).sum(axis=1)
    return bool(np.median(near) >= 3)


def _turning(centers: Vectors, forward: Vectors, start: int, frames: int) -> tuple[Vectors, Vectors]:
    """Positions along the cameras' longest axis, to and fro, looking level once around from where `forward` looks."""
    positions, _ = _along(centers, centers, start, frames)
    angles = np.arctan2(forward[0], forward[2]) + np.linspace(0, 2 * np.pi, frames, endpoint=False)
    level = np.stack([np.sin(angles), np.zeros(frames), np.cos(angles)], axis=1)
    return positions, positions + level


def _around(centers: Vectors, middle: Vectors, start: int, frames: int) -> tuple[Vectors, Vectors]:
    """Positions on a ring about the middle whose distance and height follow the cameras'."""
    offsets = centers - middle
    angles = np.arctan2(offsets[:, 0], offsets[:, 2])
    reach, height = np.hypot(offsets[:, 0], offsets[:, 2]), offsets[:, 1]
    ordered = np.sort(angles)
    gaps = np.diff(np.append(ordered, ordered[0] + 2 * np.pi))
    widest = int(gaps.argmax())
    turned = np.stack([reach, height], axis=1)
    if gaps[widest] < FULL_CIRCLE:
        path = angles[start] + np.linspace(0, 2 * np.pi, frames, endpoint=False)
        fitted = _fit(_waves, angles, turned, path)
    else:
        # Angles counted from the far side of the gap, so that the covered arc is in one piece.
        zero = ordered[(widest + 1) % len(ordered)]
        angles = (angles - zero) % (2 * np.pi)
        path = _to_and_fro(angles, start, frames)
        fitted = _fit(_powers, angles, turned, path)
        path = path + zero
    reach_low, reach_high = np.quantile(reach, [0.1, 0.9])
    height_low, height_high = np.quantile(height, [0.1, 0.9])
    rings = np.clip(fitted[:, 0], reach_low, reach_high)
    heights = np.clip(fitted[:, 1], height_low, height_high)
    positions = middle + np.stack([rings * np.sin(path), heights, rings * np.cos(path)], axis=1)
    return positions, np.broadcast_to(middle, positions.shape)


def _along(centers: Vectors, targets: Vectors, start: int, frames: int) -> tuple[Vectors, Vectors]:
    """Positions along the cameras' longest axis, to and fro, looking where the cameras there look."""
    spread = centers - centers.mean(axis=0)
    along = spread @ np.linalg.svd(spread)[2][0]
    path = _to_and_fro(along, start, frames)
    fitted = _fit(_powers, along, np.hstack([centers, targets]), path)
    low, high = np.quantile(centers, [0.02, 0.98], axis=0)
    return np.clip(fitted[:, :3], low, high), fitted[:, 3:]


def _to_and_fro(values: Vectors, start: int, frames: int) -> Vectors:
    """(frames,) values from near that of `start` to one end, the other, and back: a cosine, slow at the ends."""
    low, high = np.quantile(values, [0.05, 0.95])
    middle, half = (low + high) / 2, max((high - low) / 2, 1e-9)
    phase = np.arccos(np.clip((values[start] - middle) / half, -1, 1))
    return np.asarray(middle + half * np.cos(phase + np.linspace(0, 2 * np.pi, frames, endpoint=False)))


def _waves(angles: Vectors) -> Vectors:
    return np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles), np.cos(2 * angles), np.sin(2 * angles)], 1)


def _powers(values: Vectors) -> Vectors:
    return np.stack([values**power for power in range(4)], axis=1)


def _fit(features: Callable[[Vectors], Vectors], at: Vectors, values: Vectors, path: Vectors) -> Vectors:
    """Values along the path, by ridge regression of the given values on functions of where they were taken."""
    known, wanted = features(at), features(path)
    # The first function is constant; the others are scaled alike, so that the ridge means the same to all.
    scale = np.append(1.0, np.maximum(known[:, 1:].std(axis=0), 1e-9))
    shift = np.append(0.0, known[:, 1:].mean(axis=0))
    known, wanted = (known - shift) / scale, (wanted - shift) / scale
    ridge = _SMOOTH * len(at) * np.diag([0.0, *np.ones(known.shape[1] - 1)])
    return np.asarray(wanted @ np.linalg.solve(known.T @ known + ridge, known.T @ values))
