"""Rotations as quaternions, in which files and Gaussians have them, and as matrices, with which they are done."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def matrices(unit: npt.NDArray[np.floating]) -> Floats:
    """(..., 3, 3) rotation matrices of (..., 4) quaternions w, x, y, z of unit length."""
    w, x, y, z = np.moveaxis(np.asarray(unit, np.float64), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def quaternion(rotation: Floats) -> Floats:
    """(4,) the unit quaternion w, x, y, z of a (3, 3) rotation matrix, its largest component positive.

    The matrix tells the products of every two components; those with the largest lose least by cancellation.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    four_products = np.array(
        [
            [1 + xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, 1 + xx - yy - zz, yx + xy, xz + zx],
            [xz - zx, yx + xy, 1 - xx + yy - zz, zy + yz],
            [yx - xy, xz + zx, zy + yz, 1 - xx - yy + zz],
        ]
    )
    row = four_products[four_products.diagonal().argmax()]
    return np.asarray(row / np.linalg.norm(row))
