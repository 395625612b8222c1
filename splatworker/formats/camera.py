"""A pinhole camera, in COLMAP's conventions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: where it stands and how it maps space to pixels.

    Frames are COLMAP's: camera axes x right, y down, z forward. The top left pixel covers [0, 1) x [0, 1), so its
    center is (0.5, 0.5), and a point (X, Y, Z) of the camera's frame falls on (fx X/Z + cx, fy Y/Z + cy).

    Attributes:
        width, height: image size in pixels.
        fx, fy, cx, cy: focal lengths and principal point in pixels.
        camera_from_world: (3, 4) float64, rotation and translation: x_camera = R x_world + t.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    camera_from_world: npt.NDArray[np.float64]

    @property
    def center(self) -> npt.NDArray[np.float64]:
        """(3,) the camera's position in the world."""
        rotation, translation = self.camera_from_world[:, :3], self.camera_from_world[:, 3]
        return np.asarray(-rotation.T @ translation, dtype=np.float64)

    def resized(self, width: int, height: int) -> Camera:
        """The same camera with its image shrunk or enlarged to `width` x `height` pixels."""
        sx, sy = width / self.width, height / self.height
        return Camera(width, height, self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy, self.camera_from_world)
