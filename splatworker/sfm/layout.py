"""The photos as COLMAP gets them: by alias in one folder, and shrunk once where they are larger than any step needs.

Photos of a phone have 12 million pixels, of which features use two and a preview a third of one. COLMAP would decode
all of them three times: for features, for colours of points, for undistortion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageFilter

from splatworker.sfm.database import alias
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import FORMATS, PhotoHeader
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench

_WORTHWHILE = 1.25
"""Photos larger than needed by less than this factor are left as they are."""

_JPEG_QUALITY = 95

_OPAQUE = 250
"""From this alpha on a pixel shows the subject alone."""

_MARGIN = 0.008
"""Features closer than half of this to what is transparent, as a share of the longer side, are those of the cut."""


def lay_out(photos: Sequence[PhotoHeader], images: Path, bench: Workbench, span: Span) -> list[PhotoHeader]:
    """Fill the folder `bench.photos` with a link to each photo or a smaller copy with its EXIF; the photos as they lie.

    A copy is large enough for features and for what is written in the end. Where that is the photos' own size
    (`undistort_max_size` 0), all are links. Only photos that are partly transparent are copies always: laid over black,
    with their alpha and a mask beside them.
    """
    for folder in (bench.photos, bench.alphas, bench.masks):
        folder.mkdir()
    laid: list[PhotoHeader] = []
    with ThreadPoolExecutor(bench.threads) as pool:
        jobs = [
            pool.submit(_lay, photo, photo.within(images), bench.photos / alias(image_id, photo), bench)
            for image_id, photo in enumerate(photos, 1)
        ]
        for job in jobs:
            laid.append(job.result())
            span.report(len(laid), len(jobs))
    return laid


def stays_as_it_is(photo: PhotoHeader, options: SfmOptions) -> bool:
    """Whether COLMAP gets the photo itself, and not a copy."""
    needed = _needed(options)
    return not photo.has_alpha and (not needed or max(photo.width, photo.height) < _WORTHWHILE * needed)


def _needed(options: SfmOptions) -> int:
    """The longest side in pixels that any step looks at; 0: whatever the photo has."""
    return max(options.max_image_size, options.undistort_max_size) if options.undistort_max_size else 0


def _lay(photo: PhotoHeader, source: Path, target: Path, bench: Workbench) -> PhotoHeader:
    bench.cancellation.check()
    if stays_as_it_is(photo, bench.options):
        target.symlink_to(source.resolve())
        return photo
    needed = _needed(bench.options) or max(photo.width, photo.height)
    with Image.open(source, formats=FORMATS) as image:
        exif = image.getexif()
        if photo.has_alpha:
            rgba = image.convert("RGBA")
            rgba.thumbnail((needed, needed), Image.Resampling.LANCZOS)
            return _lay_transparent(photo, rgba, target, bench, exif)
        image.draft("RGB", (needed, needed))  # JPEG decodes at a half, a quarter, an eighth for next to nothing
        smaller = image.convert("RGB")
    smaller.thumbnail((needed, needed), Image.Resampling.LANCZOS)
    smaller.save(target, quality=_JPEG_QUALITY, compress_level=1, exif=exif)
    return dataclasses.replace(photo, width=smaller.width, height=smaller.height)


def _lay_transparent(
    photo: PhotoHeader, rgba: Image.Image, target: Path, bench: Workbench, exif: Image.Exif
) -> PhotoHeader:
    """The photo over black: its colours times its alpha, which is how both can be undistorted."""
    alpha = rgba.getchannel("A")
    least, _ = alpha.getextrema()
    black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
    Image.alpha_composite(black, rgba).convert("RGB").save(target, compress_level=1, exif=exif)
    is_opaque = float(least) == 255  # type: ignore[arg-type]
    if not is_opaque:
        alpha.save(bench.alphas / target.name, compress_level=1)
        inside = alpha.point(lambda value: 255 if value >= _OPAQUE else 0)
        margin = 2 * round(_MARGIN * max(rgba.size) / 2) + 1
        inside.filter(ImageFilter.MinFilter(max(3, margin))).save(bench.masks / f"{target.name}.png", compress_level=1)
    return dataclasses.replace(photo, width=rgba.width, height=rgba.height, has_alpha=not is_opaque)
