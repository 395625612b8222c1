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
    x, y, z = (xyz @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    u, v = camera.fx * x + camera.cx * z, camera.fy * y + camera.cy * z
    in_sight = (z > 0) & (u > 0) & (u < camera.width * z) & (v > 0) & (v < camera.height * z)
    if np.count_nonzero(in_sight) < max(1, fewest):
        return None
    return float(np.quantile(z[in_sight], quantile))
