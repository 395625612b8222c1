"""Bundle adjustment of our own: cameras, lenses and points moved together until what they predict fits what was seen.

Levenberg and Marquardt's method with the points eliminated (Triggs et al. 2000, "Bundle Adjustment - A Modern
Synthesis"), in double precision, by the kernel of kernels/adjustment. The same problem gives the same bits with one
thread or many, on every processor and on a GPU (kernels/cuda/adjustment.cu); only a fisheye's arc tangent is the C
library's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

try:
    from splatworker import _adjustment
except ImportError:  # an installation without compiled kernels: COLMAP then adjusts
    _adjustment = None  # type: ignore[assignment]
try:
    from splatworker import _cuda
except ImportError:  # built without CUDA kernels
    _cuda = None  # type: ignore[assignment]

Floats = npt.NDArray[np.float64]

Loss = Literal["plain", "huber", "soft_l1", "cauchy", "geman_mcclure"]
"""What a residual costs: its square, or less where it is large. Ceres's losses of these names."""

PARAMETERS = {0: 3, 1: 4, 2: 4, 3: 5, 4: 8, 5: 8, 8: 4, 9: 5}
"""Parameters of each lens model that can be adjusted, by COLMAP's number: SIMPLE_PINHOLE, PINHOLE, SIMPLE_RADIAL,
RADIAL, OPENCV, OPENCV_FISHEYE, SIMPLE_RADIAL_FISHEYE, RADIAL_FISHEYE."""

FISHEYES = frozenset({5, 8, 9})
"""Those of them that are."""

MOST_UNKNOWNS = 3072
"""Six a photo and those of the lenses: their system is dense, and beyond this a sparse one, COLMAP's, is for it."""

TURN_AND_PLACE = 0b111111
"""A pose that may move freely: three bits for its rotation, then three for its translation."""


@dataclass(frozen=True)
class Problem:
    """Photos, lenses, points and which photo sees which point where.

    Attributes:
        poses: (P, 7) camera_from_world: a unit quaternion x, y, z, w, then the translation.
        parameters: (L, 8) of each lens, COLMAP's in COLMAP's order, zeros behind them; pixels.
        points: (N, 3) in the world.
        model: (L,) the lens models' numbers, see `PARAMETERS`.
        free_lens: (L,) a bit for each parameter that is adjusted, the first one's lowest.
        lens_of: (P,) the photos' lenses.
        free_pose: (P,) bits of what is adjusted: three turns, about the camera's x, y, z, and three of the translation.
        photo, point: (R,) of each observation.
        seen: (R, 2) its pixel.
        held_point: (N,) points that stay; none, if not given.
    """

    poses: Floats
    parameters: Floats
    points: Floats
    model: npt.NDArray[np.int32]
    free_lens: npt.NDArray[np.uint8]
    lens_of: npt.NDArray[np.int32]
    free_pose: npt.NDArray[np.uint8]
    photo: npt.NDArray[np.int32]
    point: npt.NDArray[np.int32]
    seen: Floats
    held_point: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))

    @property
    def unknowns(self) -> int:
        """How many the reduced system has, with those that are held."""
        return 6 * len(self.poses) + sum(int(bits).bit_count() for bits in self.free_lens)


@dataclass(frozen=True)
class Adjusted:
    """An adjusted problem.

    Attributes:
        poses, parameters, points: as in `Problem`.
        initial_cost, cost: half the sum over the observations used of their loss, in squared pixels.
        iterations, accepted: steps tried, and taken.
        used: observations that counted.
        behind: observations of points that were not in front of the camera at the start: left out.
        lonely: observations of points that no other one sees: left out, and the points stay.
        end: why it stopped: no step lowers the cost any more; too many steps; no step could be taken.
    """

    poses: Floats
    parameters: Floats
    points: Floats
    initial_cost: float
    cost: float
    iterations: int
    accepted: int
    used: int
    behind: int
    lonely: int
    end: Literal["converged", "most iterations", "stuck"]


def has_kernel() -> bool:
    """Whether this installation has the compiled kernel."""
    return _adjustment is not None


def adjust(
    problem: Problem,
    *,
    loss: Loss = "plain",
    scale: float = 1.0,
    most_iterations: int = 100,
    tolerance: float = 1e-7,
    threads: int = 1,
) -> Adjusted:
    """Move what may move to a minimum of the cost. Python's lock is released.

    Args:
        loss: of each observation's squared distance in pixels.
        scale: the distance in pixels from which a robust loss is one.
        tolerance: ends when a step lowers the cost by less than this share of it.

    Raises:
        ValueError: the problem is none, or larger than `MOST_UNKNOWNS`: a sentence says why.
    """
    arrays = _arrays(problem)
    number = get_args(Loss).index(loss)
    found = _adjustment.adjust(*arrays, number, scale, most_iterations, tolerance, threads)
    return Adjusted(*arrays[:3], *found)  # type: ignore[arg-type]  # the last is one of the three texts


def adjust_on_gpu(
    problem: Problem,
    *,
    loss: Loss = "plain",
    scale: float = 1.0,
    most_iterations: int = 100,
    tolerance: float = 1e-7,
    device: int = 0,
) -> Adjusted:
    """The same as `adjust` gives, in every byte, by a GPU. Python's lock is released.

    Raises:
        ValueError: as `adjust` does; or a lens is a fisheye, or the loss is Cauchy's: they are for processors.
        RuntimeError: the GPU cannot be used or has failed, or its memory is too small: about 600 bytes an
            observation, 20 for each two photos that see a point, and 75 MB are needed.
    """
    if _cuda is None:
        raise RuntimeError("this installation has no kernels for a GPU")
    arrays = _arrays(problem)
    number = get_args(Loss).index(loss)
    found = _cuda.adjust(device, *arrays, number, scale, most_iterations, tolerance)
    return Adjusted(*arrays[:3], *found)  # type: ignore[arg-type]  # as above


def gpu_architecture(device: int = 0) -> int:
    """A GPU's compute capability, times ten.

    Raises:
        RuntimeError: there is none that can be used.
    """
    if _cuda is None:
        raise RuntimeError("this installation has no kernels for a GPU")
    return _cuda.architecture(device)


def derivatives(problem: Problem) -> tuple[Floats, Floats]:
    """Residuals (R, 2), projected less seen, and their derivatives (R, 2, 17).

    By the turn (3) and translation (3) of the photo, by its lens's free parameters (8, zeros behind them), by the point
    (3). Of points in front of their cameras.
    """
    residuals, jacobians = np.zeros((len(problem.seen), 2)), np.zeros((len(problem.seen), 2, 17))
    _adjustment.derivatives(*_arrays(problem), residuals, jacobians)
    return residuals, jacobians


def _arrays(
    problem: Problem,
) -> tuple[
    Floats,
    Floats,
    Floats,
    npt.NDArray[np.int32],
    npt.NDArray[np.uint8],
    npt.NDArray[np.int32],
    npt.NDArray[np.uint8],
    npt.NDArray[np.uint8],
    npt.NDArray[np.int32],
    npt.NDArray[np.int32],
    Floats,
]:
    """As the kernels take them; the first three, which change, are copies."""
    held = problem.held_point if len(problem.held_point) else np.zeros(len(problem.points), np.uint8)
    return (
        np.array(problem.poses, np.float64, order="C"),
        np.array(problem.parameters, np.float64, order="C"),
        np.array(problem.points, np.float64, order="C"),
        np.ascontiguousarray(problem.model, np.int32),
        np.ascontiguousarray(problem.free_lens, np.uint8),
        np.ascontiguousarray(problem.lens_of, np.int32),
        np.ascontiguousarray(problem.free_pose, np.uint8),
        np.ascontiguousarray(held, np.uint8),
        np.ascontiguousarray(problem.photo, np.int32),
        np.ascontiguousarray(problem.point, np.int32),
        np.ascontiguousarray(problem.seen, np.float64),
    )
