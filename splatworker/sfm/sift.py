"""SIFT features of a photo, by a kernel of our own: the same bytes on every processor, and with any number of threads.

The detector and the descriptor are those of COLMAP on a CPU, which has VLFeat's, so both find the same features.
`sift_reference` is the specification. Where there are more than asked for, exactly so many are kept, the coarsest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

try:
    from splatworker import _features
except ImportError:  # an installation without compiled kernels: COLMAP then finds the features
    _features = None  # type: ignore[assignment]
try:
    from splatworker import _cuda
except ImportError:  # built without CUDA kernels
    _cuda = None  # type: ignore[assignment]

LONGEST = 16_000
"""Pixels of a photo's longer side that the kernel takes."""


@dataclass(frozen=True)
class Features:
    """What was found in a photo, by octave and level of blur from the coarsest on, of a level the clearest first.

    Attributes:
        keypoints: (N, 5) float32: x and y in pixels, where the middle of the first pixel is at 0.5; the standard
            deviation of the Gaussian that shows it best, in pixels; cosine and sine of its direction, from x towards y.
        descriptors: (N, 128) uint8: 4x4 cells, row by row in the keypoint's frame, of 8 directions in COLMAP's order;
            square roots of an L1-normalised histogram, so of length 512 but for rounding.
    """

    keypoints: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.uint8]


def has_kernel() -> bool:
    """Whether this installation has the compiled kernel."""
    return _features is not None


def grey_of(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The grey that COLMAP makes of colours, (height, width, 3): Rec. 709's weights of red, green and blue, rounded."""
    return _features.grey(np.ascontiguousarray(rgb))


def sift(grey: npt.NDArray[np.uint8], first_octave: int, most: int) -> Features:
    """Features of a grey photo, (height, width); Python's lock is released.

    Args:
        first_octave: 0, or -1 to double the photo first and find finer details.
        most: how many at most.

    Raises:
        ValueError: a side is of no pixel or of more than `LONGEST`, or an argument is out of its range.
        MemoryError: the photo is too large: about 24 bytes a pixel are needed, four times that where it is doubled.
    """
    keypoints, descriptors = _features.sift(np.ascontiguousarray(grey), first_octave, most)
    return Features(keypoints, descriptors)


def gpu_obstacle() -> tuple[str, str]:
    """Why no GPU can be asked, a code of `errors` and a clause; empty where one can. It is opened by this, once."""
    none = "no_gpu", "this installation has no kernels for one"
    try:
        return _cuda.obstacle(0) if _cuda is not None else none
    except RuntimeError as error:
        return "gpu_failed", str(error)


def has_gpu_kernel() -> bool:
    """Whether a GPU can be asked: there is one, and this installation has kernels for it."""
    return not gpu_obstacle()[0]


def sift_on_gpu(grey: npt.NDArray[np.uint8], first_octave: int, most: int, device: int = 0) -> Features:
    """The same features as `sift` gives, in every byte, by a GPU.

    Raises:
        ValueError: as `sift` does.
        RuntimeError: the GPU cannot be used or has failed, or its memory is too small: 40 bytes a pixel are needed,
            four times that where the photo is doubled.
    """
    keypoints, descriptors = _cuda.sift(device, np.ascontiguousarray(grey), first_octave, most)
    return Features(keypoints, descriptors)
