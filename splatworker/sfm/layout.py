"""The photos as COLMAP gets them: by alias in one folder, and shrunk once where they are larger than any step needs.

Photos of a phone have 12 million pixels, of which features use two and a preview a third of one. COLMAP would decode
all of them three times: for features, for colours of points, for undistortion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from splatworker.formats.masks import Hidden, hides_nothing, kept
from splatworker.sfm.cut import cut_view, open_panorama, upright
from splatworker.sfm.database import alias
from splatworker.sfm.masks import hidden, shows_what_is_hidden
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import FORMATS, PhotoHeader
from splatworker.sfm.views import without_tripod
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
    (`undistort_max_size` 0), all are links. Only photos that are partly transparent are copies always, with their alpha
    beside them: as they are where their colours go on below it, and else over black, which features must not see. Views
    of panoramas are cut here, one panorama after the other, as two large ones need not be in memory at once.

    Raises:
        InvalidMasks: a photo's mask is none, or of another shape, or hides everything.
    """
    for folder in (bench.photos, bench.alphas, bench.masks, bench.optional_masks, bench.ignored):
        folder.mkdir()
    laid: list[PhotoHeader] = []
    with ThreadPoolExecutor(bench.threads) as pool:
        targets = {photo.name: bench.photos / alias(image_id, photo) for image_id, photo in enumerate(photos, 1)}
        jobs = {
            photo.name: pool.submit(_lay, photo, photo.within(images), targets[photo.name], bench)
            for photo in photos
            if photo.view is None
        }
        for _, views in groupby((photo for photo in photos if photo.view), lambda photo: photo.panorama):
            jobs |= _lay_views(list(views), images, targets, bench, pool)
            span.report(len(jobs), len(photos))
        for photo in photos:
            laid.append(jobs[photo.name].result())
            span.report(len(laid), len(jobs))
    return laid


def stays_as_it_is(photo: PhotoHeader, options: SfmOptions) -> bool:
    """Whether COLMAP gets the photo itself, and not a copy or views cut out of it."""
    if photo.area is not None:
        return False
    most = needed(options)
    return not photo.has_alpha and (not most or max(photo.width, photo.height) < _WORTHWHILE * most)


def needed(options: SfmOptions) -> int:
    """The longest side in pixels that any step looks at; 0: whatever the photo has."""
    return max(options.max_image_size, options.undistort_max_size) if options.undistort_max_size else 0


def _lay(photo: PhotoHeader, source: Path, target: Path, bench: Workbench) -> PhotoHeader:
    bench.cancellation.check()
    if stays_as_it_is(photo, bench.options):
        target.symlink_to(source.resolve())
        if photo.mask is not None:
            _lay_ignored(hidden(photo, None, (photo.width, photo.height), bench.mask_rules), target, bench)
        return photo
    size = (needed(bench.options) or max(photo.width, photo.height),) * 2
    with Image.open(source, formats=FORMATS) as image:
        exif = image.getexif()
        if photo.has_alpha:
            return _lay_transparent(photo, image, size[0], target, bench, exif)
        image.draft("RGB", size)  # JPEG decodes at a half, a quarter, an eighth for next to nothing
        smaller = image.convert("RGB")
    smaller.thumbnail(size, Image.Resampling.LANCZOS)
    smaller.save(target, quality=_JPEG_QUALITY, compress_level=1, exif=exif)
    if photo.mask is not None:
        _lay_ignored(hidden(photo, None, smaller.size, bench.mask_rules), target, bench)
    return dataclasses.replace(photo, width=smaller.width, height=smaller.height)


def _lay_views(
    views: Sequence[PhotoHeader],
    images: Path,
    targets: Mapping[str, Path],
    bench: Workbench,
    pool: ThreadPoolExecutor,
) -> dict[str, Future[PhotoHeader]]:
    """Cut the views of one panorama; they are done when this returns."""
    bench.cancellation.check()
    panorama = open_panorama(views[0].within(images), views[0]).copy()
    own = Image.fromarray(panorama[:, :, 3]) if panorama[:, :, 3].min() < 255 else None
    size = panorama.shape[1], panorama.shape[0]
    lies = views[0].upright_by
    whole = dataclasses.replace(views[0], width=size[0], height=size[1], orientation=lies)  # masks are of its shape
    parts = hidden(whole, own, size, bench.mask_rules)
    panorama[:, :, 3] = 255 if parts.alpha is None else np.asarray(parts.alpha)
    panorama = upright(panorama, lies)
    counts = None if parts.counts is None else upright(np.repeat(np.asarray(parts.counts)[:, :, None], 4, axis=2), lies)

    def cut(photo: PhotoHeader) -> PhotoHeader:
        bench.cancellation.check()
        assert photo.area is not None
        assert photo.view is not None
        rgba = Image.fromarray(cut_view(panorama, photo.area, photo.view), "RGBA")
        kept_of_view = None
        if counts is not None:
            kept_of_view = kept(Image.fromarray(cut_view(counts, photo.area, photo.view)[:, :, 0].copy()))
        return _lay_view(photo, rgba, kept_of_view, targets[photo.name], bench)

    jobs = {photo.name: pool.submit(cut, photo) for photo in views}
    wait(jobs.values())
    return jobs


def _lay_view(
    photo: PhotoHeader, rgba: Image.Image, counts: Image.Image | None, target: Path, bench: Workbench
) -> PhotoHeader:
    """A view over black where a part of its panorama is transparent; what counts of it, and where features may be."""
    assert photo.view is not None
    alpha, tripod = rgba.getchannel("A"), without_tripod(photo.view)
    never: list[Image.Image] = []  # shows a place: the tripod comes along, and what is cut out is not there
    if is_cut := not hides_nothing(alpha):
        alpha.save(bench.alphas / target.name, "PNG", compress_level=1)
        rgba = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
        never.append(_inside(alpha))
    if counts is not None and not hides_nothing(counts):
        _inside(counts).save(bench.optional_masks / f"{target.name}.png", compress_level=1)
    if tripod is not None:
        never.append(Image.fromarray(tripod))
        counts = never[-1] if counts is None else ImageChops.darker(counts, never[-1])
    if counts is not None and not hides_nothing(counts):
        counts.save(bench.ignored / target.name, "PNG", compress_level=1)
    if never:
        mask = never[0] if len(never) == 1 else ImageChops.darker(*never)
        mask.save(bench.masks / f"{target.name}.png", compress_level=1)
    rgba.convert("RGB").save(target, quality=_JPEG_QUALITY, subsampling=0, compress_level=1)
    return dataclasses.replace(photo, has_alpha=is_cut)


def _lay_transparent(
    photo: PhotoHeader, image: Image.Image, needed: int, target: Path, bench: Workbench, exif: Image.Exif
) -> PhotoHeader:
    """The photo as it is and its alpha; or over black, its colours times its alpha: so both can be undistorted."""
    rgba, own = image.convert("RGBA"), image.has_transparency_data
    is_whole = not own or shows_what_is_hidden(rgba)
    alpha = rgba.getchannel("A")
    alpha.thumbnail((needed, needed), Image.Resampling.LANCZOS)
    parts = hidden(photo, alpha if own else None, alpha.size, bench.mask_rules)
    if is_whole:
        smaller = rgba.convert("RGB")
        smaller.thumbnail((needed, needed), Image.Resampling.LANCZOS)
    else:
        rgba.thumbnail((needed, needed), Image.Resampling.LANCZOS)
        if parts.alpha is not None:
            rgba.putalpha(parts.alpha)
        smaller = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba).convert("RGB")
    smaller.save(target, compress_level=1, exif=exif)
    if parts.alpha is not None:
        parts.alpha.save(bench.alphas / target.name, compress_level=1)
        folder = bench.optional_masks if is_whole else bench.masks
        _inside(parts.alpha).save(folder / f"{target.name}.png", compress_level=1)
    elif own and not is_whole and parts.counts is not None:
        _inside(alpha).save(bench.masks / f"{target.name}.png", compress_level=1)
    _lay_ignored(parts, target, bench)
    return dataclasses.replace(photo, width=smaller.width, height=smaller.height, has_alpha=parts.alpha is not None)


def _lay_ignored(parts: Hidden, target: Path, bench: Workbench) -> None:
    """What does not count of the photo, beside it."""
    if parts.counts is None:
        return
    parts.counts.save(bench.ignored / target.name, "PNG", compress_level=1)
    place = bench.optional_masks / f"{target.name}.png"
    inside = _inside(parts.counts)
    if place.exists():
        with Image.open(place, formats=FORMATS) as other:
            inside = ImageChops.darker(inside, other.convert("L"))
    inside.save(place, compress_level=1)


def _inside(alpha: Image.Image) -> Image.Image:
    """White where features may be: inside of what is opaque, and not at its edge."""
    opaque = alpha.point(lambda value: 255 if value >= _OPAQUE else 0)
    margin = 2 * round(_MARGIN * max(alpha.size) / 2) + 1
    return opaque.filter(ImageFilter.MinFilter(max(3, margin)))
