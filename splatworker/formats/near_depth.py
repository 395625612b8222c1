"""How near to a camera the scene begins, by the sparse points in its sight: what is nearer is free space."""

from __future__ import annotations

from collections.abc import Sequence

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
    depth, sight = seen_by(camera, xyz)
    found = depths_at(depth[sight], [quantile], fewest)
    return None if found is None else found[0]


def seen_by(camera: Camera, xyz: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """(N,) the depths of (N, 3) points in the world, as z in a camera's frame, and whether they are in its picture."""
    x, y, z = (xyz @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    u, v = camera.fx * x + camera.cx * z, camera.fy * y + camera.cy * z
    return z, (z > 0) & (u > 0) & (u < camera.width * z) & (v > 0) & (v < camera.height * z)


def depths_at(depths: npt.NDArray[np.float64], quantiles: Sequence[float], fewest: int) -> list[float] | None:
    """What so large shares of (M,) depths are no larger than; None where there are fewer than `fewest`, or none."""
    if len(depths) < max(1, fewest):
        return None
    return [float(depth) for depth in np.quantile(depths, quantiles)]


def rows_seen(camera: Camera, xyz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N,) the rows of the picture, in pixels from its top, in which a camera sees (N, 3) points that are before it."""
    y, z = (xyz @ camera.camera_from_world[1:3, :3].T + camera.camera_from_world[1:3, 3]).T
    rows: npt.NDArray[np.float64] = camera.fy * y / z + camera.cy
    return rows
