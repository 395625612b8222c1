"""All that an export asks of a GPU, once, with next to nothing: what is loaded at its first use is loaded then."""

from __future__ import annotations

import numpy as np

from splatworker.export.pictures import SplatRenderer
from splatworker.export.visibility import measure_visibility
from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.render.arrays import to_device
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
    photo = to_device(splat_renderer.picture(camera).transpose(2, 0, 1).copy(), renderer.device)
    image = splat_renderer.image(camera)
    splat_renderer.ssim(image, photo)
    psnr(image, photo)
    palette(splat.sh_rest.reshape(COUNT, -1), COUNT // 4, 1, renderer.device)
    constant_colours(splat, splat.sh_rest, lines, renderer.device)
