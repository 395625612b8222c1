"""Near-duplicates: frames of a video, bursts. In plenty they cost time and give nothing, so some are left out.

Two photos in a row are near-duplicates when their thumbnails correlate above `NEARLY_SAME`. Measured on six sets: a
shift by a hundredth of the width leaves 0.90 to 0.98, photos that people took one after the other 0.98 at most and
0.2 to 0.8 in the median.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.sfm.photo import FORMATS, PhotoHeader

PLENTY = 150
"""Photos are left out only down to this number."""

NEARLY_SAME = 0.97

_SIDE = 64


def find_near_duplicates(photos: Sequence[PhotoHeader], folder: Path, plenty: int = PLENTY) -> dict[str, str]:
    """Photos to leave out, by name, each with the name of the photo before it that stays and shows the same.

    `photos` are in capture order. The most redundant one goes first, until `plenty` remain or no photo nearly
    repeats the one before it.
    """
    if len(photos) <= plenty:
        return {}
    thumbnails = np.stack([_thumbnail(photo.within(folder)) for photo in photos])
    kept = list(range(len(photos)))
    left_out = set()
    likeness = [-1.0, *(float(a @ b) for a, b in zip(thumbnails[1:], thumbnails, strict=False))]
    while len(kept) > plenty and max(likeness) > NEARLY_SAME:
        at = int(np.argmax(likeness))
        left_out.add(kept[at])
        del kept[at], likeness[at]
        if at < len(kept):
            likeness[at] = float(thumbnails[kept[at]] @ thumbnails[kept[at - 1]])
    before = {number: max(other for other in kept if other < number) for number in left_out}
    return {photos[number].name: photos[before[number]].name for number in sorted(left_out)}


def _thumbnail(path: Path) -> npt.NDArray[np.float32]:
    """A small grey picture as a vector without mean, of unit length."""
    with Image.open(path, formats=FORMATS) as image:
        image.draft("L", (2 * _SIDE, 2 * _SIDE))
        small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float32).ravel()
    pixels = pixels - pixels.mean()
    return np.asarray(pixels / max(float(np.linalg.norm(pixels)), 1e-6))
