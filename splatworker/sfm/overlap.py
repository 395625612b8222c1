"""How much photos have in common once their cameras are known: what decides how long they can be learnt from."""

from __future__ import annotations

import numpy as np

from splatworker.sfm.colmap import pycolmap

COMMON_POINTS = 100
"""Two photos overlap that see so many points together."""


def overlapping_photos(model: pycolmap.Reconstruction) -> float:
    """With how many others a photo overlaps, the mean over the photos of a reconstruction; 0 where there is none."""
    place = {image_id: number for number, image_id in enumerate(sorted(model.reg_image_ids()))}
    common = np.zeros((len(place), len(place)), dtype=np.int64)
    for point in model.points3D.values():
        seen_by = sorted({place[e.image_id] for e in point.track.elements if e.image_id in place})
        common[np.ix_(seen_by, seen_by)] += 1
    np.fill_diagonal(common, 0)
    return float((common >= COMMON_POINTS).sum(axis=1).mean()) if place else 0.0
