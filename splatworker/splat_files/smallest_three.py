"""Rotations as their three smallest quaternion components, which SPZ, SOG and compressed PLY all store.

A unit quaternion and its negative are one rotation, so the largest component can be made positive and left out: it is
the square root of what the other three leave, and none of those exceeds 1/sqrt(2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

LARGEST_SMALL = np.float32(np.sqrt(0.5))
"""The most that any component but the largest can be."""


def pack(components: Sequence[FloatArray]) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """Leave out the largest component.

    Args:
        components: four (N,) arrays, in the order of the format; need not be of unit length. A zero quaternion
            counts as (1, 0, 0, 0).

    Returns:
        (N,) which component was the largest, 0 to 3, and (3, N) the others in their order, in [-1/sqrt(2), 1/sqrt(2)].
    """
    a0, a1, a2, a3 = (np.abs(component) for component in components)
    upper = a1 > a0
    largest01, largest23 = np.maximum(a0, a1), np.maximum(a2, a3)
    # First by the largest, so that no square is too large or too small for its type.
    size = np.maximum(np.maximum(largest01, largest23), np.finfo(np.float32).tiny)
    q0, q1, q2, q3 = (component / size for component in components)
    index = np.where(largest23 > largest01, np.where(a3 > a2, np.uint8(3), np.uint8(2)), upper.astype(np.uint8))
    value = np.where(index < 2, np.where(index == 0, q0, q1), np.where(index == 2, q2, q3))
    length = np.sqrt(q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3)
    factor = np.copysign(1 / np.maximum(length, np.float32(0.5)), value)
    small = np.stack([np.where(index == 0, q1, q0), np.where(index <= 1, q2, q1), np.where(index <= 2, q3, q2)])
    small *= factor
    return index, small


def unpack(index: npt.NDArray[np.uint8], small: FloatArray) -> list[FloatArray]:
    """The inverse of `pack`: four (N,) components of unit quaternions, the largest of them positive."""
    s0, s1, s2 = small
    largest = np.sqrt(np.maximum(0, 1 - (s0 * s0 + s1 * s1 + s2 * s2)))
    return [
        np.where(index == 0, largest, s0),
        np.where(index == 1, largest, np.where(index < 1, s0, s1)),
        np.where(index == 2, largest, np.where(index < 2, s1, s2)),
        np.where(index == 3, largest, s2),
    ]
