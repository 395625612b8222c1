"""Grey of more than eight bits in eight: Pillow itself makes nearly all of it white."""

from __future__ import annotations

import numpy as np
from PIL import Image

MODES = ("I;16", "I;16L", "I;16B", "I", "F")
"""Pillow's names of such pictures."""

_DEPTHS = (8, 10, 12, 14, 16)
"""Bits that a sensor's grey values have, in whatever they are kept."""


def in_eight_bits(image: Image.Image) -> Image.Image:
    """A picture of one of `MODES` by the bits that are used: 12 of 16 are not a night photo. One of floats that are
    nowhere above 1 is taken as from 0 to 1.

    Raises:
        ValueError: its values are no shades of grey: why, a clause.
    """
    values = np.asarray(image, dtype=np.float64)
    least, most = float(values.min()), float(values.max())
    if not np.isfinite([least, most]).all():
        raise ValueError("it has pixels that are NaN or infinite")
    if image.mode == "F" and most <= 1.0:
        top = 1.0
    else:
        top = next((2.0**bits - 1 for bits in _DEPTHS if most < 2**bits), 0.0)
    if not top or least < 0:
        raise ValueError(f"its values lie between {least:.6g} and {most:.6g}, which are no shades of grey")
    return Image.fromarray((values * (255.0 / top) + 0.5).astype(np.uint8))
