"""Pictures of a splat: drawn at a view, written as WebP."""

from __future__ import annotations

import io
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.formats.atomic import atomic_file
from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.render.arrays import (
    Array,
    beside,
    computable,
    constant_like,
    filled,
    to_device,
)
from splatworker.render.interface import SH_C0, GaussianTensors, Ignored, LossTerms, Renderer
from splatworker.render.pictures import to_picture
from splatworker.render.tensors import of_one_colour, to_tensors

Picture = npt.NDArray[np.uint8]

SUPERSAMPLED = 2
"""Posters are drawn this much larger and shrunk: a splat's thin edges shimmer at their own size."""


class SplatRenderer:
    """Renders one splat; any thread may ask for a picture.

    Args:
        gaussians: the splat.
        renderer: draws it; serves one thread at a time.
        background: red, green, blue in [0, 1].
        lock: held by whoever uses the renderer, where several of these share it.
    """

    def __init__(
        self,
        gaussians: Gaussians,
        renderer: Renderer,
        background: tuple[float, float, float],
        lock: Lock | None = None,
    ) -> None:
        self.renderer = renderer
        self.lock = lock or Lock()
        self.tensors: GaussianTensors = to_tensors(gaussians, renderer.device)
        self.degree, self.antialiased = gaussians.sh_degree, gaussians.antialiased
        self.background = to_device(np.array(background, np.float32), renderer.device)

    def image(self, camera: Camera) -> Array:
        """(3, H, W) in [0, 1], on the renderer's device."""
        with self.lock:
            self.renderer.antialiasing = self.antialiased
            return self.renderer.render(self.tensors, camera, self.background, self.degree).clip(0, 1)

    def covered(self, camera: Camera) -> Array:
        """(H, W) in [0, 1]: how opaque the splat is there."""
        white = of_one_colour(self.tensors, constant_like(self.tensors.sh_dc, 0.5 / SH_C0))
        black = constant_like(self.background, 0.0)
        with self.lock:
            self.renderer.antialiasing = self.antialiased
            return self.renderer.render(white, camera, black, 0)[0].clip(0, 1)

    def ssim(self, image: Array, photo: Array, ignored: Ignored | None = None) -> float:
        """How alike an image and a (3, H, W) uint8 photo are, less what is ignored of it."""
        if ignored is not None:
            photo = beside(filled(computable(photo), computable(ignored.pixels) != 0, 0), photo)
        with self.lock:
            return float(self.renderer.loss(image, photo, LossTerms(1.0), ignored)[0].ssim)

    def picture(self, camera: Camera) -> Picture:
        """(H, W, 3) bytes."""
        return to_picture(self.image(camera))


def poster(splat_renderer: SplatRenderer, camera: Camera) -> Image.Image:
    """The view of a camera, smooth."""
    large = splat_renderer.picture(camera.resized(SUPERSAMPLED * camera.width, SUPERSAMPLED * camera.height))
    return Image.fromarray(large).resize((camera.width, camera.height), Image.Resampling.BOX)


def webp(image: Image.Image, quality: int = 85) -> bytes:
    """An image as the bytes of a WebP file."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def write_webp(path: Path, image: Image.Image, quality: int = 88) -> None:
    """Write an image, whole or not at all; errors as `atomic_file`."""
    with atomic_file(path, "export") as file:
        file.write(webp(image, quality))
