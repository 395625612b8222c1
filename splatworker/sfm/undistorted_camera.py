"""The pinhole camera of undistorted photos, and how much of what it shows is kept."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.wide_lens import Wide

_MIN_SCALE, _MAX_SCALE = 0.5, 1.5
"""The undistorted photo is at least and at most so many times the size of the original: lenses that the gate lets
pass stay well inside, and one it should not have cannot make a sliver or a giant."""

_SAME_PX = 0.01
"""Nearer than that pixels' middles are the same."""

WIDEST_DEG = 110.0
"""What one picture keeps of a fisheye, across and up. Beyond, a pinhole camera draws everything out: at 55 degrees from
its axis to three times its size in the middle. The rest is shown by others (`faces`)."""

WIDEST = math.tan(math.radians(WIDEST_DEG / 2))
"""The tangent of half of it."""


@dataclass(frozen=True)
class UndistortedCamera:
    """A camera, and the pinhole one that its undistorted photos have.

    Attributes:
        lens: as it was found.
        pinhole: of its undistorted photos.
        small: the same shrunk to the size at which they are written.
        is_cropped: the pinhole camera sees the middle alone of what the lens shows.
        wide: what is made of a fisheye beside that; None for any other lens.
    """

    lens: pycolmap.Camera
    pinhole: pycolmap.Camera
    small: pycolmap.Camera
    is_cropped: bool
    wide: Wide | None = None

    @property
    def is_shrunk(self) -> bool:
        """Photos are written smaller than they are undistorted."""
        return (self.small.width, self.small.height) != (self.pinhole.width, self.pinhole.height)

    def move(self, pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where (N, 2) pixels of a photo lie in the undistorted one; where they are if the lens shows nothing."""
        fx, fy, cx, cy = self.pinhole.params
        with np.errstate(invalid="ignore"):
            rays = np.asarray(self.lens.cam_from_img(pixels), dtype=float).reshape(-1, 2)
        straight = rays * [fx, fy] + [cx, cy]
        shrunk = straight * [self.small.width / self.pinhole.width, self.small.height / self.pinhole.height]
        return np.where(np.isfinite(shrunk), shrunk, pixels)


def undistorted(lens: pycolmap.Camera, widest: float, longest: int) -> UndistortedCamera:
    """The pinhole cameras for a lens.

    Args:
        widest: the tangent of half the widest angle that a fisheye keeps; negative for no bound.
        longest: the longest side that is written; 0 for any.
    """
    how = pycolmap.UndistortCameraOptions()
    how.min_scale, how.max_scale, how.max_cam_point_norm = _MIN_SCALE, _MAX_SCALE, widest
    pinhole = pycolmap.undistort_camera(how, lens)
    _to_pinhole(pinhole)
    _align(pinhole, lens)
    if is_cropped := is_fisheye(lens):
        _keep_middle(pinhole)
    small = copy.copy(pinhole)
    scale = min(1.0, longest / max(small.width, small.height)) if longest else 1.0
    if scale < 1.0:
        small.rescale(max(1, round(small.width * scale)), max(1, round(small.height * scale)))
    return UndistortedCamera(lens, pinhole, small, is_cropped)


def _align(pinhole: pycolmap.Camera, lens: pycolmap.Camera) -> None:
    """Move a pinhole camera's picture by less than a pixel, so that where it meets the lens's axis the middles of its
    pixels are those of the photo's.

    COLMAP rounds the size, and whichever of two it takes, odd or even, follows from the last digits of a lens that
    bends nothing. Half a pixel off, each pixel would be the mean of four: a third of the photo's sharpness was left.
    """
    fx, fy, cx, cy = pinhole.params
    off_x, off_y = (cx - lens.principal_point_x) % 1.0, (cy - lens.principal_point_y) % 1.0
    if _SAME_PX < off_x < 1.0 - _SAME_PX and pinhole.width > 1:
        pinhole.width, cx = pinhole.width - 1, cx - off_x
    if _SAME_PX < off_y < 1.0 - _SAME_PX and pinhole.height > 1:
        pinhole.height, cy = pinhole.height - 1, cy - off_y
    pinhole.params = [fx, fy, cx, cy]


def _keep_middle(camera: pycolmap.Camera) -> None:
    """Crop a pinhole camera to what lies within `WIDEST_DEG`."""
    fx, fy, cx, cy = camera.params
    left, top = max(0, math.ceil(cx - WIDEST * fx)), max(0, math.ceil(cy - WIDEST * fy))
    right, bottom = min(camera.width, int(cx + WIDEST * fx)), min(camera.height, int(cy + WIDEST * fy))
    camera.width, camera.height = right - left, bottom - top
    camera.params = [fx, fy, cx - left, cy - top]


def _to_pinhole(camera: pycolmap.Camera) -> None:
    """Name a camera without distortion by what it is."""
    focal = camera.focal_length_x, camera.focal_length_y
    center = camera.principal_point_x, camera.principal_point_y
    camera.model = pycolmap.CameraModelId.PINHOLE
    camera.params = [*focal, *center]


def is_fisheye(camera: pycolmap.Camera) -> bool:
    """Whether a camera's model is one of a fisheye."""
    return "FISHEYE" in camera.model_name


def share_kept(distorted: pycolmap.Camera, flat: pycolmap.Camera) -> float:
    """The share of a photo's pixels that its undistorted one shows."""
    x, y = np.meshgrid(np.linspace(0.5, distorted.width - 0.5, 200), np.linspace(0.5, distorted.height - 0.5, 200))
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    rays = np.asarray(distorted.cam_from_img(pixels), dtype=float)
    ahead = np.hypot(*((pixels - pixels.mean(axis=0)) / distorted.mean_focal_length()).T) < np.pi / 2
    fx, fy, cx, cy = flat.params
    seen = rays * [fx, fy] + [cx, cy]
    return float((ahead & ((seen >= 0) & (seen <= [flat.width, flat.height])).all(axis=1)).mean())
