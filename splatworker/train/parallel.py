"""Training on several GPUs: one process a GPU, each with another photo, all with the same Gaussians.

    torchrun --nproc-per-node 2 -m splatworker train -s SCENE -m MODEL

torchrun starts the processes ("ranks") and tells each its place by environment variables. An iteration takes a batch:
as many photos as there are ranks, the next ones of the one random order that every rank draws. The loss is the mean
over the batch.

What goes between the ranks is not gradients of the Gaussians' parameters, 59 numbers each, but what those follow from:
each rank's camera, and of every Gaussian the gradients of the splat that the camera sees, 12 numbers. Every rank
gathers all ranks' contributions and goes the rest of the way for all photos at once, in the one pass that also takes
the Adam step and counts the density statistics, so parameters and moments are read and written once, as on one GPU.
The same kernel gets the same numbers everywhere, so all come to the same Gaussians, and density control to the same
decisions, without talking. Only rank 0 writes files and reports.

The host does not wait for the other ranks. If memory runs out on one, its contribution says so, and then no GPU takes
the step; the hosts read it an iteration later, at the same point on all ranks, and raise the error there. So one step
is left out, training goes on in step, and the trainer stops adding Gaussians. Only after density control do the hosts
meet: all take the Gaussians of rank 0, and where these need more memory for contributions, all have it or none goes on.

Learning rates are those given, whatever the batch: Adam's steps are as long for a mean gradient as for one photo's, so
rates that are right for one photo are safe for several. Fewer iterations with larger steps (Zhao et al. 2024, "On
Scaling Up 3D Gaussian Splatting Training", take the square root of the batch as the factor) must be asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist

from splatworker.errors import SplatError, StageCrashed
from splatworker.render.arrays import Device
from splatworker.render.device import event, is_gpu
from splatworker.render.interface import (
    CONTRIBUTION_HEADER,
    AdamState,
    DensityStatistics,
    GaussianTensors,
    Loss,
    Renderer,
    Step,
)
from splatworker.train.launch import STAGE, is_started
from splatworker.train.memory import gaussian_capacity, is_out_of_memory
from splatworker.train.model import Model

_SPARE = 8
"""Memory for contributions grows by one part in so many more than is needed: adding Gaussians asks for it rarely."""


@contextlib.contextmanager
def process_group(device: Device) -> Iterator[Ranks | None]:
    """Meet the other ranks: through NCCL where the model is on a GPU, else through gloo. None if there are none.

    On a CPU the device is torch's as well: the ranks exchange tensors.
    """
    if not is_started():
        yield None
        return
    assert isinstance(device, torch.device)
    on_gpu = is_gpu(device)
    dist.init_process_group("nccl" if on_gpu else "gloo", device_id=device if on_gpu else None)
    yield Ranks(device)
    dist.destroy_process_group()  # not after a failure: NCCL would wait for the others, while torchrun ends them


class Ranks:
    """What the ranks have to agree on. Every method is called on all of them, in the same order.

    Attributes:
        number: this rank's, from 0.
        count: how many there are: photos in a batch.
        device: where the Gaussians are.
    """

    def __init__(self, device: torch.device) -> None:
        self.number, self.count = dist.get_rank(), dist.get_world_size()
        self.device = device

    def share(self, model: Model) -> None:
        """Give every rank the Gaussians of rank 0, so that nothing in making them may differ from GPU to GPU.

        Raises:
            SplatError: the ranks have different numbers of them.
        """
        least = self._least(len(model), -len(model))
        if least != [len(model), -len(model)]:
            raise SplatError(
                "The GPUs came to different numbers of Gaussians, most probably because one ran out of memory.",
                hint="Set a smaller max_gaussians.",
                stage=STAGE,
            )
        with _others_may_fail():
            for tensor in model.parameters:
                dist.broadcast(tensor, 0)

    def synchronised(self, change: Callable[[int, Model], None]) -> Callable[[int, Model], None]:
        """A density strategy's `after_step`, after which the Gaussians are shared if their number may have changed."""

        def after_step(iteration: int, model: Model) -> None:
            before = model.parameters
            change(iteration, model)
            if model.parameters is not before:
                self.share(model)

        return after_step

    def agreed(self, found: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """What rank 0 has found, on every rank: numbers of one shape, whose last bits may have differed."""
        rows = torch.from_numpy(np.ascontiguousarray(found)).to(self.device)
        with _others_may_fail():
            dist.broadcast(rows, 0)
        return np.asarray(rows.cpu().numpy())

    def own(self, batch: list[int]) -> int:
        """The photo of a batch that is this rank's."""
        return batch[self.number]

    def capacity(self, model: Model) -> int:
        """How many Gaussians fit into memory on every rank: see `gaussians_that_fit`."""
        return self._least(gaussian_capacity(model, self.count + 2))[0]  # contributions take less

    def all_succeeded(self, here: bool) -> bool:
        """Whether what was just tried succeeded on every rank."""
        return bool(self._least(int(here))[0])

    def gather(self, rows: torch.Tensor) -> None:
        """Fill a tensor of a row for each rank with the row that each rank has at its own place."""
        all_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor  # its name before
        with _others_may_fail():
            all_gather(rows.view(-1), rows[self.number])

    def _least(self, *values: int) -> list[int]:
        """The least of each value over the ranks."""
        least = torch.tensor(values, dtype=torch.int64, device=self.device)
        with _others_may_fail():
            dist.all_reduce(least, dist.ReduceOp.MIN)
        return [int(value) for value in least.tolist()]


class BatchStep:
    """`Renderer.training_step` on a batch: this rank's photo here, those of the other ranks there.

    Contributions of all ranks lie in one tensor, a row for each, into which the renderer writes this rank's and NCCL
    the others'.
    """

    def __init__(self, renderer: Renderer, ranks: Ranks) -> None:
        self._renderer = renderer
        self._ranks = ranks
        self._memory: torch.Tensor | None = None
        self._last_sums = AsyncReadback(ranks.device)

    def training_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        step: Step,
    ) -> Loss:
        """See `Renderer.training_step`; the loss is the mean over the ranks that had memory.

        Raises:
            torch.OutOfMemoryError: memory ran out on some rank: on all of them, and with nothing changed. Most often it
                was in the call before, which changed nothing either.
        """
        contributions = self._contributions(parameters)
        own = contributions[self._ranks.number]
        failure: Exception | None = None
        try:
            self._renderer.contribute(parameters, step, own)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            failure = error
        # Read here and not before: now the GPU is done with the last step, and has the next photo to work on.
        last_sums = self._last_sums.read()
        if last_sums and last_sums[0] < self._ranks.count:
            raise _out_of_memory_somewhere() from failure
        if failure:
            own[:CONTRIBUTION_HEADER].zero_()
        self._ranks.gather(contributions)
        self._renderer.batch_step(parameters, state, statistics, contributions, step)
        sums = contributions[:, :CONTRIBUTION_HEADER].sum(dim=0)  # how many succeeded, and their losses
        self._last_sums.send(sums)
        return Loss(*(sums[1:] / sums[0].clamp_min(1)).unbind())

    def _contributions(self, parameters: GaussianTensors) -> torch.Tensor:
        """(ranks, numbers of a contribution), not initialised. Where memory for it grows it does so on all ranks."""
        needed = self._ranks.count * self._renderer.contribution_size(parameters)
        if self._memory is None or len(self._memory) < needed:
            self._memory = None  # goes back before the new is taken
            failure: Exception | None = None
            try:
                self._memory = parameters.means.new_empty(needed + needed // _SPARE)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                failure = error
            if not self._ranks.all_succeeded(failure is None):
                self._memory = None
                self._last_sums.read()  # whatever they say, the error is the same
                raise _out_of_memory_somewhere() from failure
        assert self._memory is not None
        return self._memory[:needed].view(self._ranks.count, -1)


def _out_of_memory_somewhere() -> torch.OutOfMemoryError:
    return torch.OutOfMemoryError("memory ran out on one of the GPUs that train")


class AsyncReadback:
    """Numbers on their way from the device: the host reads them later, and does not wait for what was queued since."""

    def __init__(self, device: torch.device) -> None:
        self._sent = event(device)
        self._numbers: torch.Tensor | None = None
        self._unread = False

    def send(self, numbers: torch.Tensor) -> None:
        """Send some numbers, as many as ever."""
        if self._numbers is None:
            self._numbers = torch.empty(numbers.shape, pin_memory=self._sent is not None)
        self._numbers.copy_(numbers, non_blocking=True)
        if self._sent:
            self._sent.record()
        self._unread = True

    def read(self) -> list[float] | None:
        """What was sent last; None if it was read before, or nothing was sent."""
        if self._numbers is None or not self._unread:
            return None
        if self._sent:
            self._sent.synchronize()
        self._unread = False
        numbers: list[float] = self._numbers.tolist()
        return numbers


@contextlib.contextmanager
def _others_may_fail() -> Iterator[None]:
    """Say so in words when a rank that is waited for is gone."""
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise StageCrashed(
            "Another process of this training has failed.", hint="Its own message stands beside this one.", stage=STAGE
        ) from error
