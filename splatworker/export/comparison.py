"""Photos beside what the splat shows of them: scores, and where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from splatworker.errors import InvalidScene
from splatworker.export.orient import quarter_turns
from splatworker.export.pictures import Picture, SplatRenderer, to_picture
from splatworker.formats.scene import Photo
from splatworker.formats.scene_photo import FORMATS
from splatworker.machine.limits import available_cpus
from splatworker.render.metrics import psnr

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
        psnr, ssim: in dB, and in [0, 1], of the whole picture as drawn here.
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
    """
    size = (photo.camera.width, photo.camera.height)
    try:
        with Image.open(photo.path, formats=FORMATS) as image:
            shown = image.convert("RGBA" if image.has_transparency_data else "RGB")
        if shown.mode == "RGBA":
            below = Image.new("RGBA", shown.size, (*(round(255 * part) for part in background), 255))
            shown = Image.alpha_composite(below, shown).convert("RGB")
        return np.array(shown.resize(size, Image.Resampling.BOX))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidScene(f"The scene's photo {photo.name} cannot be read: {error}.", stage="export") from error


def shown_of(splat_renderer: SplatRenderer, photo: Photo, alone: bool) -> Picture:
    """The photo as the splat should show it; of an object alone, what lies where the object is, on its background."""
    background = splat_renderer.background.tolist()
    pixels = read_photo(photo, background)
    if not alone:
        return pixels
    covered = splat_renderer.covered(photo.camera).cpu().numpy()[..., None]
    plain = 255 * np.array(background, np.float32)
    return np.asarray(np.rint(covered * pixels + (1 - covered) * plain).astype(np.uint8))


def compare(
    splat_renderer: SplatRenderer, photos: Sequence[Photo], held_out: set[str], alone: bool = False
) -> list[Comparison]:
    """Draw every photo's view and compare it, worst first; cameras are of an upright scene, at the size to compare.

    Args:
        alone: the splat is an object alone, and the photos are compared where it is.
    """
    with ThreadPoolExecutor(min(AT_ONCE, available_cpus())) as pool:  # all but drawing takes longer than drawing
        found = list(pool.map(lambda photo: _compared(splat_renderer, photo, photo.name in held_out, alone), photos))
    return sorted(found, key=lambda comparison: comparison.psnr)


def _compared(splat_renderer: SplatRenderer, photo: Photo, held_out: bool, alone: bool) -> Comparison:
    pixels = shown_of(splat_renderer, photo, alone)
    truth, drawn = _on_device(splat_renderer, pixels), splat_renderer.image(photo.camera)
    ssim = round(splat_renderer.ssim(drawn, truth), 4)
    error = (drawn - truth.to(drawn.dtype) / 255).abs().mean(dim=0).cpu().numpy()
    turns = quarter_turns(photo.camera)
    pictures = (np.rot90(picture, turns) for picture in (pixels, to_picture(drawn), error_map(error)))
    return Comparison(photo.name, held_out, round(psnr(drawn, truth), 3), ssim, *pictures)


def best_shown(splat_renderer: SplatRenderer, photos: Sequence[Photo], alone: bool = False) -> Photo:
    """The photo whose view the splat shows best."""
    with ThreadPoolExecutor(available_cpus()) as pool:
        decoded = pool.map(lambda photo: shown_of(splat_renderer, photo, alone), photos)
        scores = [
            psnr(splat_renderer.image(photo.camera), _on_device(splat_renderer, pixels))
            for photo, pixels in zip(photos, decoded, strict=True)
        ]
    return photos[int(np.argmax(scores))]


def _on_device(splat_renderer: SplatRenderer, pixels: Picture) -> torch.Tensor:
    """A photo as a (3, H, W) uint8 tensor where the splat is drawn."""
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy()).to(splat_renderer.renderer.device)


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
        cameras = json.loads((model / "cameras.json").read_text(encoding="utf-8"))
        return max(max(int(camera["width"]), int(camera["height"])) for camera in cameras)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0
