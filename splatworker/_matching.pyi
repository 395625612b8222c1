"""The matching kernel (kernels/matching/bindings.cpp)."""

import numpy as np
import numpy.typing as npt

def match(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8], max_ratio: float, max_distance: float
) -> npt.NDArray[np.uint32]: ...
def instruction_set() -> str: ...
