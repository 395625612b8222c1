"""Training: the loop, top to bottom. What an iteration does to the Gaussians is one call of the renderer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene
from splatworker.formats.colmap import Points
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import joined
from splatworker.render.arrays import to_device
from splatworker.render.device import peak_memory
from splatworker.render.interface import GaussianTensors, Renderer, Step
from splatworker.render.tensors import to_gaussians, to_tensors
from splatworker.stages import interrupts
from splatworker.stages.progress import Reporter
from splatworker.train.backdrop import GAUSSIANS as OF_THE_BACKDROP
from splatworker.train.backdrop import find_backdrop, sphere
from splatworker.train.clock import Clock
from splatworker.train.dense_points import Found, more_points
from splatworker.train.density import GradientDensity, RevisedDensity
from splatworker.train.evaluate import Quality
from splatworker.train.folder import ModelFolder, splat_path, write_description, write_log
from splatworker.train.free_space import FreeSpace
from splatworker.train.initial import first_gaussians, scene_extent
from splatworker.train.loading import Loading
from splatworker.train.log import READ_EVERY, LossLog
from splatworker.train.memory import gaussian_capacity
from splatworker.train.milestones import due_after, write_due
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.out_of_memory import retry_without_growth
from splatworker.train.passers_by import PassersBy
from splatworker.train.photos import Views, load_views
from splatworker.train.randomness import Randomness
from splatworker.train.resolution import Pyramid
from splatworker.train.resume import resumed
from splatworker.train.schedule import active_sh_degree, dropout_at, learning_rates
from splatworker.train.silhouettes import Silhouettes
from splatworker.train.warm_up import warming_up

if TYPE_CHECKING:
    from splatworker.train.parallel import BatchStep, Ranks

LOADING_SHARE, TRAINING_SHARE = 0.04, 0.94
"""Of the stage's time, for its progress: loading photos, and iterations. The rest is the last evaluation."""

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
    scene, train_photos, test_photos, decoded = loading.loaded()
    for remark in scene.remarks:
        report.warning(remark)
    if not train_photos:
        raise InvalidScene("The scene has no photo to train on beside the one held out for evaluation.")
    extent = scene_extent(train_photos)

    device = renderer.device
    random = Randomness(options.seed, len(train_photos), device)
    first, model = resumed(options, random, device, report)
    capacity = ranks.capacity if ranks else gaussian_capacity
    density: GradientDensity
    if options.density == "revised":
        free_space = FreeSpace(train_photos, scene.points, device, loading.free_space_ends())
        density = RevisedDensity(options, extent, random.density, capacity, free_space=free_space)
    else:
        density = GradientDensity(options, extent, random.density, capacity)
    writes = ranks is None or ranks.number == 0

    photos = [*train_photos, *test_photos]
    names = [photo.name for photo in photos]

    def loaded(count: int) -> None:
        report.progress("loading photos", LOADING_SHARE * count / len(photos))

    with warming_up(device):
        views = load_views(photos, options, device, loaded, decoded=decoded)
    views, gains = _in_common_light(views, loading, report)
    found: Found | None = None
    if model is None:
        found = more_points(options, views[: len(train_photos)], scene.points)
        model = Model(to_tensors(first_gaussians(scene.points, found and found.points, options.sh_degree), device))
    backdrop = None if views.have_holes else find_backdrop(options, views[: len(train_photos)], scene.points.xyz)
    density.beside = OF_THE_BACKDROP if backdrop else 0
    if options.backdrop == "on" and backdrop is None:
        report.warning(
            "There is no backdrop, which was asked for: masks say what is behind the photos, or scene points are "
            "everywhere."
        )
    if ranks:
        ranks.share(model)
    folder = ModelFolder(options, first)

    def begin() -> None:
        folder.begin()
        write_description(options, scene, train_photos, test_photos, density.beside)
        folder.written()

    aside = ThreadPoolExecutor(1)  # the disk is waited for meanwhile
    described = aside.submit(begin) if writes and not folder.is_taken else None
    aside.shutdown(wait=False)
    colour = np.full(3, float(options.white_background), np.float32)
    background = to_device(backdrop.harmonics if backdrop else colour, device)
    quality = Quality(renderer, names, views, len(train_photos), to_device(colour, device), options.model_path)
    silhouettes = Silhouettes.of([photo.camera for photo in train_photos], views)
    # On one colour, Gaussians of that colour would pass for nothing; on a new one every step only nothing does.
    changes_background = options.random_background or silhouettes is not None
    if silhouettes and first == 0:
        silhouettes.clear(model)
    agreed = {"agreed": ranks.agreed} if ranks else {}
    passers_by = PassersBy(options, views[: len(train_photos)], renderer, background, first, **agreed)
    pyramid = Pyramid(passers_by.views, options.coarse_iterations)
    if described:
        described.result()
    log, clock = LossLog(watch), Clock(device)
    steps = _batches(renderer, ranks) if ranks else renderer
    training_step = retry_without_growth(steps.training_step, density, report)

    def after_step(iteration: int, model: Model) -> None:
        nonlocal pyramid
        density.after_step(iteration, model)
        if passers_by.after_step(iteration, model):
            pyramid = Pyramid(
                passers_by.views, options.coarse_iterations if iteration < options.coarse_iterations else 0
            )
        if silhouettes and (iteration % options.densification_interval == 0 or iteration == options.iterations):
            silhouettes.clear(model)
        if silhouettes and iteration == options.iterations:
            silhouettes.demand_subject(model)

    def finished(model: Model) -> Gaussians:
        """The splat as it is now, with what is behind it."""
        splat = to_gaussians(model.parameters)
        if backdrop is None:
            return splat
        cameras = [photo.camera for photo in train_photos]
        return joined(splat, sphere(backdrop, cameras, splat.means.astype(np.float64), extent, options.sh_degree))

    def shown(model: Model) -> GaussianTensors:
        return to_tensors(finished(model), device) if backdrop else model.parameters

    change_density: Callable[[int, Model], None] = retry_without_growth(after_step, density, report)
    if ranks:
        change_density = ranks.synchronised(change_density)

    for iteration in range(first + 1, options.iterations + 1):
        interrupts.raise_if_stopped("train")
        sh_degree = active_sh_degree(options, iteration)
        photo = ranks.own([random.next_photo() for _ in range(ranks.count)]) if ranks else random.next_photo()
        behind = random.background() if changes_background else background
        loss = training_step(
            model.parameters,
            model.adam,
            model.statistics,
            Step(
                pyramid.view(photo, iteration, behind if changes_background else None),
                behind,
                sh_degree,
                options.lambda_dssim,
                learning_rates(options, extent, iteration),
                iteration,
                dropout_at(options, iteration),
            ),
        )
        log.add(loss)
        change_density(iteration, model)

        due = due_after(options, iteration)
        if iteration % READ_EVERY == 0 or due.splat or due.checkpoint:
            log.read(iteration, len(model))
        if iteration % PROGRESS_EVERY == 0:
            report.progress("training", LOADING_SHARE + TRAINING_SHARE * iteration / options.iterations)
        if not (writes and any(due)):
            continue
        with clock.stopped():
            if folder.is_taken:
                begin()
            write_due(due, options, iteration, model, random, finished)
            if due.scores:
                quality.measure(iteration, shown(model), sh_degree)
            folder.written()

    seconds = clock.seconds()
    if not writes:
        return {}
    report.progress("evaluating", LOADING_SHARE + TRAINING_SHARE)
    scores = quality.measure(options.iterations, shown(model), options.sh_degree)
    write_log(options.model_path, log.entries)
    folder.written()
    if density.lacks_memory:
        report.warning("Memory bounded the number of Gaussians: a larger machine may give a finer splat.")
    report.progress("evaluating", 1.0)
    passed = passers_by.told(names, report)
    ignored = sum(views.ignored(index) is not None for index in range(len(train_photos)))
    return {
        "model_path": str(options.model_path),
        "ply": str(splat_path(options.model_path, options.iterations)),
        "iterations": options.iterations,
        "gaussians": len(model) + density.beside,
        "sh_degree": options.sh_degree,
        "device": str(device),
        "photos": {
            "train": len(train_photos),
            "test": len(test_photos),
            **({"masked": silhouettes.count} if silhouettes else {}),
            **({"ignored_in": ignored} if ignored else {}),
        },
        **({"start_points": _told(scene.points, found)} if found else {}),
        **({"backdrop": backdrop.in_figures()} if backdrop else {}),
        **({"light": {"least": round(gains.min(), 3), "most": round(gains.max(), 3)}} if gains is not None else {}),
        **({"passers_by": passed} if passed else {}),
        "width": views.largest[0],
        "height": views.largest[1],
        "loss": log.last_loss,
        "seconds": round(seconds, 2),
        "iterations_per_second": round((options.iterations - first) / max(seconds, 1e-9), 2),
        "quality": scores,
        **({"processes": ranks.count} if ranks else {}),
        **({"peak_memory_bytes": peak} if (peak := peak_memory(device)) is not None else {}),
    }


def _in_common_light(views: Views, loading: Loading, report: Reporter) -> tuple[Views, npt.NDArray[np.floating] | None]:
    """The views in one light, and by what each channel of each was divided; as they are, and None, where none was asked
    for or the photos agree. Told to `report`.
    """
    gains = None if views.have_holes else loading.gains()  # a hole has its own colour
    if gains is None:
        return views, None
    least, most = gains.min(), gains.max()
    report.warning(
        f"Light differs between the photos ({least:.2f} to {most:.2f} of its mean): they were brought into one."
    )
    return views.divided(gains), gains


def _told(points: Points, found: Found) -> dict[str, Any]:
    return {"sparse": len(points.xyz), "dense": len(found.points.xyz), "coverage": round(found.coverage, 3)}


def _batches(renderer: Renderer, ranks: Ranks) -> BatchStep:
    from splatworker.train.parallel import BatchStep  # noqa: PLC0415 - loads torch

    return BatchStep(renderer, ranks)
