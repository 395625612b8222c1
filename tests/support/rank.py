"""One process of a training with several, as torchrun starts it: `splatworker train`, whose end a test can compare.

    torchrun ... rank.py FOLDER FAULTS ARGUMENTS...

Leaves the Gaussians of this rank in FOLDER/rankN.npz. FAULTS is what happens in rank 1 alone: "memory:7 dies:9" lets
its memory run out in its 7th step and its GPU fail in the 9th.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from splatworker.errors import GpuFailed
from splatworker.render.backend import renderer_for
from splatworker.render.interface import Renderer
from splatworker.train import cli, launch, preparation
from splatworker.train.model import Model

models: list[Model] = []


class Remembered(Model):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models.append(self)


def with_faults(renderer: Renderer, faults: dict[int, str]) -> Renderer:
    """The real renderer in a rank that has bad luck: what happens in its steps, counted from 1."""
    contribute, counted = renderer.contribute, itertools.count(1)

    def unlucky(*args: Any) -> None:
        match faults.get(next(counted)):
            case "memory":
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            case "dies":
                raise GpuFailed("The GPU of one rank is gone.", stage="train")
        contribute(*args)

    renderer.contribute = unlucky  # type: ignore[method-assign, assignment]
    return renderer


def main(folder: Path, faults: str, arguments: list[str]) -> int:
    rank = launch.rank_here()
    preparation.Model = Remembered  # type: ignore[attr-defined]
    if rank == 1 and faults:
        told = {int(step): fault for fault, step in (word.split(":") for word in faults.split())}
        real = renderer_for
        cli.renderer_for = lambda *args, **kwargs: with_faults(real(*args, **kwargs), told)  # type: ignore[attr-defined]
    status = cli.main(arguments)
    if status == 0:
        (model,) = models
        np.savez(
            folder / f"rank{rank}.npz", **{name: t.numpy(force=True) for name, t in model.parameters._asdict().items()}
        )
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
