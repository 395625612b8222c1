"""Trainings that come before the one that is delivered, to teach it (`distillation`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from splatworker.formats.camera import Camera
from splatworker.render.arrays import Array, constant_like
from splatworker.render.interface import SH_C0, GaussianTensors, Renderer
from splatworker.render.pictures import to_picture
from splatworker.render.tensors import of_one_colour
from splatworker.train.distillation import Picture, between, of_teacher, taught
from splatworker.train.exposures import Exposures
from splatworker.train.optimisation import Optimisation
from splatworker.train.preparation import Training
from splatworker.train.randomness import Randomness


def teach(training: Training, run: Callable[[Optimisation], None]) -> None:
    """Train its teachers, one after the other, and show the training what they agree on.

    Args:
        run: takes all steps of a teacher.
    """
    options, beginnings, student = training.options, training.beginnings, training.optimisation
    dataset, device = beginnings.dataset, beginnings.device
    cameras = [view.camera for view in dataset.train_views.as_kept]
    draw = []
    for number in range(1, options.teachers + 1):
        own = of_teacher(options, number)
        exposures = Exposures(own, len(cameras), device) if student.exposures else None
        random = Randomness(own.seed, len(cameras), device)
        teacher = beginnings.optimisation(own, random, student.model.copied(), exposures)
        run(teacher)
        learnt = training.splat.drawable(teacher.model, device)
        draw.append(_Draughtsman(learnt, beginnings.renderer, beginnings.colour, own.sh_degree, whole=beginnings.alike))
    places = between(cameras, dataset.scene.points.xyz, options.taught_views, options.seed, options.taught_beyond)
    if not places:
        return
    student.learn_from(taught(places, draw, device, dataset.train_views), beginnings.behind)


class _Draughtsman:
    """Draws what a teacher has learnt.

    Args:
        colour: (3,) what it is drawn on.
        whole: it covers all of a picture; if not, what is told is where it does not.
    """

    def __init__(
        self, gaussians: GaussianTensors, renderer: Renderer, colour: Array, sh_degree: int, *, whole: bool
    ) -> None:
        self._gaussians, self._renderer, self._colour, self._degree = gaussians, renderer, colour, sh_degree
        self._whole = whole

    def __call__(self, camera: Camera) -> Picture:
        drawn = self._renderer.render(self._gaussians, camera, self._colour, self._degree)
        pixels = np.ascontiguousarray(to_picture(drawn).transpose(2, 0, 1))
        if self._whole:
            return pixels, None
        white = of_one_colour(self._gaussians, constant_like(self._gaussians.sh_dc, 0.5 / SH_C0))
        covered = self._renderer.render(white, camera, constant_like(self._colour, 0.0), 0)
        return pixels, 255 - to_picture(covered)[:, :, 0]
