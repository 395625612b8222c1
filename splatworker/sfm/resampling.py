"""A photo as a pinhole camera would have taken it: each of its pixels is what the photo shows at one place.

The place is where the photo's lens draws what the pixel sees, and what the photo shows there lies between four of its
pixels, in proportion to how near they are. The kernel (kernels/undistortion) asks the lens at every fourth pixel of a
row, with a parabola between; `straighten_plainly` asks it at every pixel, and is its specification.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.sfm import adjustment
from splatworker.sfm.colmap import pycolmap

try:
    from splatworker import _undistortion
except ImportError:  # an installation without compiled kernels
    _undistortion = None  # type: ignore[assignment]

Pixels = npt.NDArray[np.uint8]
"""(height, width, channels), of 1, 3 or 4 channels."""


def has_kernel() -> bool:
    """Whether this installation has the compiled kernel."""
    return _undistortion is not None


_BAND = 64
"""Rows at a time of lenses that the kernel does not know."""


def straighten(photo: Pixels, lens: pycolmap.Camera, pinhole: pycolmap.Camera) -> Pixels:
    """What the pinhole camera sees of a photo taken through the lens, black where the photo shows nothing of it.

    Python's lock is released, but for rare lenses.
    """
    if not has_kernel() or int(lens.model) not in adjustment.PARAMETERS:
        rows = range(0, pinhole.height, _BAND)
        return np.concatenate([_straighten_rows(photo, lens, pinhole, row) for row in rows])
    return _undistortion.straighten(
        np.ascontiguousarray(photo),
        int(lens.model),
        np.asarray(lens.params, np.float64),
        pinhole.params.tolist(),
        pinhole.width,
        pinhole.height,
    )


def straighten_plainly(photo: Pixels, lens: pycolmap.Camera, pinhole: pycolmap.Camera) -> Pixels:
    """The same in numpy, every place by COLMAP's lens."""
    return resample_plainly(photo, places_of(lens, pinhole, 0, pinhole.height))


def resample(photo: Pixels, places: npt.NDArray[np.float32]) -> Pixels:
    """What the photo shows at (rows, width, 2) places, from its first pixel's middle; 0 beyond it."""
    return (
        _undistortion.resample(np.ascontiguousarray(photo), places) if has_kernel() else resample_plainly(photo, places)
    )


def _straighten_rows(photo: Pixels, lens: pycolmap.Camera, pinhole: pycolmap.Camera, first: int) -> Pixels:
    return resample(photo, places_of(lens, pinhole, first, min(_BAND, pinhole.height - first)))


def places_of(lens: pycolmap.Camera, pinhole: pycolmap.Camera, first: int, rows: int) -> npt.NDArray[np.float32]:
    """(rows, width, 2) x and y in the photo, from its first pixel's middle, of what the pinhole camera's rows see."""
    fx, fy, cx, cy = pinhole.params
    x, y = np.meshgrid(np.arange(pinhole.width) + 0.5, np.arange(first, first + rows) + 0.5)
    rays = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], axis=-1).reshape(-1, 3)
    seen = np.asarray(lens.img_from_cam(rays), dtype=float) - 0.5
    return seen.astype(np.float32).reshape(rows, pinhole.width, 2)


def resample_plainly(photo: Pixels, places: npt.NDArray[np.float32]) -> Pixels:
    """What the photo shows at these places; 0 beyond the middles of its outermost pixels."""
    height, width = photo.shape[:2]
    with np.errstate(invalid="ignore"):
        within = (places >= 0) & (places <= np.array([width - 1, height - 1], np.float32))
    inside = within[..., 0] & within[..., 1]
    x, y = np.moveaxis(np.where(inside[..., None], places, np.float32(0)), -1, 0)
    left, top = x.astype(int), y.astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[..., None].astype(np.float32), (y - top)[..., None].astype(np.float32)
    a, b, c, d = (photo[rows, columns].astype(np.float32) for rows in (top, bottom) for columns in (left, right))
    above, below = a + (b - a) * across, c + (d - c) * across
    mixed = (above + (below - above) * down + np.float32(0.5)).astype(np.uint8)
    return np.where(inside[..., None], mixed, np.uint8(0))
