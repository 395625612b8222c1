"""Whether this process is one of several that train together (`parallel`), and which GPU is then its own.

torchrun tells by environment variables; nothing here loads torch, or numpy, where this process is alone.
"""

from __future__ import annotations

import os

STAGE = "train"


def rank_here() -> int:
    """The number of this process among the ranks; 0 where training runs in one process."""
    return int(os.environ["RANK"]) if is_started() else 0


def is_started() -> bool:
    """Whether torchrun, or whatever sets its environment variables, has started more processes than this one."""
    described = all(name in os.environ for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
    return described and int(os.environ["WORLD_SIZE"]) > 1


def choose_gpu(device: str) -> None:
    """Make the GPU of this rank the current one, where GPUs are wanted and there are any.

    Raises:
        SplatError: there are fewer GPUs than ranks on this machine.
    """
    if not is_started() or device == "cpu":
        return
    from splatworker.errors import SplatError  # noqa: PLC0415 - loads what opening the GPU need not wait for
    from splatworker.render.device import gpu_count, has_gpu, make_current  # noqa: PLC0415 - loads numpy

    if not has_gpu():
        return
    number, count = int(os.environ["LOCAL_RANK"]), gpu_count()
    if number >= count:
        raise SplatError(
            f"There are more processes on this machine than its {count} GPUs.",
            hint=f"Use torchrun --nproc-per-node {count}.",
            stage=STAGE,
        )
    make_current(number)
