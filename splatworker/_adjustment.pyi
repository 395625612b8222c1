"""The adjustment kernel (kernels/adjustment/bindings.cpp)."""

import numpy as np
import numpy.typing as npt

most_unknowns: int

def adjust(
    poses: npt.NDArray[np.float64],
    parameters: npt.NDArray[np.float64],
    points: npt.NDArray[np.float64],
    model: npt.NDArray[np.int32],
    free_lens: npt.NDArray[np.uint8],
    lens_of: npt.NDArray[np.int32],
    free_pose: npt.NDArray[np.uint8],
    held_point: npt.NDArray[np.uint8],
    photo: npt.NDArray[np.int32],
    point: npt.NDArray[np.int32],
    seen: npt.NDArray[np.float64],
    loss: int,
    scale: float,
    most_iterations: int,
    tolerance: float,
    threads: int,
) -> tuple[float, float, int, int, int, int, int, str]: ...
def derivatives(
    poses: npt.NDArray[np.float64],
    parameters: npt.NDArray[np.float64],
    points: npt.NDArray[np.float64],
    model: npt.NDArray[np.int32],
    free_lens: npt.NDArray[np.uint8],
    lens_of: npt.NDArray[np.int32],
    free_pose: npt.NDArray[np.uint8],
    held_point: npt.NDArray[np.uint8],
    photo: npt.NDArray[np.int32],
    point: npt.NDArray[np.int32],
    seen: npt.NDArray[np.float64],
    residuals: npt.NDArray[np.float64],
    jacobians: npt.NDArray[np.float64],
) -> None: ...
def instruction_set() -> str: ...
