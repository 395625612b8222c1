"""Photos as arrays: decoded once, shrunk to the training size, kept as bytes on the training device.

A photo takes 3 bytes a pixel there: 100 photos of 1600 x 1200 are 550 MB. A set that takes more of a GPU's memory than
its share stays in the machine's memory, from where an iteration fetches its photo.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from splatworker.errors import InvalidScene
from splatworker.formats.hidden_parts import hidden_parts, ignored_at, over_colour
from splatworker.formats.pixels import decode_in_one_piece, planes_of
from splatworker.formats.scene import Photo, image_size
from splatworker.formats.scene_photo import FORMATS
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import (
    Device,
    fill,
    to_device,
    to_host,
)
from splatworker.render.device import free_memory
from splatworker.render.interface import Ignored, View
from splatworker.train.options import Options
from splatworker.train.views import Views, weighted

PHOTOS_SHARE = 1 / 3
"""Of a GPU's free memory, for photos; the rest is for Gaussians."""

_Bytes = npt.NDArray[np.uint8]

_DRAFT_FACTOR = 2
"""A JPEG is decoded at no less than this multiple of the wanted size, so that shrinking still averages."""


def load_views(
    photos: list[Photo],
    options: Options,
    device: Device,
    loaded: Callable[[int], None] = lambda count: None,
    budget: int | None = None,
    decoded: deque[Future[Decoded]] | None = None,
) -> Views:
    """The photos with their cameras at the training size, in the order given.

    Args:
        photos, options: which, and how large.
        device: where they are needed.
        loaded: hears how many are there.
        budget: bytes that they may take on the device; None for `PHOTOS_SHARE` of what is free on a GPU.
        decoded: what `decode_soon` has begun of them, taken out one by one, so that memory has them once; None: it is
            done now.

    Raises:
        InvalidScene: a photo cannot be decoded, or is not of its camera's shape.
        InvalidMasks: a photo's mask cannot be used.
    """
    if decoded is None:
        with ThreadPoolExecutor(available_cpus()) as pool:
            return load_views(photos, options, device, loaded, budget, decode_soon(photos, options, pool))
    views: list[View] = []
    holes = []
    sizes = [image_size(photo.camera, options.resolution) for photo in photos]
    streams = _bytes_of(sizes, options) > (_photo_budget(device) if budget is None else budget)
    for photo, (width, height) in zip(photos, sizes, strict=True):
        array, hole, mask = decoded.popleft().result()
        holes.append(None if hole is None else to_device(hole, device))
        ignored = None if mask is None else Ignored(to_device(mask, device))
        if mask is not None:
            fill(array, mask != 0, 0)
        placed = to_host(array, device) if streams else to_device(array, device)
        views.append(View(photo.camera.resized(width, height), placed, ignored))
        loaded(len(views))
    views = weighted(views)
    return Views(views, device if streams else None, holes, _background(options))


class Decoded(NamedTuple):
    """(3, H, W) bytes of a photo at the training size; (H, W) where nothing is, and where it is ignored, or None."""

    pixels: _Bytes
    hole: _Bytes | None
    ignored: _Bytes | None


def decode_soon(
    photos: list[Photo],
    options: Options,
    pool: ThreadPoolExecutor,
    look: Callable[[Photo, _Bytes], None] = lambda photo, pixels: None,
) -> deque[Future[Decoded]]:
    """The photos, decoded by a pool's threads, in the order given.

    Args:
        look: is shown each photo's pixels, by the thread that decoded it.

    Raises (from the results):
        InvalidScene, InvalidMasks: as `load_photo` and `load_hidden`.
    """
    background = _background(options)

    def decoded(photo: Photo) -> Decoded:
        size = image_size(photo.camera, options.resolution)
        pixels = load_photo(photo, size, background)
        hidden = load_hidden(photo, size)
        look(photo, pixels)
        return Decoded(pixels, *hidden)

    return deque(pool.submit(decoded, photo) for photo in photos)


def _background(options: Options) -> int:
    """The grey that photos lie on where they are transparent."""
    return 255 if options.white_background else 0


def _bytes_of(sizes: list[tuple[int, int]], options: Options) -> float:
    """What photos of these sizes take, and if there are coarse iterations their halves and quarters, too."""
    pyramid = 1 + 1 / 4 + 1 / 16 if options.coarse_iterations else 1
    return pyramid * sum(3 * width * height for width, height in sizes)


def _photo_budget(device: Device) -> float:
    free = free_memory(device)
    return float("inf") if free is None else PHOTOS_SHARE * free


def load_photo(photo: Photo, size: tuple[int, int], background: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(3, H, W) RGB bytes of a photo shrunk to `size` (width, height) by area; transparency is laid over a grey.

    Raises:
        InvalidScene: the photo cannot be decoded, or its shape is not its camera's.
    """
    try:
        with Image.open(photo.path, formats=FORMATS) as image:
            if image.size != (photo.camera.width, photo.camera.height):
                raise InvalidScene(
                    f"The photo {photo.name} is {image.width}x{image.height}, "
                    f"but its camera {photo.camera.width}x{photo.camera.height}."
                )
            decode_in_one_piece(image, photo.path)
            image.draft("RGB", (_DRAFT_FACTOR * size[0], _DRAFT_FACTOR * size[1]))
            picture = over_colour(image, hidden_parts(photo, image), (background, background, background))
            if picture.size != size:
                picture = picture.resize(size, Image.Resampling.BOX)
            return planes_of(picture)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InvalidScene(f"The photo {photo.name} cannot be decoded ({error}).") from error


def load_hidden(photo: Photo, size: tuple[int, int]) -> tuple[_Bytes | None, _Bytes | None]:
    """What is hidden of a photo, (H, W) uint8 at `size` (width, height) each, or None where it is so nowhere.

    Returns:
        255 where nothing is, as its alpha or a cutout says; 255 where the photo is ignored.

    Raises:
        InvalidScene: the photo cannot be decoded.
        InvalidMasks: its mask cannot be used.
    """
    try:
        with Image.open(photo.path, formats=FORMATS) as image:
            if photo.mask is None and not image.has_transparency_data:
                return None, None
            hidden = hidden_parts(photo, image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InvalidScene(f"The photo {photo.name} cannot be decoded ({error}).") from error
    ignored = ignored_at(hidden, size)
    if hidden.alpha is None:
        return None, ignored
    hole = 255 - np.asarray(hidden.alpha.resize(size, Image.Resampling.BOX))
    return (hole if hole.any() else None), ignored
