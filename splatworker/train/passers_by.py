"""Somebody who passes while photos are taken: found as the training goes on, and left out of the photos from then on.

Three times, after the coarsest part of the training, the model is looked at from all photos (`agreement`). What a photo
shows and the others deny (`passing_regions`) is ignored from then on, as if it had been masked: no loss, no part in
density control; the next look decides anew. The Gaussians that were already there for its sake alone go:
those that are seen, for the most part, through pixels that are ignored. They go once more at the end.

With `auto` the looking ends at the first look if nobody was found, and photos stay as they were to the bit. `on` goes
on, takes a photo's word against the others' also where several disagree in one place, as before a crowd, and heeds what
is hardly striking. Photos that are transparent show one thing alone: there nothing is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.render.arrays import Array, beside, indices, to_numpy
from splatworker.render.gpu_array import GpuArray
from splatworker.render.interface import Renderer
from splatworker.stages.progress import Reporter
from splatworker.train.agreement import AsTaken, Look, Map, Mask, disagreement, weights
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.passing_regions import passing
from splatworker.train.resolution import LEAST_SIDE, halved
from splatworker.train.schedule import active_sh_degree
from splatworker.train.views import Views

LOOKS = 3

LOOKS_FOR_NOBODY = 1
"""With `auto`, looks that find nobody before no more are taken."""

FEWEST_ROUNDS = 5
"""A look wants every photo trained on so often: before, everything disagrees."""

FEWEST_PHOTOS = 4
"""Fewer are no witnesses."""

LOOKED_AT = 256
"""Pixels: photos are halved until their longer side is no longer."""

FOR_THEIR_SAKE = 0.7
"""A Gaussian is there for ignored pixels' sake if so much of its weight, over all photos, lies in them."""

NAMED = 3
"""Photos that somebody passed through, named in the warning; more are counted."""

Agreed = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]


def moments(options: Options, photos: int) -> list[int]:
    """After which iterations the model is looked at: evenly from the end of the coarsest part to that of growth."""
    end = min(options.densify_until_iter, options.iterations - 1)
    begin = max(options.coarse_iterations // 2, end // 4)
    even = np.linspace(begin, end, LOOKS).astype(int).tolist() if begin < end else [begin]
    return [moment for moment in even if FEWEST_ROUNDS * photos <= moment < options.iterations]


class PassersBy:
    """The photos to train on, less who passes through them.

    Args:
        options: the run's options.
        views: the photos, as they are.
        renderer: draws, on the device where the photos are needed.
        backgrounds: of each photo, as of `Renderer.render`.
        first: the iteration that the training begins after: looks that are past are made up for by one.
        agreed: of what each of several processes has found, what the first has; alone, the same.
        as_taken: brings a picture of the model into the light of a photo.

    Attributes:
        views: the photos as they are now to be trained on.
    """

    def __init__(
        self,
        options: Options,
        views: Views,
        renderer: Renderer,
        backgrounds: Sequence[Array],
        first: int = 0,
        agreed: Agreed = lambda found: found,
        as_taken: AsTaken = lambda photo, picture: picture,
    ) -> None:
        self.views = views
        self._given, self._options, self._renderer, self._backgrounds = views, options, renderer, backgrounds
        self._agreed, self._as_taken = agreed, as_taken
        looks_at = options.passers_by != "off" and not views.have_holes and len(views) >= FEWEST_PHOTOS
        planned = moments(options, len(views)) if looks_at else []
        past = [first + 1] if any(moment <= first for moment in planned) else []
        self._moments = past + [moment for moment in planned if moment > first + 1]
        self._looks: list[Look] = []
        self._masks: list[Mask | None] = [None] * len(views)
        self._taken = 0

    def after_step(self, iteration: int, model: Model) -> bool:
        """Look at the model if it is time to; whether `views` are others now."""
        last = iteration == self._options.iterations
        if iteration not in self._moments:
            if last and self.found:
                self._clear(model, self._weight(model, [1.0] * len(self._looks)))
            return False
        if not self._looks:
            self._looks = [_look(view) for view in self._given]
        degree = active_sh_degree(self._options, iteration)
        strict = self._options.passers_by == "auto"
        evidence = disagreement(
            self._renderer,
            model.parameters,
            self._looks,
            self._backgrounds,
            degree,
            strict=strict,
            as_taken=self._as_taken,
        )
        found = passing(self._looks, evidence.maps, strict=strict)
        before = self._masks
        self._masks = [mask if mask.any() else None for mask in map(self._of_all, found)]
        self._taken += 1
        if not self.found and strict and self._taken >= LOOKS_FOR_NOBODY:
            self._moments, self._looks = [], []
        if self.found:
            self._clear(model, evidence.weight)
        changed = self.found or any(mask is not None for mask in before)
        if changed:
            self.views = self._given.ignoring(dict(self.full_masks()))
        return changed

    @property
    def found(self) -> bool:
        """Whether anybody was found at the last look."""
        return any(mask is not None for mask in self._masks)

    def told(self, names: Sequence[str], report: Reporter) -> dict[str, Any] | None:
        """For `quality`: the share of all pixels, and of how many photos; None where nobody was looked for.

        Args:
            names: of the photos.
            report: is warned, by name, of photos that somebody passed through.
        """
        if not self._taken:
            return None
        concerned = [name for name, mask in zip(names, self._masks, strict=False) if mask is not None]
        ignored = sum(int(mask.sum()) for mask in self._masks if mask is not None)
        share = ignored / max(1, sum(look.photo[0].size for look in self._looks))
        if concerned:
            more = f" and {len(concerned) - NAMED} more photos" if len(concerned) > NAMED else ""
            report.warning(
                f"Somebody or something passed through {', '.join(concerned[:NAMED])}{more} and was left out: "
                f"{share:.1%} of all pixels."
            )
        return {"share": round(share, 5), "photos": len(concerned)}

    def _of_all(self, mask: Mask) -> Mask:
        return self._agreed(mask.view(np.uint8)).view(np.bool_)

    def full_masks(self) -> list[tuple[int, Mask]]:
        """The masks of photos at their full size."""
        return [
            (index, enlarged(mask, view.camera.height, view.camera.width))
            for index, (mask, view) in enumerate(zip(self._masks, self._given.as_kept, strict=True))
            if mask is not None
        ]

    def _clear(self, model: Model, whole: Map) -> None:
        """Take away the Gaussians that are there for the sake of who passes, unless none would be left.

        Args:
            whole: (N,) the sums of their weights over all photos.
        """
        hidden = self._weight(model, self._masks)
        kept = (hidden <= FOR_THEIR_SAKE * whole) | (hidden <= 0)
        kept = self._agreed(kept.view(np.uint8)).view(np.bool_)
        if 0 < np.count_nonzero(kept) < len(model):
            none = type(model.parameters)(*(array[:0] for array in model.parameters))
            model.rebuild(indices(_where(kept, model)), none)

    def _weight(self, model: Model, where: Sequence[Mask | float | None]) -> Map:
        """(N,) the sums of the Gaussians' weights over what masks hide of photos; 1: all of a photo, None: nothing."""
        total = np.zeros(len(model), np.float32)
        for look, counted, background in zip(self._looks, where, self._backgrounds, strict=True):
            if counted is not None:
                factors = [np.full(look.photo.shape[1:], counted, np.float32)]
                total += weights(self._renderer, model.parameters, look.camera, factors, background)[0]
        return total


def _where(kept: Mask, model: Model) -> Array:
    """A mask of the Gaussians, `computable` as what is known of them is."""
    means = model.parameters.means
    return kept if isinstance(means, GpuArray) else beside(kept, means)


def _look(view: Any) -> Look:
    """A view, halved until it is small."""
    while max(view.camera.width, view.camera.height) > LOOKED_AT and (
        min(view.camera.width, view.camera.height) >= 2 * LEAST_SIDE
    ):
        view = halved(view)
    ignored = None if view.ignored is None else to_numpy(view.ignored.pixels) != 0
    return Look(view.camera, to_numpy(view.photo).astype(np.float32) / np.float32(255), ignored)


def enlarged(mask: Mask, height: int, width: int) -> Mask:
    """A mask of a picture that was halved, for what it was halved from; odd last rows and columns as those beside."""
    row = np.minimum(np.arange(height) // max(1, height // mask.shape[0]), mask.shape[0] - 1)
    column = np.minimum(np.arange(width) // max(1, width // mask.shape[1]), mask.shape[1] - 1)
    large: Mask = mask[row[:, None], column]
    return large
