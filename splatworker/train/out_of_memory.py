"""What a training does where memory ran out: it goes on without adding Gaussians, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from splatworker.errors import OutOfMemory
from splatworker.render.device import give_back_memory
from splatworker.stages.progress import Reporter
from splatworker.train.density import DensityStrategy
from splatworker.train.memory import is_out_of_memory

P = ParamSpec("P")
T = TypeVar("T")


def retry_without_growth(call: Callable[P, T], density: DensityStrategy, report: Reporter) -> Callable[P, T]:
    """`call`, which when memory runs out is tried once more after an end to adding Gaussians.

    Raises (when called):
        OutOfMemory: memory ran out though nothing is added any more.
    """

    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if density.frozen:
                raise _out_of_memory() from error
        density.frozen = True
        give_back_memory()
        report.warning("Memory ran out: training goes on without adding Gaussians.")
        try:
            return call(*args, **kwargs)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise _out_of_memory() from error

    return attempt


def _out_of_memory() -> OutOfMemory:
    return OutOfMemory(
        "The training does not fit into memory.",
        hint="Use fewer or smaller photos, a smaller max_gaussians, or a larger machine.",
        stage="train",
    )
