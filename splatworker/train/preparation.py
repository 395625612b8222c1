"""What a training works on: loaded, made and opened one after the other, before its first step."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from splatworker.errors import InvalidScene
from splatworker.render.arrays import Array, Device, to_device
from splatworker.render.gpu_array import OwnGpu
from splatworker.render.interface import Renderer
from splatworker.render.tensors import to_tensors
from splatworker.stages.progress import Reporter
from splatworker.train.backdrop import Backdrop, find_backdrop
from splatworker.train.backdrop_sphere import GAUSSIANS as OF_THE_BACKDROP
from splatworker.train.dataset import Dataset, load_dataset
from splatworker.train.dense_points import Found, more_points
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
from splatworker.train.optimisation import Optimisation
from splatworker.train.options import Options
from splatworker.train.passers_by import PassersBy
from splatworker.train.randomness import Randomness
from splatworker.train.refinement import Refinement
from splatworker.train.resume import resumed
from splatworker.train.schedule import active_sh_degree
from splatworker.train.silhouettes import Silhouettes
from splatworker.train.whole_splat import WholeSplat

if TYPE_CHECKING:
    from splatworker.train.parallel import Ranks


@dataclass(frozen=True)
class Beginnings:
    """What every optimisation of a training begins with, be it the one that is delivered or one that teaches it.

    Attributes:
        device: where it trains.
        extent: the scene's, in its units.
        free_space: of the cameras to train on; None where density control does not ask for it.
        backdrop: what is behind the scene; None where nothing is.
        colour: (3,) what the splat is drawn on.
        backgrounds: what the steps' pictures are drawn on, for each photo the colour or a backdrop's harmonics.
        behind: the same for a view of which no photo was taken.
        alike: each photo is drawn on its background in every step; if not, each step has a colour of its own.
        silhouettes: of a subject that was cut out; None where none was.
        ranks: the processes that train together with this one; None if it is alone.
    """

    renderer: Renderer
    device: Device
    dataset: Dataset
    extent: float
    free_space: FreeSpace | None
    backdrop: Backdrop | None
    colour: Array
    backgrounds: list[Array]
    behind: Array
    alike: bool
    silhouettes: Silhouettes | None
    ranks: Ranks | None

    def optimisation(
        self, options: Options, random: Randomness, model: Model, exposures: Exposures | None, first: int = 0
    ) -> Optimisation:
        """Of a model, which was begun, or has come to iteration `first`."""
        capacity = self.ranks.capacity if self.ranks else gaussian_capacity
        if self.free_space is None:
            density = GradientDensity(options, self.extent, random.density, capacity)
        else:
            density = RevisedDensity(options, self.extent, random.density, capacity, free_space=self.free_space)
        density.beside = OF_THE_BACKDROP if self.backdrop else 0
        if self.silhouettes and first == 0:
            self.silhouettes.clear(model)
        others: dict[str, Any] = {"agreed": self.ranks.agreed} if self.ranks else {}
        if exposures:
            others["as_taken"] = exposures.as_taken
        views = self.dataset.train_views
        passers_by = PassersBy(options, views, self.renderer, self.backgrounds, first, **others)
        refinement = Refinement(options, density, passers_by, self.silhouettes)
        backgrounds = list(self.backgrounds) if self.alike else None
        return Optimisation(options, self.extent, random, first, model, exposures, backgrounds, refinement)


@dataclass(frozen=True)
class Training:
    """A training that may begin: what it works on, and where it writes.

    Attributes:
        beginnings: of this one, and of those that teach it.
        found: the points that were found beside the scene's; None where none were.
    """

    options: Options
    beginnings: Beginnings
    optimisation: Optimisation
    found: Found | None
    splat: WholeSplat
    quality: Quality
    folder: ModelFolder

    @property
    def dataset(self) -> Dataset:
        """The photos."""
        return self.beginnings.dataset

    def write(self, due: Due, iteration: int) -> None:
        """Write, and measure, what is due after an iteration."""
        optimisation = self.optimisation
        if self.folder.is_taken:
            _begin(self.folder, self.options, self.dataset, optimisation.refinement.density.beside)
        model, random, exposures = optimisation.model, optimisation.random, optimisation.exposures
        write_due(due, self.options, iteration, model, random, self.splat.of, exposures)
        if due.splat and exposures:
            exposures.write(self.options.model_path, [photo.name for photo in self.dataset.train])
        if due.scores:
            self.score(iteration, active_sh_degree(self.options, iteration))
        self.folder.written()

    def score(self, iteration: int, sh_degree: int) -> dict[str, Any]:
        """Measure how good the splat is after an iteration."""
        drawable = self.splat.drawable(self.optimisation.model, self.beginnings.device)
        return self.quality.measure(iteration, drawable, sh_degree)


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
    free_space = _free_space(options, loading, device)
    dataset = load_dataset(loaded, loading, options, device, report)
    found = None
    if model is None:
        wanted = loading.wanted_searches(on_gpu=isinstance(device, OwnGpu))
        model, found = _first_model(options, dataset, wanted, device, report)
    backdrop = _backdrop(options, dataset, report)
    if ranks:
        ranks.share(model)

    folder = ModelFolder(options, first)
    writes = ranks is None or ranks.number == 0
    beside = OF_THE_BACKDROP if backdrop else 0
    aside = ThreadPoolExecutor(1)  # the disk is waited for meanwhile
    begun = aside.submit(_begin, folder, options, dataset, beside) if writes and not folder.is_taken else None
    aside.shutdown(wait=False)
    exposures = _exposures(options, dataset, device, exposure_state, report) if ranks is None else None
    colour = to_device(np.full(3, float(options.white_background), np.float32), device)
    behind = to_device(backdrop.harmonics, device) if backdrop else colour
    quality = Quality(
        renderer,
        dataset.names,
        dataset.views,
        len(dataset.train),
        colour,
        options.model_path,
        exposures,
    )
    silhouettes = Silhouettes.of(dataset.train_cameras, dataset.views)
    # On one colour, Gaussians of that colour would pass for nothing; on a new one every step only nothing does.
    alike = not options.random_background and silhouettes is None
    own = backdrop and backdrop.own
    beginnings = Beginnings(
        renderer,
        device,
        dataset,
        extent,
        free_space,
        backdrop,
        colour,
        [to_device(one, device) for one in own] if own is not None else [behind] * len(dataset.train),
        behind,
        alike,
        silhouettes,
        ranks,
    )
    optimisation = beginnings.optimisation(options, random, model, exposures, first)
    if begun:
        begun.result()
    splat = WholeSplat(backdrop, dataset.train_cameras, extent, options.sh_degree)
    return Training(options, beginnings, optimisation, found, splat, quality, folder)


def _free_space(options: Options, loading: Loading, device: Device) -> FreeSpace | None:
    """What density control keeps free before the cameras, if the options want that."""
    if options.density != "revised":
        return None
    scene, train_photos, _, _ = loading.loaded()
    return FreeSpace(train_photos, scene.points, device, loading.free_space())


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


def _begin(folder: ModelFolder, options: Options, dataset: Dataset, behind: int) -> None:
    """Take the model folder over from an earlier training, and describe this one there, whose last `behind` Gaussians
    are the backdrop.
    """
    folder.begin()
    write_description(options, dataset.scene, dataset.train, dataset.test, behind)
    folder.written()
