"""What a training works on: loaded, made and opened one after the other, before its first step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene
from splatworker.render.arrays import Array, Device, to_device
from splatworker.render.interface import Renderer, Step
from splatworker.render.tensors import to_tensors
from splatworker.stages.progress import Reporter
from splatworker.train.backdrop import GAUSSIANS as OF_THE_BACKDROP
from splatworker.train.backdrop import Backdrop, find_backdrop
from splatworker.train.dataset import Dataset, load_dataset
from splatworker.train.dense_points import Found, more_points, wanted_searches
from splatworker.train.density import GradientDensity, RevisedDensity
from splatworker.train.evaluate import Quality
from splatworker.train.exposures import Exposures, ExposureState
from splatworker.train.folder import ModelFolder, write_description
from splatworker.train.free_space import FreeSpace
from splatworker.train.initial import first_gaussians, scene_extent
from splatworker.train.loading import Loading
from splatworker.train.memory import gaussian_capacity
from splatworker.train.milestones import Due, write_due
from splatworker.train.model import Model
from splatworker.train.neighbours import Search
from splatworker.train.options import Options
from splatworker.train.passers_by import PassersBy
from splatworker.train.randomness import Randomness
from splatworker.train.refinement import Refinement
from splatworker.train.resume import resumed
from splatworker.train.schedule import active_sh_degree, dropout_at, learning_rates
from splatworker.train.silhouettes import Silhouettes
from splatworker.train.views import Views
from splatworker.train.whole_splat import WholeSplat

if TYPE_CHECKING:
    from splatworker.train.parallel import Ranks


@dataclass(frozen=True)
class Training:
    """A training that may begin: what it works on, and where it writes.

    Attributes:
        device: where it trains.
        first: the iteration that it begins after.
        found: the points that were found beside the scene's; None where none were.
        exposures: of the photos to train on; None where they are not learnt.
        backgrounds: what the steps' pictures are drawn on, for each photo a colour or a backdrop's harmonics; None:
            each on a colour of its own.
    """

    options: Options
    device: Device
    dataset: Dataset
    random: Randomness
    first: int
    model: Model
    found: Found | None
    splat: WholeSplat
    exposures: Exposures | None
    backgrounds: Sequence[Array] | None
    refinement: Refinement
    quality: Quality
    folder: ModelFolder

    def step(self, photo: int, iteration: int) -> Step:
        """What the renderer is to do at an iteration (from 1), by a photo."""
        options, new = self.options, self.backgrounds is None
        behind = self.random.background() if self.backgrounds is None else self.backgrounds[photo]
        return Step(
            self.refinement.pyramid.view(photo, iteration, behind if new else None),
            behind,
            active_sh_degree(options, iteration),
            options.lambda_dssim,
            learning_rates(options, self.splat.extent, iteration),
            iteration,
            dropout_at(options, iteration),
            self.refinement.density.absolute,
            self.exposures.of(photo, iteration) if self.exposures else None,
        )

    def write(self, due: Due, iteration: int) -> None:
        """Write, and measure, what is due after an iteration."""
        if self.folder.is_taken:
            _begin(self.folder, self.options, self.dataset, self.refinement.density.beside)
        write_due(due, self.options, iteration, self.model, self.random, self.splat.of, self.exposures)
        if due.splat and self.exposures:
            self.exposures.write(self.options.model_path, [photo.name for photo in self.dataset.train])
        if due.scores:
            self.score(iteration, active_sh_degree(self.options, iteration))
        self.folder.written()

    def score(self, iteration: int, sh_degree: int) -> dict[str, Any]:
        """Measure how good the splat is after an iteration."""
        return self.quality.measure(iteration, self.splat.drawable(self.model, self.device), sh_degree)


def prepare(options: Options, renderer: Renderer, report: Reporter, ranks: Ranks | None, loading: Loading) -> Training:
    """Load all that a training works on, begin its model, and describe it in its folder; errors as of `train`."""
    loaded = loading.loaded()
    for remark in loaded.scene.remarks:
        report.warning(remark)
    if not loaded.train_photos:
        raise InvalidScene("The scene has no photo to train on beside the one held out for evaluation.")
    extent = scene_extent(loaded.train_photos)

    device, renderer.antialiasing = renderer.device, options.antialiasing
    random = Randomness(options.seed, len(loaded.train_photos), device)
    first, model, exposure_state = resumed(options, random, device, report)
    capacity = ranks.capacity if ranks else gaussian_capacity
    density = _density_control(options, loading, extent, random, device, capacity)
    wanted: list[Search | None] | None = None

    def plan(views: Views) -> None:
        nonlocal wanted
        wanted = wanted_searches(options, views, loaded.scene.points) if model is None else None

    dataset = load_dataset(loaded, loading, options, device, report, plan)
    found = None
    if model is None:
        model, found = _first_model(options, dataset, wanted, device, report)
    backdrop = _backdrop(options, dataset, report)
    density.beside = OF_THE_BACKDROP if backdrop else 0
    if ranks:
        ranks.share(model)

    folder = ModelFolder(options, first)
    writes = ranks is None or ranks.number == 0
    aside = ThreadPoolExecutor(1)  # the disk is waited for meanwhile
    begun = aside.submit(_begin, folder, options, dataset, density.beside) if writes and not folder.is_taken else None
    aside.shutdown(wait=False)
    exposures = _exposures(options, dataset, device, exposure_state, report) if ranks is None else None
    colour = np.full(3, float(options.white_background), np.float32)
    backgrounds = _backgrounds(backdrop, colour, len(dataset.train), device)
    quality = Quality(
        renderer,
        dataset.names,
        dataset.views,
        len(dataset.train),
        to_device(colour, device),
        options.model_path,
        exposures,
    )
    silhouettes = Silhouettes.of(dataset.train_cameras, dataset.views)
    if silhouettes and first == 0:
        silhouettes.clear(model)
    others: dict[str, Any] = {"agreed": ranks.agreed} if ranks else {}
    if exposures:
        others["as_taken"] = exposures.as_taken
    passers_by = PassersBy(options, dataset.train_views, renderer, backgrounds, first, **others)
    refinement = Refinement(options, density, passers_by, silhouettes)
    if begun:
        begun.result()
    # On one colour, Gaussians of that colour would pass for nothing; on a new one every step only nothing does.
    changes_background = options.random_background or silhouettes is not None
    return Training(
        options,
        device,
        dataset,
        random,
        first,
        model,
        found,
        WholeSplat(backdrop, dataset.train_cameras, extent, options.sh_degree),
        exposures,
        None if changes_background else backgrounds,
        refinement,
        quality,
        folder,
    )


def _density_control(
    options: Options,
    loading: Loading,
    extent: float,
    random: Randomness,
    device: Device,
    capacity: Callable[[Model], int],
) -> GradientDensity:
    """What adds and removes Gaussians, as the options want it."""
    if options.density != "revised":
        return GradientDensity(options, extent, random.density, capacity)
    scene, train_photos, _, _ = loading.loaded()
    free_space = FreeSpace(train_photos, scene.points, device, loading.free_space_ends())
    return RevisedDensity(options, extent, random.density, capacity, free_space=free_space)


def _first_model(
    options: Options, dataset: Dataset, wanted: list[Search | None] | None, device: Device, report: Reporter
) -> tuple[Model, Found | None]:
    """A Gaussian a point, and the points that were found beside the scene's, as `wanted`; None where none were."""
    points = dataset.scene.points
    found = more_points(options, dataset.train_views, points, report.warning, wanted)
    first = to_tensors(first_gaussians(points, found and found.points, options.sh_degree), device)
    return Model(first, antialiased=options.antialiasing), found


def _exposures(
    options: Options, dataset: Dataset, device: Device, state: ExposureState | None, report: Reporter
) -> Exposures | None:
    """The exposures of the photos to train on, if the options and the photos want them learnt.

    Raises:
        InvalidScene: the checkpoint has them of another number of photos.
    """
    if not options.train_test_exp:
        if state is not None:
            report.warning("The checkpoint has exposures of photos, which are left out: train_test_exp is not given.")
        return None
    if dataset.views.have_holes:
        report.warning("Without effect: train_test_exp, since transparent photos lie on a colour of their own.")
        return None
    count = len(dataset.train)
    if state is not None and len(state.matrices) != count:
        raise InvalidScene(
            f"The checkpoint has exposures of {len(state.matrices)} photos, and {count} are there to train on."
        )
    return Exposures(options, count, device, state)


def _backdrop(options: Options, dataset: Dataset, report: Reporter) -> Backdrop | None:
    """What is behind everything, if the options and the photos want that."""
    found = None
    if not dataset.views.have_holes:
        differs = dataset.correction is not None and dataset.correction.gains is not None
        found = find_backdrop(options, dataset.train_views, dataset.scene.points.xyz, light_differs=differs)
    if options.backdrop == "on" and found is None:
        report.warning(
            "There is no backdrop, which was asked for: masks say what is behind the photos, or scene points are "
            "everywhere."
        )
    return found


def _backgrounds(backdrop: Backdrop | None, colour: npt.NDArray[np.float32], count: int, device: Device) -> list[Array]:
    """What each of so many photos is drawn on: a colour, or what the backdrop has for it."""
    if backdrop is None or backdrop.own is None:
        return count * [to_device(colour if backdrop is None else backdrop.harmonics, device)]
    return [to_device(one, device) for one in backdrop.own]


def _begin(folder: ModelFolder, options: Options, dataset: Dataset, behind: int) -> None:
    """Take the model folder over from an earlier training, and describe this one there, whose last `behind` Gaussians
    are the backdrop.
    """
    folder.begin()
    write_description(options, dataset.scene, dataset.train, dataset.test, behind)
    folder.written()
