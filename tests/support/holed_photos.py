"""Photos of noise for training steps, whole or with a part of them ignored."""

from __future__ import annotations

import torch

from splatworker.formats.camera import Camera
from splatworker.render.interface import Ignored, View


def hole(camera: Camera) -> torch.Tensor:
    """The left third, and single pixels."""
    pixels = torch.zeros(camera.height, camera.width, dtype=torch.uint8)
    pixels[:, : camera.width // 3] = 255
    pixels[5::7, 3::5] = 1
    return pixels


def noise(camera: Camera) -> torch.Tensor:
    """(3, H, W) uint8, the same for every camera of one width."""
    generator = torch.Generator().manual_seed(camera.width)
    return torch.randint(0, 256, (3, camera.height, camera.width), dtype=torch.uint8, generator=generator)


def holed(camera: Camera, device: torch.device | str, photo: torch.Tensor | None = None) -> View:
    """A view whose photo, noise if none is given, is ignored in the hole."""
    pixels = hole(camera)
    photo = noise(camera) if photo is None else photo
    kept = float((pixels == 0).double().mean())
    return View(camera, photo.masked_fill(pixels != 0, 0).to(device), Ignored(pixels.to(device), 1 / kept))
