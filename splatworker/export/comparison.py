"""Photos beside what the splat shows of them: scores, and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.errors import InvalidScene
from splatworker.export.orient import quarter_turns
from splatworker.export.pictures import Picture, SplatRenderer
from splatworker.formats.hidden_parts import hidden_parts, ignored_at, over_colour
from splatworker.formats.masks import NOTHING_HIDDEN
from splatworker.formats.scene import Photo
from splatworker.formats.scene_photo import FORMATS
from splatworker.formats.side_files import json_of
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Array, cast, computable, to_device, to_numpy
from splatworker.render.ignored import alone
from splatworker.render.interface import Ignored
from splatworker.render.metrics import psnr
from splatworker.render.pictures import to_picture

ERROR_FULL_SCALE = 0.25
"""The mean absolute error of a pixel's colours, of the whole range, that an error map paints brightest."""

AT_ONCE = 8
"""Photos that are compared at once at most: each holds its pictures as numbers several times."""

_HEAT = np.array([[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]], np.float64)
"""Black over red to pale yellow, of even lightness: readable by those who see no red, too."""

_SHADES = 4096
"""Colours that are worked out beforehand, so many that neighbours differ by no more than a step of a byte."""


@dataclass(frozen=True)
class Comparison:
    """One photo's scores and pictures.

    Attributes:
        name: the photo's.
        held_out: whether the splat has never seen it.
        psnr, ssim: in dB, and in [0, 1], of the whole picture as drawn here, less what is ignored of the photo.
        photo, drawn, error: the photo, the splat at its camera, and the error map, all turned upright.
    """

    name: str
    held_out: bool
    psnr: float
    ssim: float
    photo: Picture
    drawn: Picture
    error: Picture


def read_photo(photo: Photo, background: Sequence[float] = (0.0, 0.0, 0.0)) -> Picture:
    """The photo's pixels at its camera's size, on a colour in [0, 1] where it is transparent.

    Raises:
        InvalidScene: it cannot be read.
        InvalidMasks: its mask cannot be used.
    """
    red, green, blue = (round(255 * part) for part in background)
    with _opened(photo) as image:
        hidden = hidden_parts(photo, image) if photo.mask or image.has_transparency_data else NOTHING_HIDDEN
        shown = over_colour(image, hidden, (red, green, blue))
        return np.array(shown.resize((photo.camera.width, photo.camera.height), Image.Resampling.BOX))


def read_ignored(photo: Photo) -> npt.NDArray[np.uint8] | None:
    """(H, W) bytes at the photo's camera's size that are not 0 where it is ignored; None where all of it counts.

    Only a photo that may have such pixels is opened. Raises as `read_photo`.
    """
    if photo.mask is None and photo.rules.mode != "ignore":
        return None
    with _opened(photo) as image:
        return ignored_at(hidden_parts(photo, image), (photo.camera.width, photo.camera.height))


@contextmanager
def _opened(photo: Photo) -> Iterator[Image.Image]:
    try:
        with Image.open(photo.path, formats=FORMATS) as image:
            yield image
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidScene(f"The scene's photo {photo.name} cannot be read: {error}.", stage="export") from error


def shown_of(splat_renderer: SplatRenderer, photo: Photo, cut_out: bool) -> Picture:
    """The photo as the splat should show it; of an object alone, what lies where the object is, on its background."""
    background = splat_renderer.background.tolist()
    pixels = read_photo(photo, background)
    if not cut_out:
        return pixels
    covered = to_numpy(splat_renderer.covered(photo.camera))[..., None]
    plain = 255 * np.array(background, np.float32)
    return np.asarray(np.rint(covered * pixels + (1 - covered) * plain).astype(np.uint8))


def compare(
    splat_renderer: SplatRenderer, photos: Sequence[Photo], held_out: set[str], cut_out: bool = False
) -> list[Comparison]:
    """Draw every photo's view and compare it, worst first; cameras are of an upright scene, at the size to compare.

    Args:
        cut_out: the splat is an object alone, and the photos are compared where it is.
    """
    with ThreadPoolExecutor(min(AT_ONCE, available_cpus())) as pool:  # all but drawing takes longer than drawing
        found = list(pool.map(lambda photo: _compared(splat_renderer, photo, photo.name in held_out, cut_out), photos))
    return sorted(found, key=lambda comparison: comparison.psnr)


def _compared(splat_renderer: SplatRenderer, photo: Photo, held_out: bool, cut_out: bool) -> Comparison:
    pixels, ignored = shown_of(splat_renderer, photo, cut_out), read_ignored(photo)
    truth, drawn = _on_device(splat_renderer, pixels), splat_renderer.image(photo.camera)
    hole = None if ignored is None else alone(Ignored(to_device(ignored, splat_renderer.renderer.device)))
    ssim = round(splat_renderer.ssim(drawn, truth, hole), 4)
    here = computable(drawn)
    error = to_numpy(abs(here - cast(computable(truth), here.dtype) / 255).mean(axis=0))
    if ignored is not None:
        error[ignored != 0] = 0
    turns = quarter_turns(photo.camera)
    pictures = (np.rot90(picture, turns) for picture in (pixels, to_picture(drawn), error_map(error)))
    score = round(psnr(drawn, truth, None if hole is None else hole.pixels), 3)
    return Comparison(photo.name, held_out, score, ssim, *pictures)


def best_shown(splat_renderer: SplatRenderer, photos: Sequence[Photo], cut_out: bool = False) -> Photo:
    """The photo whose view the splat shows best."""
    with ThreadPoolExecutor(available_cpus()) as pool:
        decoded = pool.map(lambda photo: shown_of(splat_renderer, photo, cut_out), photos)
        scores = [
            psnr(splat_renderer.image(photo.camera), _on_device(splat_renderer, pixels), read_ignored(photo))
            for photo, pixels in zip(photos, decoded, strict=True)
        ]
    return photos[int(np.argmax(scores))]


def _on_device(splat_renderer: SplatRenderer, pixels: Picture) -> Array:
    """A photo as (3, H, W) uint8 where the splat is drawn."""
    return to_device(pixels.transpose(2, 0, 1).copy(), splat_renderer.renderer.device)


def error_map(error: npt.NDArray[np.float32]) -> Picture:
    """(H, W, 3) colours of (H, W) errors."""
    shade = np.clip(error * np.float32((_SHADES - 1) / ERROR_FULL_SCALE) + np.float32(0.5), 0, _SHADES - 1)
    return np.asarray(_shades()[shade.astype(np.uint16)])


@cache
def _shades() -> Picture:
    """(_SHADES, 3) the colours from no error to the full scale."""
    place, known = np.linspace(0, len(_HEAT) - 1, _SHADES), np.arange(len(_HEAT))
    return np.stack([np.rint(np.interp(place, known, channel)) for channel in _HEAT.T], axis=1).astype(np.uint8)


def trained_size(model: Path) -> int:
    """The longest side that a model folder's photos were trained at, in pixels; 0 where it does not say."""
    try:
        return max(max(int(camera["width"]), int(camera["height"])) for camera in json_of(model / "cameras.json"))
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0
