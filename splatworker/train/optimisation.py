"""One model on its way: what it is trained on, and what each of its steps is. Nothing here is written anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from splatworker.render.arrays import Array
from splatworker.render.interface import LossTerms, Step
from splatworker.train.exposures import Exposures
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import Randomness
from splatworker.train.refinement import Refinement
from splatworker.train.schedule import active_sh_degree, dropout_at, learning_rates
from splatworker.train.views import Views


@dataclass(frozen=True)
class Optimisation:
    """A model under training.

    Attributes:
        extent: the scene's, in its units.
        first: the iteration that it begins after.
        exposures: of the photos; None where they are not learnt.
        backgrounds: what the steps' pictures are drawn on, for each photo a colour or a backdrop's harmonics; None:
            each on a colour of its own.
    """

    options: Options
    extent: float
    random: Randomness
    first: int
    model: Model
    exposures: Exposures | None
    backgrounds: list[Array] | None
    refinement: Refinement

    def step(self, photo: int, iteration: int) -> Step:
        """What the renderer is to do at an iteration (from 1), by a photo or, behind all of them, a taught view."""
        options, new = self.options, self.backgrounds is None
        behind = self.random.background() if self.backgrounds is None else self.backgrounds[photo]
        return Step(
            self.refinement.view(photo, iteration, behind if new else None),
            behind,
            active_sh_degree(options, iteration),
            LossTerms(options.lambda_dssim, options.huber_delta),
            learning_rates(options, self.extent, iteration),
            iteration,
            dropout_at(options, iteration),
            self.refinement.density.absolute,
            self.exposures.of(photo, iteration) if self.exposures and not self.refinement.is_taught(photo) else None,
        )

    def learn_from(self, taught: Views, background: Array) -> None:
        """From now on train on these views, too, each drawn on that background, where photos have one."""
        self.refinement.add(taught)
        self.random.add_photos(len(taught))
        if self.backgrounds is not None:
            self.backgrounds.extend([background] * len(taught))
