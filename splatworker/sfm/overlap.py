"""How much photos have in common once their cameras are known: what decides how long they can be learnt from."""

from __future__ import annotations

import numpy as np

from splatworker.sfm import model_arrays
from splatworker.sfm.colmap import pycolmap

_AT_A_TIME = 4096
"""Points whose photos are compared together."""

COMMON_POINTS = 100
"""Two photos overlap that see so many points together."""


def overlapping_photos(model: pycolmap.Reconstruction, arrays: model_arrays.ModelArrays | None = None) -> float:
    """With how many others a photo overlaps, the mean over the photos of a reconstruction; 0 where there is none.

    Args:
        arrays: the model's, if they have been read.
    """
    arrays = arrays or model_arrays.read(model)
    photos = len(arrays.images)
    if not photos:
        return 0.0
    image, point, _ = arrays.observations()
    common = np.zeros((photos, photos), dtype=np.float32)  # whole numbers, and exact
    for begin in range(0, len(arrays.points), _AT_A_TIME):
        some = (point >= begin) & (point < begin + _AT_A_TIME)
        sees = np.zeros((photos, _AT_A_TIME), dtype=np.float32)
        sees[image[some], point[some] - begin] = 1
        common += sees @ sees.T
    np.fill_diagonal(common, 0)
    return float((common >= COMMON_POINTS).sum(axis=1).mean())
