"""How much photos have in common once their cameras are known: what decides how long they can be learnt from."""

from __future__ import annotations

from itertools import islice

import numpy as np

from splatworker.sfm.colmap import pycolmap

_AT_A_TIME = 4096
"""Points whose photos are compared together."""

COMMON_POINTS = 100
"""Two photos overlap that see so many points together."""


def overlapping_photos(model: pycolmap.Reconstruction) -> float:
    """With how many others a photo overlaps, the mean over the photos of a reconstruction; 0 where there is none."""
    place = {image_id: number for number, image_id in enumerate(sorted(model.reg_image_ids()))}
    if not place:
        return 0.0
    common = np.zeros((len(place), len(place)), dtype=np.float32)  # whole numbers, and exact
    points = iter(model.points3D.values())
    while some := list(islice(points, _AT_A_TIME)):
        sees = np.zeros((len(place), len(some)), dtype=np.float32)
        for number, point in enumerate(some):
            sees[[place[e.image_id] for e in point.track.elements if e.image_id in place], number] = 1
        common += sees @ sees.T
    np.fill_diagonal(common, 0)
    return float((common >= COMMON_POINTS).sum(axis=1).mean())
