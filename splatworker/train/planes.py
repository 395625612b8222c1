"""A picture's pixels as training takes them: red, green and blue one after the other.

Pillow keeps a pixel in four bytes, of which the last says nothing. Its own copy of them comes
in pieces, which are joined, and would then be put apart: three passes where one is enough.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker import _cpu


def planes_of(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """(3, H, W) of an RGB picture that was loaded."""
    planes = np.empty((3, picture.height, picture.width), np.uint8)
    try:
        whole = _cpu.planes_of(*picture.__arrow_c_array__(), planes)
    except ValueError:  # it is so large that it lies in several pieces
        whole = False
    return planes if whole else np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))
