"""Small scene folders with a known answer: pictures drawn by the reference renderer, and COLMAP's files beside them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from support.colmap_files import ring_cameras, write_colmap
from support.gaussian_scenes import random_gaussians

from splatworker.render.interface import SH_C0, GaussianTensors
from splatworker.render.reference import ReferenceRenderer


def truth(count: int = 60, sh_degree: int = 0) -> GaussianTensors:
    """The Gaussians that the pictures show."""
    return random_gaussians(count, sh_degree=sh_degree, seed=3, spread=0.7, log_scale=-1.2, opacity_logit=2.0)


def write_scene(
    folder: Path,
    count: int = 12,
    gaussians: GaussianTensors | None = None,
    names: list[str] | None = None,
    *,
    observed: bool = False,
    background: torch.Tensor | None = None,
    **camera: Any,
) -> Path:
    """Write a scene folder of `count` pictures of the Gaussians, whose centers are its sparse points.

    With `observed` these lie on a ball, and its photos say which of them they see. Behind them is black, or a
    `background` as renderers take it.
    """
    gaussians = truth() if gaussians is None else gaussians
    background = torch.zeros(3) if background is None else background
    cameras = ring_cameras(count, **camera)
    names = names or [f"photo{index:03}.png" for index in range(count)]
    (folder / "images").mkdir(parents=True)
    renderer, degree = ReferenceRenderer(), math.isqrt(gaussians.sh_rest.shape[1] + 1) - 1
    for name, view in zip(names, cameras, strict=True):
        image = renderer.render(gaussians, view, background, degree).clamp(0, 1)
        pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / "images" / name)
    colors = (0.5 + SH_C0 * gaussians.sh_dc).clamp(0, 1) * 255
    points = gaussians.means.numpy(), colors.numpy().astype(np.uint8)
    write_colmap(folder / "sparse" / "0", cameras, names, *points, observed=observed)
    return folder
