"""What is done between two steps: to the Gaussians, and to the photos that the next steps see."""

from __future__ import annotations

from splatworker.train.density import GradientDensity
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.passers_by import PassersBy
from splatworker.train.resolution import Pyramid
from splatworker.train.silhouettes import Silhouettes


class Refinement:
    """Adds and removes Gaussians, and keeps the photos as they are to be trained on.

    Attributes:
        density: adds and removes by what the steps have told.
        passers_by: removes those of somebody who passed, who is ignored from then on.
        silhouettes: removes those outside of a subject that was cut out; None where none was.
        pyramid: the photos at the size for each step.
    """

    def __init__(
        self, options: Options, density: GradientDensity, passers_by: PassersBy, silhouettes: Silhouettes | None
    ) -> None:
        self._options = options
        self.density, self.passers_by, self.silhouettes = density, passers_by, silhouettes
        self.pyramid = Pyramid(passers_by.views, options.coarse_iterations)

    def after_step(self, iteration: int, model: Model) -> None:
        """Look at the model after iteration `iteration` (from 1), and change it.

        Raises:
            InvalidMasks: at the end hardly anything is inside of the silhouettes.
        """
        options, silhouettes = self._options, self.silhouettes
        self.density.after_step(iteration, model)
        if self.passers_by.after_step(iteration, model):
            coarse = options.coarse_iterations if iteration < options.coarse_iterations else 0
            self.pyramid = Pyramid(self.passers_by.views, coarse)
        if silhouettes is None:
            return
        last = iteration == options.iterations
        if last or iteration % options.densification_interval == 0:
            silhouettes.clear(model)
        if last:
            silhouettes.demand_subject(model)
