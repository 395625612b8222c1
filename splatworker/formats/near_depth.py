"""How near to a camera the scene begins, by the sparse points in its sight: what is nearer is free space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera


def near_depth(camera: Camera, xyz: npt.NDArray[np.float64], quantile: float, fewest: int = 1) -> float | None:
    """The depth of the near ones among the points that a camera sees.

    Args:
        xyz: (N, 3) points in the world.
        quantile: which of those in sight is meant, in [0, 1]: the very nearest may be a false match.
        fewest: with fewer points in sight the camera says nothing.

    Returns:
        Its z in the camera's frame, in the scene's units; None if the points do not tell.
    """
    depths, _ = in_sight(camera, xyz)
    return None if len(depths) < max(1, fewest) else float(np.quantile(depths, quantile))


def in_sight(camera: Camera, xyz: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of the points that a camera sees, (M,) depths in its frame, and (M,) rows of the picture, in pixels from its top.

    Args:
        xyz: (N, 3) points in the world.
    """
    x, y, z = (xyz @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    u, v = camera.fx * x + camera.cx * z, camera.fy * y + camera.cy * z
    inside = (z > 0) & (u > 0) & (u < camera.width * z) & (v > 0) & (v < camera.height * z)
    return z[inside], v[inside] / z[inside]
