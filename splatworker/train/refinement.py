"""What is done between two steps: to the Gaussians, and to the photos that the next steps see."""

from __future__ import annotations

from splatworker.render.arrays import Array
from splatworker.render.interface import View
from splatworker.train.density import GradientDensity
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.passers_by import PassersBy
from splatworker.train.resolution import Pyramid
from splatworker.train.silhouettes import Silhouettes
from splatworker.train.views import Views


class Refinement:
    """Adds and removes Gaussians, and keeps the photos as they are to be trained on.

    Attributes:
        density: adds and removes by what the steps have told.
        passers_by: removes those of somebody who passed, who is ignored from then on.
        silhouettes: removes those outside of a subject that was cut out; None where none was.
        taught_count: how many views there are beside the photos.
    """

    def __init__(
        self, options: Options, density: GradientDensity, passers_by: PassersBy, silhouettes: Silhouettes | None
    ) -> None:
        self._options = options
        self.density, self.passers_by, self.silhouettes = density, passers_by, silhouettes
        self._photos = Pyramid(passers_by.views, options.coarse_iterations)
        self._taught: Pyramid | None = None
        self.taught_count = 0

    def add(self, taught: Views) -> None:
        """Behind the photos come views of which no photo was taken (`distillation`)."""
        self._taught, self.taught_count = Pyramid(taught, self._options.coarse_iterations), len(taught)

    def is_taught(self, index: int) -> bool:
        """Whether of a view no photo was taken."""
        return index >= len(self.passers_by.views)

    def view(self, index: int, iteration: int, over: Array | None = None) -> View:
        """A photo, or behind all of these a taught view, as of `Pyramid.view`."""
        if self._taught is None or not self.is_taught(index):
            return self._photos.view(index, iteration, over)
        return self._taught.view(index - len(self.passers_by.views), iteration, over)

    def after_step(self, iteration: int, model: Model) -> None:
        """Look at the model after iteration `iteration` (from 1), and change it.

        Raises:
            InvalidMasks: at the end hardly anything is inside of the silhouettes.
        """
        options, silhouettes = self._options, self.silhouettes
        self.density.after_step(iteration, model)
        if self.passers_by.after_step(iteration, model):
            coarse = options.coarse_iterations if iteration < options.coarse_iterations else 0
            self._photos = Pyramid(self.passers_by.views, coarse)
        if silhouettes is None:
            return
        last = iteration == options.iterations
        if last or iteration % options.densification_interval == 0:
            silhouettes.clear(model)
        if last:
            silhouettes.demand_subject(model)
