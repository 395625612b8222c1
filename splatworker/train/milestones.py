"""What a training writes on its way, and after which iterations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from splatworker.formats.gaussians import Gaussians
from splatworker.train.checkpoint import checkpoint_path, save_checkpoint
from splatworker.train.exposures import Exposures
from splatworker.train.folder import write_splat
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import Randomness


class Due(NamedTuple):
    """What is due after an iteration. The last one's scores are not among it: they are the end of the training."""

    splat: bool
    checkpoint: bool
    scores: bool


def due_after(options: Options, iteration: int) -> Due:
    """What is due after iteration `iteration`, counted from 1."""
    last = iteration == options.iterations
    return Due(
        splat=last or iteration in options.save_iterations,
        checkpoint=iteration in options.checkpoint_iterations,
        scores=iteration in options.test_iterations and not last,
    )


def write_due(
    due: Due,
    options: Options,
    iteration: int,
    model: Model,
    random: Randomness,
    finished: Callable[[Model], Gaussians],
    exposures: Exposures | None = None,
) -> None:
    """Write the checkpoint and the splat that are due into the model folder.

    Args:
        finished: the splat that the model is.
        exposures: of the photos, where they are learnt.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    if due.checkpoint:
        of_photos = exposures.state() if exposures else None
        path = checkpoint_path(options.model_path, iteration)
        save_checkpoint(path, iteration, model, random.state(), of_photos)
    if due.splat:
        write_splat(options.model_path, iteration, finished(model))
