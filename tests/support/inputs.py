"""Kinds of input beside ordinary photos: masks, transparent photos, panoramas."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from support import photo_sets

from splatworker.formats.panorama import mark_equirectangular

WIDTH, HEIGHT = 160, 120
"""Of the photos that they are for."""


def as_png(pixels: np.ndarray | Image.Image) -> bytes:
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, "PNG")
    return file.getvalue()


def mask(keep: float = 0.5, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A mask that keeps a share of the photo's width, on its left."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, : round(keep * width)] = 255
    return as_png(pixels)


def with_alpha(photo: Path, opaque: float = 0.5) -> bytes:
    """The photo with nothing on its right."""
    with Image.open(photo) as image:
        picture = image.convert("RGB")
    with Image.open(io.BytesIO(mask(opaque, *picture.size))) as alpha:
        picture.putalpha(alpha.convert("L"))
    return as_png(picture)


def sphere(number: int, folder: Path, width: int = 512) -> Path:
    """A panorama of the hall, marked as that."""
    path = folder / f"around-{number}.jpg"
    pose = photo_sets.walk(6)[number]
    photo_sets.save(photo_sets.photograph(photo_sets.hall(), pose, photo_sets.sphere_rays(width)), path)
    mark_equirectangular(path)
    return path
