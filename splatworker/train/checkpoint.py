"""Checkpoints: all that a run needs to go on exactly as if it had never stopped, in one npz file of plain arrays."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.atomic import atomic_file
from splatworker.render.arrays import Array, Device, empty_like_row, to_device, to_numpy
from splatworker.render.interface import AdamState, DensityStatistics, GaussianTensors
from splatworker.train.model import Model

FORMAT = "splatworker checkpoint 1"


@dataclass(frozen=True)
class RandomState:
    """Where the random numbers and the order of the photos stand."""

    sampler: npt.NDArray[np.uint8]
    """State of the generator that draws photos, uint8."""
    density: npt.NDArray[np.uint8]
    """State of the generator that density control uses, uint8."""
    pending: list[int]
    """Indices of the photos still to come in this round."""


def checkpoint_path(model: Path, iteration: int) -> Path:
    """Where the checkpoint after `iteration` iterations lies."""
    return model / f"chkpnt{iteration}.npz"


def save_checkpoint(path: Path, iteration: int, model: Model, random: RandomState) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    arrays = {
        "format": np.array(FORMAT),
        "iteration": np.array(iteration),
        "random.sampler": random.sampler,
        "random.density": random.density,
        "random.pending": np.array(random.pending, dtype=np.int64),
    }
    for part, tensors in _parts(model).items():
        for name, tensor in zip(tensors._fields, tensors, strict=True):
            arrays[f"{part}.{name}"] = to_numpy(tensor)
    with atomic_file(path, "train") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the keyword for allow_pickle


def load_checkpoint(path: Path, device: Device) -> tuple[int, Model, RandomState]:
    """The iteration a checkpoint was written after, the model, and the random state.

    Raises:
        InvalidScene: the file is not a checkpoint of this trainer.
        SplatError: it cannot be opened.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if str(arrays["format"]) != FORMAT:
            raise KeyError("format")

        def placed(name: str) -> Array:
            memory = empty_like_row(arrays[name], len(arrays[name]))
            memory[...] = arrays.pop(name)
            return to_device(memory, device)

        def part(kind: type[GaussianTensors], name: str) -> GaussianTensors:
            return kind(*(placed(f"{name}.{field}") for field in kind._fields))

        model = Model(part(GaussianTensors, "parameters"))
        model.adam = AdamState(part(GaussianTensors, "first"), part(GaussianTensors, "second"))
        model.statistics = DensityStatistics(*(placed(f"statistics.{name}") for name in DensityStatistics._fields))
        random = RandomState(arrays["random.sampler"], arrays["random.density"], arrays["random.pending"].tolist())
        return int(arrays["iteration"]), model, random
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidScene(
            f"{path.name} is not a checkpoint of this trainer.",
            hint="Checkpoints of the original trainer cannot be resumed here.",
        ) from error
    except OSError as error:
        raise from_os_error(error, "train") from error


def _parts(model: Model) -> dict[str, GaussianTensors | DensityStatistics]:
    return {
        "parameters": model.parameters,
        "first": model.adam.first,
        "second": model.adam.second,
        "statistics": model.statistics,
    }
