"""SIFT features of a photo, by a kernel of our own: the same bytes on every processor, and with any number of threads.

The detector and the descriptor are those of COLMAP on a CPU, which has VLFeat's, so both find the same; `sift_reference` is
the specification. Which features a number of them keeps is ours: exactly so many, the coarsest first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

try:
    from splatworker import _features
except ImportError:  # an installation without compiled kernels: COLMAP then finds the features
    _features = None  # type: ignore[assignment]

LONGEST = 16_000
"""Pixels of a photo's longer side that the kernel takes."""


@dataclass(frozen=True)
class Features:
    """What was found in a photo, by scale (octave, and level in it) from the coarsest on, of a level the clearest first.

    Attributes:
        keypoints: (N, 4) float32: x and y in pixels, where the middle of the first pixel is at 0.5; the standard deviation
            of the Gaussian that shows it best, in pixels; its direction in turns, in [0, 1), from x towards y.
        descriptors: (N, 128) uint8: 4x4 cells, row by row in the keypoint's frame, of 8 directions in COLMAP's order;
            square roots of an L1-normalised histogram, so of length 512 but for rounding.
    """

    keypoints: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.uint8]


def has_kernel() -> bool:
    """Whether this installation has the compiled kernel."""
    return _features is not None


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
