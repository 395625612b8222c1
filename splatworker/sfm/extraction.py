"""Features by our own kernel, written where COLMAP looks for them: one photo a thread, in grey."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from splatworker.sfm import photo_features
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.sift import Features
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench


def extract(
    bench: Workbench, images: Sequence[pycolmap.Image], longest: int, first_octave: int, most: int, span: Span
) -> None:
    """Find the features of images of the bench's database, shrunk to their `longest` side, and write them to it.

    A photo that Pillow cannot read to its end is left without: COLMAP may take what there is of it.
    """

    def find(name: str) -> Features | None:
        bench.cancellation.check()
        photo, mask = bench.photos / name, bench.masks / f"{name}.png"
        if ahead := bench.ahead.take(photo, longest, first_octave, most):
            found = ahead.result()
            return found and photo_features.without_hidden(found, mask)
        return photo_features.features_of(photo, mask, longest, first_octave, most, bench.accelerator)

    with (
        pycolmap.Database.open(bench.database) as opened,
        ThreadPoolExecutor(bench.threads) as pool,
        pycolmap.DatabaseTransaction(opened),
    ):
        jobs = [pool.submit(find, image.name) for image in images]
        try:
            for done, (image, job) in enumerate(zip(images, jobs, strict=True), 1):
                bench.cancellation.check()
                if (found := job.result()) is not None:
                    write(opened, image.image_id, found)
                span.report(done, len(images))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def write(database: pycolmap.Database, image_id: int, found: Features) -> None:
    """Enter features of an image: places as COLMAP has them, and the affine frame of each, a turn and a scale."""
    x, y, scale, cosine, sine = found.keypoints.T
    frame = (scale * cosine, -(scale * sine), scale * sine, scale * cosine)
    database.write_keypoints(image_id, np.ascontiguousarray(np.stack([x, y, *frame], axis=1)))
    kind = pycolmap.FeatureExtractorType.SIFT
    database.write_descriptors(image_id, pycolmap.FeatureDescriptors(kind, found.descriptors))
