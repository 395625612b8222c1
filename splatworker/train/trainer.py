"""Training: the loop, top to bottom. What an iteration does to the Gaussians is one call of the renderer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from splatworker.formats.colmap import Points
from splatworker.render.device import peak_memory
from splatworker.render.interface import Renderer
from splatworker.stages import interrupts
from splatworker.stages.progress import Reporter
from splatworker.train.clock import Clock
from splatworker.train.dataset import LOADING_SHARE
from splatworker.train.dense_points import Found
from splatworker.train.folder import splat_path, write_log
from splatworker.train.loading import Loading
from splatworker.train.log import READ_EVERY, LossLog
from splatworker.train.milestones import Due, due_after
from splatworker.train.model import Model
from splatworker.train.optimisation import Optimisation
from splatworker.train.options import Options
from splatworker.train.out_of_memory import retry_without_growth
from splatworker.train.preparation import Training, prepare
from splatworker.train.teaching import teach

if TYPE_CHECKING:
    from splatworker.train.parallel import BatchStep, Ranks

TRAINING_SHARE = 0.94
"""Of the stage's time, for its progress, after `LOADING_SHARE`. The rest is the last evaluation."""

PROGRESS_EVERY = 10


@np.errstate(all="ignore")  # what is not a number is found by the loss, as on a GPU
def train(
    options: Options,
    renderer: Renderer,
    report: Reporter,
    watch: Callable[[dict[str, Any]], None] = lambda entry: None,
    ranks: Ranks | None = None,
    loading: Loading | None = None,
) -> dict[str, Any]:
    """Train a splat and write its model folder; what the stage has to tell about it.

    Args:
        options: the run's options.
        renderer: draws and takes the optimiser's steps, on its device.
        report: hears progress and warnings.
        watch: gets the loss and the number of Gaussians every `READ_EVERY` iterations, as `LossLog` makes them.
        ranks: the processes that train together with this one, each on a photo of its own; the first one writes the
            model folder, and the others have nothing to tell.
        loading: the scene, where it is on its way already.

    Raises:
        InvalidScene: the scene is missing, broken or empty.
        InvalidMasks: the masks are of other photos, or one cannot be used.
        TrainingDiverged: the loss is not a number any more.
        OutOfMemory: even without further densification.
        DiskFull, SplatError: the model folder cannot be written.
    """
    if loading is None:
        with Loading(options) as begun:
            return train(options, renderer, report, watch, ranks, begun)
    training = prepare(options, renderer, report, ranks, loading)
    optimisation = training.optimisation
    writes = ranks is None or ranks.number == 0
    log, clock = LossLog(watch), Clock(renderer.device)
    loop = _Loop(renderer, ranks, report, options, optimisation.first)

    def write(due: Due, iteration: int) -> None:
        if writes and any(due):
            with clock.stopped():
                training.write(due, iteration)

    if loop.teachers:
        teach(training, lambda teacher: loop.run(teacher, LossLog(lambda entry: None)))
    loop.run(optimisation, log, write)
    seconds = clock.seconds()
    if not writes:
        return {}
    return _finish(training, loop, log, seconds, report, ranks)


class _Loop:
    """The iterations of a training: its teachers' first, then its own.

    Args:
        first: the iteration that it goes on after; then nobody teaches it.

    Attributes:
        teachers: how many there are.
        count: iterations in all.
    """

    def __init__(self, renderer: Renderer, ranks: Ranks | None, report: Reporter, options: Options, first: int) -> None:
        self._steps = _batches(renderer, ranks) if ranks else renderer
        self._ranks, self._report, self._done = ranks, report, 0
        self.teachers = 0 if first else options.teachers
        self.count = self.teachers * options.teacher_iterations + options.iterations - first

    def run(
        self, optimisation: Optimisation, log: LossLog, write: Callable[[Due, int], None] = lambda due, iteration: None
    ) -> None:
        """Take all steps of an optimisation; `write` is told after each what is due."""
        options, ranks, random, model = optimisation.options, self._ranks, optimisation.random, optimisation.model
        density = optimisation.refinement.density
        training_step = retry_without_growth(self._steps.training_step, density, self._report)
        refine: Callable[[int, Model], None] = optimisation.refinement.after_step
        refine = retry_without_growth(refine, density, self._report)
        if ranks:
            refine = ranks.synchronised(refine)

        for iteration in range(optimisation.first + 1, options.iterations + 1):
            interrupts.raise_if_stopped("train")
            photo = ranks.own([random.next_photo() for _ in range(ranks.count)]) if ranks else random.next_photo()
            step = optimisation.step(photo, iteration)
            log.add(training_step(model.parameters, model.adam, model.statistics, step))
            refine(iteration, model)
            if optimisation.exposures:
                optimisation.exposures.after_step(iteration)

            due = due_after(options, iteration)
            if iteration % READ_EVERY == 0 or due.splat or due.checkpoint:
                log.read(iteration, len(model))
            self._done += 1
            if self._done % PROGRESS_EVERY == 0:
                self._report.progress("training", LOADING_SHARE + TRAINING_SHARE * self._done / self.count)
            write(due, iteration)


def _finish(
    training: Training, loop: _Loop, log: LossLog, seconds: float, report: Reporter, ranks: Ranks | None
) -> dict[str, Any]:
    """Measure the splat, and complete the model folder; what the stage has to tell."""
    options, refinement = training.options, training.optimisation.refinement
    report.progress("evaluating", LOADING_SHARE + TRAINING_SHARE)
    scores = training.score(options.iterations, options.sh_degree)
    write_log(options.model_path, log.entries)
    training.folder.written()
    if refinement.density.lacks_memory:
        report.warning("Memory bounded the number of Gaussians: a larger machine may give a finer splat.")
    report.progress("evaluating", 1.0)
    passed = refinement.passers_by.told(training.dataset.names, report)
    return _result(training, loop, log, seconds, scores, passed, ranks)


def _result(
    training: Training,
    loop: _Loop,
    log: LossLog,
    seconds: float,
    scores: dict[str, Any],
    passed: dict[str, Any] | None,
    ranks: Ranks | None,
) -> dict[str, Any]:
    """What the stage has to tell.

    Args:
        seconds: that the iterations took.
        scores: of the splat; passed: of those who passed (`PassersBy.told`).
    """
    options, dataset, optimisation = training.options, training.dataset, training.optimisation
    refinement, exposures, device = optimisation.refinement, optimisation.exposures, training.beginnings.device
    backdrop, found, silhouettes = training.splat.backdrop, training.found, refinement.silhouettes
    ignored = dataset.ignored_in
    return {
        "model_path": str(options.model_path),
        "ply": str(splat_path(options.model_path, options.iterations)),
        "iterations": options.iterations,
        "gaussians": len(optimisation.model) + refinement.density.beside,
        "sh_degree": options.sh_degree,
        "device": str(device),
        "photos": {
            "train": len(dataset.train),
            "test": len(dataset.test),
            **({"masked": silhouettes.count} if silhouettes else {}),
            **({"ignored_in": ignored} if ignored else {}),
        },
        **({"start_points": _told(dataset.scene.points, found)} if found else {}),
        **({"backdrop": backdrop.in_figures()} if backdrop else {}),
        **(dataset.correction.in_figures() if dataset.correction else {}),
        **({"exposure": exposures.in_figures()} if exposures else {}),
        **({"teachers": _taught(loop.teachers, training)} if loop.teachers else {}),
        **({"passers_by": passed} if passed else {}),
        "width": dataset.views.largest[0],
        "height": dataset.views.largest[1],
        "loss": log.last_loss,
        "seconds": round(seconds, 2),
        "iterations_per_second": round(loop.count / max(seconds, 1e-9), 2),
        "quality": scores,
        **({"processes": ranks.count} if ranks else {}),
        **({"peak_memory_bytes": peak} if (peak := peak_memory(device)) is not None else {}),
    }


def _taught(teachers: int, training: Training) -> dict[str, int]:
    views = training.optimisation.refinement.taught_count
    return {"count": teachers, "iterations": training.options.teacher_iterations, "views": views}


def _told(points: Points, found: Found) -> dict[str, Any]:
    return {"sparse": len(points.xyz), "dense": len(found.points.xyz), "coverage": round(found.coverage, 3)}


def _batches(renderer: Renderer, ranks: Ranks) -> BatchStep:
    from splatworker.train.parallel import BatchStep  # noqa: PLC0415 - loads torch

    return BatchStep(renderer, ranks)
