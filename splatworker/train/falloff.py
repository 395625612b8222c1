"""How a lens darkens its photos towards their corners, and photos without that: vignetting.

A lens lets less light through to the corners than to the middle, by a factor that depends on how far a pixel is from
where the lens's axis meets the photo. It acts on light, and photos are stored as a power of it (sRGB's curve): so they
are brought to light, divided by the factor and stored again, which leaves the middle as it was.

The logarithm of the factor is 0 in the middle and falls from there: an even polynomial of sixth degree of the radius,
in Bernstein's form, which rises nowhere if no coefficient is larger than the one before it (Farouki 2012, "The
Bernstein polynomial basis: a centennial retrospective"). A photo without distortion has its rays at other radii than
the lens had them, but in the same order: what fell with the one falls with the other.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

STEPS = 3
"""Of a fall: the coefficients' differences."""

_LEVELS = 1 << 16
"""Of light, in a table: black's neighbours, where sRGB is steepest, lie a twentieth of a byte apart."""

_BRIGHTEST = 4
"""Of light, in that table: what is bright in a dark corner is brighter than white, until a bright photo's gain is taken
out of it."""


class Falloff(NamedTuple):
    """How a lens darkens: (STEPS,) numbers, none negative, by which log light falls from coefficient to coefficient."""

    steps: Array

    def at(self, squared_radius: Floats) -> Floats:
        """The share of the light that arrives at squared radii, as of `squared_radii`, as precise as these."""
        x, (first, second, third) = squared_radius.clip(0, 1), self.steps.tolist()
        logarithm = -x * (3 * first + x * (3 * (second - first) + x * (first - 2 * second + third)))
        return np.asarray(np.exp(logarithm))

    @property
    def corner(self) -> float:
        """By what share of the middle's light the farthest corner is darker."""
        return float(1 - np.exp(-self.steps.sum()))


def basis(squared_radius: Array) -> Array:
    """(..., STEPS) what each step of a fall adds at squared radii: nothing in the middle, 1 in the farthest corner."""
    x = squared_radius[..., None].clip(0, 1)
    near, half, far = 3 * x * (1 - x) ** 2, 3 * x**2 * (1 - x), x**3
    return np.concatenate([near + half + far, half + far, far], axis=-1)


def squared_radii(camera: Camera, xy: Array) -> Array:
    """Of (..., 2) pixels the squared distance from the principal point, that of the farthest corner being 1."""
    return np.asarray(((xy - [camera.cx, camera.cy]) ** 2).sum(axis=-1) / _farthest(camera))


def _farthest(camera: Camera) -> float:
    """The squared distance of the farthest corner in pixels."""
    return max(camera.cx, camera.width - camera.cx) ** 2 + max(camera.cy, camera.height - camera.cy) ** 2


def light_of(stored: npt.NDArray[np.floating]) -> Array:
    """The light of stored values in [0, 1]: sRGB's curve (IEC 61966-2-1)."""
    curve = ((np.maximum(stored, 0.0) + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(stored <= 0.04045, stored / 12.92, curve), np.float64)


def stored_of(light: npt.NDArray[np.floating]) -> Array:
    """What is stored of light in [0, 1]."""
    curve = 1.055 * np.maximum(light, 0.0) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, curve), np.float64)


def evened(pixels: npt.NDArray[np.uint8], camera: Camera, falloff: Falloff, gains: Array) -> npt.NDArray[np.uint8]:
    """A photo as it would be without the fall, and with gains taken out of its channels as they are stored.

    Args:
        pixels: (3, H, W).
        camera: of its size.
        gains: (3,) of red, green and blue.
    """
    across = (np.arange(camera.width) + 0.5 - camera.cx) ** 2 / _farthest(camera)
    down = (np.arange(camera.height) + 0.5 - camera.cy) ** 2 / _farthest(camera)
    more = np.float32(_LEVELS - 1) / falloff.at(across.astype(np.float32) + down.astype(np.float32)[:, None])
    light, stored = _tables()
    changed = np.empty_like(pixels)
    for channel, gain in enumerate(gains):
        level = np.minimum(light[pixels[channel]] * more + np.float32(0.5), np.float32(len(stored) - 1))
        bright = stored * np.float32(1 / gain)
        changed[channel] = np.rint(bright).clip(0, 255).astype(np.uint8)[level.astype(np.int32)]
    return changed


@cache
def _tables() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(256,) the light of bytes, and what is stored, in bytes, of `_LEVELS` of light from black to white and of more
    beyond.
    """
    light = light_of(np.arange(256) / 255)
    stored = 255 * stored_of(np.arange(_BRIGHTEST * _LEVELS) / (_LEVELS - 1))
    return light.astype(np.float32), stored.astype(np.float32)
