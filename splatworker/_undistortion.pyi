"""The kernel of undistortion (kernels/undistortion/bindings.cpp)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

def resample(photo: npt.NDArray[np.uint8], places: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]: ...
def straighten(
    photo: npt.NDArray[np.uint8],
    model: int,
    parameters: npt.NDArray[np.float64],
    pinhole: Sequence[float],
    width: int,
    height: int,
) -> npt.NDArray[np.uint8]: ...
