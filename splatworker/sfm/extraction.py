"""Features by our own kernel, written where COLMAP looks for them: one photo a thread, in grey."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.sfm.accelerator import NONE, Accelerator
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import FORMATS
from splatworker.sfm.sift import Features, grey_of, sift, sift_on_gpu
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench

Grey = npt.NDArray[np.uint8]


def extract(
    bench: Workbench, images: Sequence[pycolmap.Image], longest: int, first_octave: int, most: int, span: Span
) -> None:
    """Find the features of images of the bench's database, shrunk to their `longest` side, and write them to it.

    A photo that Pillow cannot read to its end is left without: COLMAP may take what there is of it.
    """

    def find(name: str) -> Features | None:
        bench.cancellation.check()
        photo, mask = bench.photos / name, bench.masks / f"{name}.png"
        return features_of(photo, mask, longest, first_octave, most, bench.accelerator)

    with pycolmap.Database.open(bench.database) as opened, ThreadPoolExecutor(bench.threads) as pool:
        jobs = [pool.submit(find, image.name) for image in images]
        try:
            for done, (image, job) in enumerate(zip(images, jobs, strict=True), 1):
                bench.cancellation.check()
                if (found := job.result()) is not None:
                    write(opened, image.image_id, found)
                span.report(done, len(images))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def features_of(
    photo: Path, mask: Path, longest: int, first_octave: int, most: int, accelerator: Accelerator = NONE
) -> Features | None:
    """Features of a photo in its own pixels, less those that its mask hides; None if it cannot be read."""
    try:
        grey, (width, height) = read_grey(photo, longest)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    found = accelerator.work("features", lambda: sift_on_gpu(grey, first_octave, most))
    found = found or sift(grey, first_octave, most)
    found.keypoints[:, 0] *= np.float32(width / grey.shape[1])
    found.keypoints[:, 1] *= np.float32(height / grey.shape[0])
    found.keypoints[:, 2] *= np.float32(max(width, height) / max(grey.shape))
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
        if image.mode.startswith("I"):  # of 16 bits, which Pillow would cut off above 255
            grey = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
        elif image.mode == "L":
            grey = image.copy()
        else:
            grey = Image.fromarray(grey_of(np.asarray(image.convert("RGB"))))
    if grey.size != size:
        scale = max(1, round(width / grey.width))  # of what was decoded; its last pixel may reach beyond the photo
        # In floats, and rounded once: as COLMAP does it. Pillow would round bytes after each direction.
        box = (0, 0, width / scale, height / scale)
        shrunk = np.asarray(grey.convert("F").resize(size, Image.Resampling.BILINEAR, box=box))
        return np.floor(shrunk + np.float32(0.5)).astype(np.uint8), (width, height)
    return np.asarray(grey), (width, height)


def write(database: pycolmap.Database, image_id: int, found: Features) -> None:
    """Enter features of an image: places as COLMAP has them, and the affine frame of each, a turn and a scale."""
    x, y, scale, cosine, sine = found.keypoints.T
    frame = (scale * cosine, -(scale * sine), scale * sine, scale * cosine)
    database.write_keypoints(image_id, np.ascontiguousarray(np.stack([x, y, *frame], axis=1)))
    kind = pycolmap.FeatureExtractorType.SIFT
    database.write_descriptors(image_id, pycolmap.FeatureDescriptors(kind, found.descriptors))
