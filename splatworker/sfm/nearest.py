"""Which descriptors of two photos are each other's nearest: exact, and several times faster than a search index.

COLMAP finds nearest neighbours on a CPU by an approximate index that it builds for every photo: on photos of 4000
features about 90 ms a pair, with some matches missed. Comparing everything with everything is a matrix product, and in
bytes the kernel (kernels/matching) does it in 20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

try:
    from splatworker import _matching
except ImportError:  # an installation without compiled kernels: COLMAP then matches by itself
    _matching = None  # type: ignore[assignment]
try:
    from splatworker import _cuda
except ImportError:  # built without CUDA kernels
    _cuda = None  # type: ignore[assignment]

Descriptors = npt.NDArray[np.uint8]
"""(N, 128), each of length about 512, as SIFT in COLMAP's database."""

Matches = npt.NDArray[np.uint32]
"""(K, 2): a row of the first photo's descriptors and one of the second's, by the former."""

MAX_RATIO = 0.8
"""The nearest must be at less than this multiple of the second nearest's angle (Lowe 2004, 7.1)."""

MAX_DISTANCE = 0.7
"""... and at no more than this angle, in radians. Both are COLMAP's."""

MOST = 65_504
"""Descriptors of one photo that the kernel can count."""


def has_kernel() -> bool:
    """Whether this installation has the compiled kernel."""
    return _matching is not None


def match(first: Descriptors, second: Descriptors) -> Matches:
    """Mutual nearest neighbours that are near, and clearly nearer than any other, by the kernel.

    It sees descriptors in seven bits: an angle of 25 degrees is off by about 0.2. Python's lock is released.

    Raises:
        ValueError: more than `MOST` descriptors.
    """
    return _matching.match(first, second, MAX_RATIO, MAX_DISTANCE)


def matcher_on_gpu(
    photos: Sequence[Descriptors], device: int = 0
) -> Callable[[Sequence[tuple[int, int]]], list[Matches]]:
    """What gives the matches of pairs of these photos, named by their places, in every byte as `match` does, by a GPU.

    Python's lock is released. One caller at a time.

    Raises:
        ValueError: more than `MOST` descriptors; of the matcher: a pair names a photo that is not there.
        RuntimeError: there is no GPU that can be used, or it has failed, or its memory is too small: 128 bytes a
            descriptor and 50 MB. So does the matcher.
    """
    if _cuda is None:
        raise RuntimeError("this installation has no kernels for a GPU")
    return _cuda.Matcher(device, list(photos), MAX_RATIO, MAX_DISTANCE).match


def match_plainly(first: Descriptors, second: Descriptors) -> Matches:
    """What `match` does, in numpy and all eight bits: its specification."""
    if min(len(first), len(second)) == 0:
        return np.zeros((0, 2), np.uint32)
    cosines = first.astype(np.float32) @ second.astype(np.float32).T / np.float32(512**2)
    forth, forth_clear = _nearest(cosines)
    back, back_clear = _nearest(cosines.T)
    rows = np.arange(len(first))
    kept = forth_clear & (back[forth] == rows) & back_clear[forth]
    return np.stack([rows[kept], forth[kept]], axis=1).astype(np.uint32)


def _nearest(cosines: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Each row's best column, and whether it is clear."""
    least = np.full((len(cosines), 1), 0, np.float32)  # with one candidate alone the second is at a right angle
    second, best = np.sort(np.hstack([least, cosines]), axis=1)[:, -2:].T
    nearest, next_nearest = np.arccos(np.clip(best, 0, 1)), np.arccos(np.clip(second, 0, 1))
    return cosines.argmax(axis=1), (nearest <= MAX_DISTANCE) & (nearest < MAX_RATIO * next_nearest)
