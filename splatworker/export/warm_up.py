"""All that an export asks of a GPU, once, with next to nothing: what is loaded at its first use is loaded then."""

from __future__ import annotations

import numpy as np
import torch

from splatworker.export.pictures import SplatRenderer
from splatworker.export.visibility import measure_visibility
from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.render.backend import renderer_for
from splatworker.render.metrics import psnr
from splatworker.splat_files.clusters import palette
from splatworker.splat_files.constant_colour import constant_colours

COUNT = 256


def warm_up() -> None:
    """Draw, weigh, compare and cluster a splat that nobody sees."""
    renderer = renderer_for("auto")
    random = np.random.default_rng(0)
    shapes = ((3,), (4,), (3,), (), (3,), (15, 3))
    splat = Gaussians(*(random.normal(size=(COUNT, *shape)).astype(np.float32) for shape in shapes))
    camera = Camera(64, 64, 64.0, 64.0, 32.0, 32.0, np.hstack([np.eye(3), [[0.0], [0.0], [5.0]]]))
    splat_renderer = SplatRenderer(splat, renderer, (0.0, 0.0, 0.0))
    lines = measure_visibility(renderer, splat_renderer.tensors, [camera]).lines
    photo = torch.from_numpy(splat_renderer.picture(camera)).to(renderer.device).permute(2, 0, 1).contiguous()
    image = splat_renderer.image(camera)
    splat_renderer.ssim(image, photo)
    psnr(image, photo)
    palette(splat.sh_rest.reshape(COUNT, -1), COUNT // 4, 1, renderer.device)
    constant_colours(splat, splat.sh_rest, lines, renderer.device)
