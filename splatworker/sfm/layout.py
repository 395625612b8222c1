"""The photos as COLMAP gets them: by alias in one folder, and shrunk once where they are larger than any step needs.

Photos of a phone have 12 million pixels, of which features use two and a preview a third of one. COLMAP would decode
all of them three times: for features, for colours of points, for undistortion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from splatworker.sfm.database import alias
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import Photo
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench

_WORTHWHILE = 1.25
"""Photos larger than needed by less than this factor are left as they are."""

_JPEG_QUALITY = 95


def lay_out(photos: Sequence[Photo], images: Path, bench: Workbench, span: Span) -> list[Photo]:
    """Fill the folder `bench.photos` with a link to each photo or a smaller copy with its EXIF; the photos as they lie.

    A copy is large enough for features and for what is written in the end. Where that is the photos' own size
    (`undistort_max_size` 0), all are links.
    """
    bench.photos.mkdir()
    laid: list[Photo] = []
    with ThreadPoolExecutor(bench.threads) as pool:
        jobs = [
            pool.submit(_lay, photo, images / photo.name, bench.photos / alias(image_id, photo), bench)
            for image_id, photo in enumerate(photos, 1)
        ]
        for job in jobs:
            laid.append(job.result())
            span.report(len(laid), len(jobs))
    return laid


def stays_as_it_is(photo: Photo, options: SfmOptions) -> bool:
    """Whether COLMAP gets the photo itself, and not a smaller copy."""
    needed = _needed(options)
    return not needed or max(photo.width, photo.height) < _WORTHWHILE * needed


def _needed(options: SfmOptions) -> int:
    """The longest side in pixels that any step looks at; 0: whatever the photo has."""
    return max(options.max_image_size, options.undistort_max_size) if options.undistort_max_size else 0


def _lay(photo: Photo, source: Path, target: Path, bench: Workbench) -> Photo:
    bench.cancellation.check()
    if stays_as_it_is(photo, bench.options):
        target.symlink_to(source.resolve())
        return photo
    needed = _needed(bench.options)
    with Image.open(source) as image:
        exif = image.getexif()
        image.draft("RGB", (needed, needed))  # JPEG decodes at a half, a quarter, an eighth for next to nothing
        smaller = image.convert("RGB")
    smaller.thumbnail((needed, needed), Image.Resampling.LANCZOS)
    smaller.save(target, quality=_JPEG_QUALITY, compress_level=1, exif=exif)
    return dataclasses.replace(photo, width=smaller.width, height=smaller.height)
