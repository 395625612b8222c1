"""Training on several GPUs: one process a GPU, each with another photo, all with the same Gaussians.

    torchrun --nproc-per-node 2 -m splatworker train -s SCENE -m MODEL

torchrun starts the processes ("ranks") and tells each its place by environment variables. An iteration takes a batch:
as many photos as there are ranks, the next ones of the one random order that every rank draws. The loss is the mean
over the batch, so gradients are averaged; then every rank takes the same Adam step, and density control decides the
same everywhere from the same statistics and the same seed. Only rank 0 writes files and reports.

Learning rates are those given, whatever the batch: Adam's steps are as long for a mean gradient as for one photo's, so
rates that are right for one photo are safe for several. Fewer iterations with larger steps (Zhao et al. 2024, "On
Scaling Up 3D Gaussian Splatting Training", take the square root of the batch as the factor) must be asked for.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator

import torch
import torch.distributed as dist

from splatworker.errors import SplatError, StageCrashed
from splatworker.render.interface import (
    ADAM_BETA1,
    AdamState,
    DensityStatistics,
    GaussianTensors,
    LearningRates,
    Loss,
    Renderer,
    View,
)
from splatworker.train.memory import gaussians_that_fit, is_out_of_memory
from splatworker.train.model import Model

STAGE = "train"

_STILL = LearningRates(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

_MORE_COPIES = 4
"""Memory that only several ranks need, in copies of the Gaussians: two moments, and gradients packed to be sent."""


def rank_here() -> int:
    """The number of this process among the ranks; 0 where training runs in one process."""
    return int(os.environ["RANK"]) if is_started() else 0


def is_started() -> bool:
    """Whether torchrun, or whatever speaks its environment variables, has started more processes than this one."""
    told = all(name in os.environ for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
    return told and int(os.environ["WORLD_SIZE"]) > 1


def choose_gpu(device: str) -> None:
    """Make the GPU of this rank the current one, where GPUs are wanted and there are any.

    Raises:
        SplatError: there are fewer GPUs than ranks on this machine.
    """
    if not is_started() or device == "cpu" or not torch.cuda.is_available():
        return
    number, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= count:
        raise SplatError(
            f"There are more processes on this machine than its {count} GPUs.",
            hint=f"Use torchrun --nproc-per-node {count}.",
            stage=STAGE,
        )
    torch.cuda.set_device(number)


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Ranks | None]:
    """Meet the other ranks: through NCCL where the model is on a GPU, else through gloo. None if there are none."""
    if not is_started():
        yield None
        return
    on_gpu = device.type == "cuda"
    dist.init_process_group("nccl" if on_gpu else "gloo", device_id=device if on_gpu else None)
    yield Ranks(device)
    dist.destroy_process_group()  # not after a failure: NCCL would wait for the others, while torchrun ends them


class Ranks:
    """What the ranks have to agree on. Every method is called on all of them, in the same order.

    Attributes:
        number: this rank's, from 0.
        count: how many there are: photos in a batch.
    """

    def __init__(self, device: torch.device) -> None:
        self.number, self.count = dist.get_rank(), dist.get_world_size()
        self._device = device

    def share(self, model: Model) -> None:
        """Give every rank the Gaussians of rank 0, so that nothing in making them may differ from GPU to GPU.

        Raises:
            SplatError: the ranks have different numbers of them.
        """
        least = self._least(len(model), -len(model))
        if least != [len(model), -len(model)]:
            raise SplatError(
                "The GPUs came to different numbers of Gaussians, most probably because one ran out of memory.",
                hint="Use a bound on max_gaussians.",
                stage=STAGE,
            )
        with _others_may_fail():
            for tensor in model.parameters:
                dist.broadcast(tensor, 0)

    def agreeing(self, change: Callable[[int, Model], None]) -> Callable[[int, Model], None]:
        """A density strategy's `after_step`, after which the Gaussians are shared if their number may have changed."""

        def after_step(iteration: int, model: Model) -> None:
            before = model.parameters
            change(iteration, model)
            if model.parameters is not before:
                self.share(model)

        return after_step

    def own(self, batch: list[int]) -> int:
        """The photo of a batch that is this rank's."""
        return batch[self.number]

    def that_fit(self, model: Model) -> int:
        """How many Gaussians fit into memory on every rank: see `gaussians_that_fit`."""
        return self._least(gaussians_that_fit(model, _MORE_COPIES))[0]

    def all_succeeded(self, here: bool) -> bool:
        """Whether what was just tried succeeded on every rank."""
        return bool(self._least(int(here))[0])

    def add(self, tensor: torch.Tensor) -> None:
        """Replace a tensor by its sum over the ranks, in place."""
        with _others_may_fail():
            dist.all_reduce(tensor)

    def largest(self, tensor: torch.Tensor) -> None:
        """Replace every value of a tensor by the largest on any rank, in place."""
        with _others_may_fail():
            dist.all_reduce(tensor, dist.ReduceOp.MAX)

    def _least(self, *values: int) -> list[int]:
        """The least of each value over the ranks."""
        least = torch.tensor(values, dtype=torch.int64, device=self._device)
        with _others_may_fail():
            dist.all_reduce(least, dist.ReduceOp.MIN)
        return [int(value) for value in least.tolist()]


class BatchStep:
    """`Renderer.training_step` on a batch: this rank's photo here, those of the other ranks there.

    The renderer's own step runs with learning rates of 0 and fresh moments, of which the first is then
    (1 - ADAM_BETA1) times the gradient (Kingma & Ba 2015, algorithm 1), and with fresh statistics: both are those of a
    step on one photo, while `Renderer.backward` does not tell which Gaussians were drawn. Between the ranks go the
    gradients of those Gaussians that any photo of the batch shows.
    """

    def __init__(self, renderer: Renderer, ranks: Ranks) -> None:
        self._renderer = renderer
        self._ranks = ranks
        self._own: tuple[AdamState, DensityStatistics] | None = None

    def training_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        view: View,
        background: torch.Tensor,
        sh_degree: int,
        lambda_dssim: float,
        rates: LearningRates,
        step: int,
    ) -> Loss:
        """See `Renderer.training_step`; the loss is the batch's.

        Raises:
            torch.OutOfMemoryError: memory ran out on some rank: on all of them, and with nothing changed.
        """
        failure: Exception | None = None
        try:
            own, seen_here = self._cleared(parameters)
            loss = self._renderer.training_step(
                parameters, own, seen_here, view, background, sh_degree, lambda_dssim, _STILL, 1
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            failure, self._own = error, None
        if not self._ranks.all_succeeded(failure is None):
            raise torch.OutOfMemoryError("memory ran out on one of the GPUs that train") from failure

        count = len(parameters.means)
        sums = torch.cat([seen_here.gradient_norm_sum, seen_here.view_count, torch.stack(loss)])
        self._ranks.add(sums)
        self._ranks.largest(seen_here.max_radius)
        gradient_norms, view_counts, losses = torch.split(sums, [count, count, len(loss)])
        statistics.gradient_norm_sum.add_(gradient_norms)
        statistics.view_count.add_(view_counts)
        torch.maximum(statistics.max_radius, seen_here.max_radius, out=statistics.max_radius)
        self._average(own.first, view_counts.nonzero()[:, 0])
        self._renderer.adam_step(parameters, own.first, state, rates, step, sh_degree)
        return Loss(*(losses / self._ranks.count).unbind())

    def _cleared(self, parameters: GaussianTensors) -> tuple[AdamState, DensityStatistics]:
        """Moments and statistics for one step on one photo: all zeros."""
        if self._own is None or len(self._own[0].first.means) != len(parameters.means):
            self._own = None  # its memory goes back before the new is taken
            fresh = Model(parameters)
            self._own = fresh.adam, fresh.statistics
        adam, statistics = self._own
        for tensor in (*adam.first, *adam.second, *statistics):
            tensor.zero_()
        return adam, statistics

    def _average(self, first: GaussianTensors, seen: torch.Tensor) -> None:
        """Turn first moments into the batch's mean gradients; Gaussians that are not in `seen` (M,) have none."""
        widths = [math.prod(tensor.shape[1:]) for tensor in first]
        rows = torch.cat([t[seen].reshape(len(seen), width) for t, width in zip(first, widths, strict=True)], dim=1)
        self._ranks.add(rows)
        rows /= (1 - ADAM_BETA1) * self._ranks.count
        for tensor, part in zip(first, torch.split(rows, widths, 1), strict=True):
            tensor.index_copy_(0, seen, part.reshape(len(seen), *tensor.shape[1:]))


@contextlib.contextmanager
def _others_may_fail() -> Iterator[None]:
    """Say so in words when a rank that is waited for is gone."""
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise StageCrashed(
            "Another process of this training has failed.", hint="What it said stands beside this.", stage=STAGE
        ) from error
