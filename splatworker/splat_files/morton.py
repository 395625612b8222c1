"""Gaussians along a Z-order curve (Morton 1966): neighbours in space become neighbours in the file, and compress."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BITS = 16
"""Bits an axis: finer than any Gaussian of a scene that is looked at."""


def morton_order(means: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """(N,) the order of (N, 3) positions along the curve; ties keep their order, so that it is the same every time.

    The cells are laid over the middle 99.8 % of the positions: a few strays must not make them coarse.
    """
    if len(means) == 0:
        return np.zeros(0, np.intp)
    low, high = np.quantile(means, [0.001, 0.999], axis=0)
    extent = np.maximum(high - low, np.finfo(np.float32).tiny)
    cells = np.clip((means - low) / extent * (2**BITS - 1), 0, 2**BITS - 1).astype(np.uint64)
    codes = _spread(cells[:, 0]) | _spread(cells[:, 1]) << np.uint64(1) | _spread(cells[:, 2]) << np.uint64(2)
    return np.argsort(codes, kind="stable")


FAR = 8.0
"""Times the median distance from the middle: what is farther lies behind the scene, as a backdrop does."""


def morton_order_in_chunks(means: npt.NDArray[np.float32], chunk: int) -> npt.NDArray[np.intp]:
    """(N,) the same order for files whose chunks of so many have bounds: what is far away comes last.

    The curve passes through what is far away again and again, and a chunk that holds some of it has bounds in which
    nothing near can be told apart. So few of the near ones that come with the far ones, to fill a chunk, are the
    farthest.
    """
    order = morton_order(means)
    if len(means) == 0:
        return order
    distances = np.abs(means - np.median(means, axis=0)).max(axis=1)
    near = np.count_nonzero(distances <= FAR * np.median(distances))
    if near == len(means):
        return order
    first = np.zeros(len(means), bool)
    first[np.argsort(distances, kind="stable")[: near - near % chunk]] = True
    return np.concatenate([order[first[order]], order[~first[order]]])


def _spread(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Two zero bits between any two bits of 16-bit numbers."""
    for shift, mask in ((16, 0xFF0000FF), (8, 0xF00F00F00F), (4, 0xC30C30C30C3), (2, 0x249249249249)):
        values = (values | values << np.uint64(shift)) & np.uint64(mask)
    return values
