"""Where the desk stands; the middle of its top is the origin of desk coordinates."""

from __future__ import annotations

from mathutils import Matrix

from .meshes import pose

DESK_TOP = 0.74  # metres above the floor
DESK_SIZE = (1.50, 0.82, 0.034)


def at(x: float, y: float, z: float = 0.0, turn: float = 0.0, tilt: tuple[float, float] = (0.0, 0.0)) -> Matrix:
    """A place on the desk top."""
    return pose((x, y, DESK_TOP + z), turn, tilt)
