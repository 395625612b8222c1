"""Features of a photo's file: what `extraction` writes to COLMAP's database, which is not known here.

So they can be found in the first photos while COLMAP, which takes some tenths of a second, is still being loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.formats.pixels import decode_in_one_piece, pixels_of
from splatworker.sfm.accelerator import NONE, Accelerator
from splatworker.sfm.photo import FORMATS
from splatworker.sfm.sift import Features, grey_of, sift, sift_on_gpu

Grey = npt.NDArray[np.uint8]

QUICK_LONGEST, QUICK_MOST = 1000, 4096
"""Pixels of a photo's longer side, and features, of the first look (`features.FAST`)."""

AS_COLMAP_COUNTS = 1.5
"""Our kernel is asked for so many times as many features, and keeps to the number. COLMAP counts places, each of one or
two features, and keeps the whole level of the last: for photos of banana 1.1 times what was asked for on the fast look,
1.56 times on the fine one."""

_MOST_AHEAD = 64
"""Photos looked at ahead: as many as threads can in the time that there is, and few enough to keep what was found."""


def features_of(
    photo: Path, mask: Path, longest: int, first_octave: int, most: int, accelerator: Accelerator = NONE
) -> Features | None:
    """Features of a photo in its own pixels, less those that its mask hides; None if it cannot be read."""
    found = find(photo, longest, first_octave, most, accelerator)
    return found and without_hidden(found, mask)


def find(photo: Path, longest: int, first_octave: int, most: int, accelerator: Accelerator = NONE) -> Features | None:
    """Features of a photo in its own pixels; None if it cannot be read."""
    try:
        grey, (width, height) = read_grey(photo, longest)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    found = accelerator.work("features", lambda: sift_on_gpu(grey, first_octave, most))
    found = found or sift(grey, first_octave, most)
    found.keypoints[:, 0] *= np.float32(width / grey.shape[1])
    found.keypoints[:, 1] *= np.float32(height / grey.shape[0])
    found.keypoints[:, 2] *= np.float32(max(width, height) / max(grey.shape))
    return found


def without_hidden(found: Features, mask: Path) -> Features:
    """Features less those that a mask hides, if there is one."""
    if not mask.exists():
        return found
    with Image.open(mask, formats=FORMATS) as opened:
        kept = np.asarray(opened.convert("L"))
    column, row = (found.keypoints[:, axis].astype(int).clip(0, kept.shape[1 - axis] - 1) for axis in (0, 1))
    shown = kept[row, column] > 0
    return Features(found.keypoints[shown], found.descriptors[shown])


def read_grey(path: Path, longest: int) -> tuple[Grey, tuple[int, int]]:
    """A photo's grey, shrunk if its longer side is above `longest`, and its own width and height.

    A JPEG is decoded to a half or a quarter of its size where that is enough.
    """
    with Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        share = min(1.0, longest / max(width, height))
        size = max(1, int(width * share)), max(1, int(height * share))
        image.draft("RGB", size)
        decode_in_one_piece(image, path)
        if image.mode.startswith("I"):  # of 16 bits, which Pillow would cut off above 255
            grey = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
        elif image.mode == "L":
            grey = image.copy()
        else:
            grey = Image.fromarray(grey_of(pixels_of(image if image.mode == "RGB" else image.convert("RGB"))))
    if grey.size != size:
        scale = max(1, round(width / grey.width))  # of what was decoded; its last pixel may reach beyond the photo
        # In floats, and rounded once: as COLMAP does it. Pillow would round bytes after each direction.
        box = (0, 0, width / scale, height / scale)
        shrunk = np.asarray(grey.convert("F").resize(size, Image.Resampling.BILINEAR, box=box))
        return np.floor(shrunk + np.float32(0.5)).astype(np.uint8), (width, height)
    return np.asarray(grey), (width, height)


class Ahead:
    """Features that are being found before anybody asks for them."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[Path, int, int, int], Future[Features | None]] = {}

    def begin(
        self, photos: Iterable[Path], longest: int, first_octave: int, most: int, threads: int, accelerator: Accelerator
    ) -> None:
        """Begin with the first of these photos."""
        pool = ThreadPoolExecutor(threads)
        for photo, _ in zip(photos, range(_MOST_AHEAD), strict=False):
            job = pool.submit(find, photo, longest, first_octave, most, accelerator)
            self._jobs[photo.resolve(), longest, first_octave, most] = job
        pool.shutdown(wait=False)

    def take(self, photo: Path, longest: int, first_octave: int, most: int) -> Future[Features | None] | None:
        """What was found in a photo in this way, or is about to be; kept no longer."""
        return self._jobs.pop((photo.resolve(), longest, first_octave, most), None)

    def end(self) -> None:
        """Forget what nobody asked for, and begin with no more photos."""
        for job in self._jobs.values():
            job.cancel()
        self._jobs.clear()
