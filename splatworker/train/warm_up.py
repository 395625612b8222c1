"""All that a training asks of a GPU, once, with next to nothing: what is loaded at its first use is loaded then.

CUDA loads a kernel when it is first called. Those of a round of density control, most of them torch's, take longer
than five hundred iterations.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.scene import Photo
from splatworker.render.arrays import Device, is_torchs, to_device
from splatworker.render.backend import renderer_for
from splatworker.render.device import current, is_gpu, kind
from splatworker.render.interface import GaussianTensors, LossTerms, Step, View
from splatworker.train.density import GradientDensity, RevisedDensity
from splatworker.train.evaluate import score_views
from splatworker.train.free_space import FreeSpace
from splatworker.train.log import LossLog
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import generator, normal
from splatworker.train.resolution import LEAST_SIDE, Pyramid
from splatworker.train.schedule import learning_rates
from splatworker.train.views import Views

COUNT = 64
SIDE = 4 * LEAST_SIDE
EXTENT = 5.0


@contextlib.contextmanager
def warming_up(device: Device) -> Iterator[None]:
    """While the block runs, warm a GPU up, and be done at its end; a CPU has nothing to load."""
    if not is_gpu(device):
        yield
        return
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(warm_up, device)
        yield
        done.result()


@functools.cache
def warm_up(device: Device) -> None:
    """Draw a model that nobody sees, at every size of its photo, learn, add to it, remove from it, and score it.

    Once in a process for each device: what is loaded stays.
    """
    with current(device):
        renderer = renderer_for(kind(device), tensors=is_torchs(device))
        options = Options(
            Path(),
            Path(),
            coarse_iterations=2,
            densification_interval=1,
            densify_from_iter=0,
            densify_grad_threshold=0.0,
            opacity_reset_interval=1,
        )
        random_numbers = generator(0, device)
        shapes = ((3,), (4,), (3,), (), (3,), (15, 3))
        random = (normal((COUNT, *shape), random_numbers) for shape in shapes)
        gaussians = GaussianTensors(*random)
        middle = math.log(options.percent_dense * EXTENT)  # between those that are cloned and those that are split
        gaussians = gaussians._replace(log_scales=gaussians.log_scales + middle)
        if not is_torchs(device):
            gaussians = GaussianTensors(*(to_device(array, device) for array in gaussians))
        model = Model(gaussians)
        camera = Camera(SIDE, SIDE, SIDE, SIDE, SIDE / 2, SIDE / 2, np.hstack([np.eye(3), [[0.0], [0.0], [5.0]]]))
        views = Views([View(camera, to_device(np.zeros((3, SIDE, SIDE), np.uint8), device))])
        background = to_device(np.zeros(3, np.float32), device)
        points = Points(np.zeros((COUNT, 3)), np.zeros((COUNT, 3), np.uint8), np.full(COUNT, 2))
        free_space = FreeSpace([Photo("", Path(), camera)], points, device)
        log, pyramid = LossLog(lambda entry: None), Pyramid(views, options.coarse_iterations)
        revised = RevisedDensity(options, EXTENT, random_numbers, free_space=free_space)
        strategies = (revised, revised, GradientDensity(options, EXTENT, random_numbers))
        for iteration, density in enumerate(strategies, start=1):
            loss = renderer.training_step(
                model.parameters,
                model.adam,
                model.statistics,
                Step(
                    pyramid.view(0, iteration),
                    background,
                    options.sh_degree,
                    LossTerms(options.lambda_dssim, options.huber_delta),
                    learning_rates(options, EXTENT, iteration),
                    iteration,
                ),
            )
            log.add(loss)
            density.after_step(iteration, model)
        log.read(len(strategies), len(model))
        score_views(renderer, model.parameters, [""], views, background, options.sh_degree)
