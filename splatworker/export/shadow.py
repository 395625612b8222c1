"""The shadow of cells on a plane: which places lie above or below them, seen along the plane's normal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from splatworker.export.camera_path import UP
from splatworker.export.orient import turn_to
from splatworker.export.support_plane import Plane
from splatworker.formats import regions

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def shadow(cells: Vectors, plane: Plane, cell: float, about: float = 0.0) -> Callable[[npt.NDArray[np.floating]], Mask]:
    """Which places lie above or below cells or what they enclose, seen along a plane's normal, or `about` them.

    Args:
        cells: (N, 3) middles of cells, at least one.
        cell: their side, and about: how far beside them is above or below them, too; in units of the scene.

    Returns:
        (M, 3) places -> (M,) whether they are.
    """
    turn = turn_to(plane.normal, UP)
    level = (cells @ turn.T)[:, [0, 2]]
    steps = round(about / cell)
    low = level.min(axis=0) - (2 + steps) * cell

    def squares(places: Vectors) -> npt.NDArray[np.int64]:
        cells_of: npt.NDArray[np.int64] = np.floor((places - low) / cell).astype(np.int64)
        return cells_of

    marked = np.zeros(squares(level).max(axis=0) + 3 + steps, bool)
    marked[tuple(squares(level).T)] = True
    marked = regions.grown(regions.filled(regions.closed(marked)), steps)

    def is_in(points: npt.NDArray[np.floating]) -> Mask:
        where = squares((points @ turn.T)[:, [0, 2]])
        inside = ((where >= 0) & (where < np.array(marked.shape))).all(axis=1)
        where[~inside] = 0
        return np.asarray(inside & marked[tuple(where.T)])

    return is_in
