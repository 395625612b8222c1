"""COLMAP's camera models, and which cameras are pinhole cameras by another name.

Names, numbers and parameters are those of https://colmap.github.io/cameras.html. A lens whose distortion moves nothing
by as much as a hundredth of a pixel is a pinhole. A fisheye never is: without distortion it still bends straight lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from splatworker.errors import InvalidScene

LONGEST_SIDE = 65_535
"""Pixels: the most that the renderers draw a side."""

MOST_PIXELS = 400_000_000
"""Of a camera: what is larger is taken for a broken file before any memory is asked for."""

MOST_TIMES_WIDER = 10_000
"""A focal length is between so many times the longest side and as small a share of it, and the principal point no
farther away: an angle of view of 0.006 degrees, or of 179.99. What is beyond is no camera's."""

MOST_SHIFT_PX = 0.01
"""Pixels by which a lens may move what a pinhole camera would see, to count as one."""

UNDISTORT = (
    "Undistort the photos first: colmap image_undistorter --image_path images --input_path sparse/0 --output_path NEW, "
    "or let splatworker sfm find the cameras anew."
)


class Intrinsics(NamedTuple):
    """A pinhole camera's image size, focal lengths and principal point, all in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


class CameraModel(NamedTuple):
    """A camera model: its name, how many focal lengths it begins with (then cx, cy), and what follows.

    Attributes:
        distortion: the names of the other parameters.
        none: their values where nothing is distorted; empty for a fisheye, which no values make a pinhole.
    """

    name: str
    focals: int
    distortion: tuple[str, ...] = ()
    none: tuple[float, ...] = ()

    @property
    def parameters(self) -> int:
        """How many numbers describe a camera."""
        return self.focals + 2 + len(self.distortion)


def _bends(name: str, focals: int, distortion: str) -> CameraModel:
    names = tuple(distortion.split())
    return CameraModel(name, focals, names, (0.0,) * len(names))


def _fisheye(name: str, focals: int, distortion: str = "") -> CameraModel:
    return CameraModel(name, focals, tuple(distortion.split()))


MODELS = {
    0: CameraModel("SIMPLE_PINHOLE", 1),
    1: CameraModel("PINHOLE", 2),
    2: _bends("SIMPLE_RADIAL", 1, "k"),
    3: _bends("RADIAL", 1, "k1 k2"),
    4: _bends("OPENCV", 2, "k1 k2 p1 p2"),
    5: _fisheye("OPENCV_FISHEYE", 2, "k1 k2 k3 k4"),
    6: _bends("FULL_OPENCV", 2, "k1 k2 p1 p2 k3 k4 k5 k6"),
    7: _bends("FOV", 2, "omega"),
    8: _fisheye("SIMPLE_RADIAL_FISHEYE", 1, "k"),
    9: _fisheye("RADIAL_FISHEYE", 1, "k1 k2"),
    10: _fisheye("THIN_PRISM_FISHEYE", 2, "k1 k2 p1 p2 k3 k4 sx1 sy1"),
    11: _fisheye("RAD_TAN_THIN_PRISM_FISHEYE", 2, "k0 k1 k2 k3 k4 k5 p0 p1 s0 s1 s2 s3"),
    12: _bends("SIMPLE_DIVISION", 1, "k"),
    13: _bends("DIVISION", 2, "k"),
    14: _fisheye("SIMPLE_FISHEYE", 1),
    15: _fisheye("FISHEYE", 2),
    16: CameraModel("EUCM", 2, ("alpha", "beta"), (0.0, 1.0)),
    17: CameraModel("EQUIRECTANGULAR", 0),
}
"""By COLMAP's number."""

BY_NAME = {model.name: model for model in MODELS.values()}

_FISHEYES = {model.name for model in MODELS.values() if "FISHEYE" in model.name}


def pinhole(
    what: str, model: CameraModel, width: int, height: int, parameters: Sequence[float], hint: str = UNDISTORT
) -> Intrinsics:
    """The pinhole camera that a camera is.

    Args:
        what: what an error calls it ("Camera 1 of the scene").
        parameters: the model's, in its order: focal lengths, cx, cy, distortion.
        hint: what to do about a camera that is none.

    Raises:
        InvalidScene: its lens distorts, or it has no size or no focal length, or an impossible one.
    """
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE and width * height <= MOST_PIXELS):
        if width <= 0 or height <= 0:
            raise InvalidScene(f"{what} has no size or no focal length.")
        raise InvalidScene(f"{what} is broken: it has {width}x{height} pixels, more than any photo.")
    if model.name in _FISHEYES or model.focals == 0:
        raise InvalidScene(f"{what} is {model.name}, not PINHOLE.", hint=hint)
    focals, (cx, cy), distortion = (
        parameters[: model.focals],
        parameters[model.focals : model.focals + 2],
        parameters[model.focals + 2 :],
    )
    fx, fy = focals[0], focals[-1]
    if not all(map(math.isfinite, parameters)) or fx <= 0 or fy <= 0:
        raise InvalidScene(f"{what} has no size or no focal length.")
    most = MOST_TIMES_WIDER * max(width, height)
    if not all(max(width, height) / MOST_TIMES_WIDER <= focal <= most for focal in (fx, fy)):
        raise InvalidScene(f"{what} is broken: its focal length is {fx:.4g} x {fy:.4g} pixels, which no camera has.")
    if max(abs(cx), abs(cy)) > most:
        raise InvalidScene(f"{what} is broken: its principal point is far outside of its pictures.")
    differing = {
        name: value for name, value, none in zip(model.distortion, distortion, model.none, strict=True) if value != none
    }
    # The most that any term of these models grows to in a corner: the seventh power of its distance from the middle.
    reach = max(1.0, math.hypot(max(cx, width - cx) / fx, max(cy, height - cy) / fy))
    shift = sum(abs(value - none) for value, none in zip(distortion, model.none, strict=True)) * max(fx, fy)
    if differing and not shift * min(reach, 1e6) ** 7 < MOST_SHIFT_PX:
        name, value = max(differing.items(), key=lambda item: abs(item[1]))
        raise InvalidScene(f"{what} is {model.name}, not PINHOLE: its lens distorts ({name} = {value:.4g}).", hint=hint)
    return Intrinsics(width, height, fx, fy, cx, cy)
