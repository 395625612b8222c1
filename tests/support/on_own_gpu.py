"""Random arrays in numpy and, the same, on a GPU in memory of our own. To be imported where there is one alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from splatworker.render.arrays import Array, to_device, to_numpy
from splatworker.render.gpu_array import OwnGpu

GPU = OwnGpu(0)
RANDOM = np.random.default_rng(0)
MIB = 1 << 20


def numbers(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return RANDOM.normal(size=shape).astype(np.float32)


def photo(*shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def on_both(array: np.ndarray[Any, Any]) -> tuple[Array, Array]:
    return array.copy(), to_device(array, GPU)


def same(ours: Array, theirs: Array) -> None:
    """On the GPU and in numpy, to the bit."""
    assert isinstance(theirs, np.ndarray)
    np.testing.assert_array_equal(to_numpy(ours).view(theirs.dtype), theirs)
