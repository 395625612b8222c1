"""The kernel of SIFT (kernels/features/bindings.cpp)."""

import numpy as np
import numpy.typing as npt

def sift(
    grey: npt.NDArray[np.uint8], first_octave: int, most: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]: ...
def grey(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]: ...
def instruction_set() -> str: ...
