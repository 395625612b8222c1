"""Checkpoints: all that a run needs to go on exactly as if it had never stopped, in one npz file of plain arrays.

A checkpoint may come from anybody, so nothing in it is believed: of an array its header is held against the bytes that
are there, and against what the others say, before there is memory for it. What is read takes no more than the file.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.atomic import atomic_file
from splatworker.formats.gaussians import REST_COUNTS
from splatworker.formats.presence import demand_file
from splatworker.render.arrays import Array, Device, empty_like_row, to_device, to_numpy
from splatworker.render.interface import AdamState, DensityStatistics, GaussianTensors
from splatworker.train.exposures import ExposureState
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


def save_checkpoint(
    path: Path, iteration: int, model: Model, random: RandomState, exposures: ExposureState | None = None
) -> None:
    """Write a checkpoint, whole or not at all; with the exposures of the photos where they are learnt.

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
    if model.antialiased:
        arrays["antialiased"] = np.array(True)
    for part, tensors in _parts(model).items():
        for name, tensor in zip(tensors._fields, tensors, strict=True):
            arrays[f"{part}.{name}"] = to_numpy(tensor)
    if exposures is not None:
        arrays |= {f"exposures.{field.name}": getattr(exposures, field.name) for field in fields(exposures)}
    with atomic_file(path, "train") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the keyword for allow_pickle


def load_checkpoint(path: Path, device: Device) -> tuple[int, Model, RandomState, ExposureState | None]:
    """The iteration a checkpoint was written after, the model, the random state, and the exposures where it has some.

    Raises:
        InvalidScene: the file is not a checkpoint of this trainer.
        SplatError: it cannot be opened.
    """
    demand_file(path, "Give a chkpntN.npz of a model folder with --start_checkpoint.", "train")
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, device)
    except _NO_CHECKPOINT as error:
        raise InvalidScene(
            f"{path.name} is not a checkpoint of this trainer, or is damaged.",
            hint="Checkpoints of the original trainer cannot be resumed here.",
        ) from error
    except OSError as error:
        raise from_os_error(error, "train") from error


_NO_CHECKPOINT = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(KeyError, ValueError, RecursionError, NotImplementedError, RuntimeError),
)
"""What zipfile, numpy and we raise of a file that is no checkpoint; a RuntimeError of one that is encrypted."""


def _read(archive: zipfile.ZipFile, device: Device) -> tuple[int, Model, RandomState, ExposureState | None]:
    if str(_array(archive, "format")) != FORMAT:
        raise ValueError("another format")
    iteration = _array(archive, "iteration")
    if iteration.shape or iteration.dtype.kind != "i" or iteration < 1:
        raise ValueError("no iteration")
    shapes = _shapes(archive)

    def placed(name: str, shape: tuple[int, ...]) -> Array:
        array = _array(archive, name)
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"{name} is not like the others")
        memory = empty_like_row(array, len(array))
        memory[...] = array
        return to_device(memory, device)

    def part(name: str) -> GaussianTensors:
        fields = zip(GaussianTensors._fields, shapes, strict=True)
        return GaussianTensors(*(placed(f"{name}.{field}", shape) for field, shape in fields))

    model = Model(part("parameters"), antialiased=_antialiased(archive))
    model.adam = AdamState(part("first"), part("second"))
    statistics = (placed(f"statistics.{name}", shapes.opacity_logits) for name in DensityStatistics._fields)
    model.statistics = DensityStatistics(*statistics)
    sampler, density, pending = (_array(archive, f"random.{name}") for name in ("sampler", "density", "pending"))
    if sampler.dtype != np.uint8 or density.dtype != np.uint8 or pending.dtype.kind != "i" or pending.ndim != 1:
        raise ValueError("no random state")
    return int(iteration), model, RandomState(sampler, density, pending.tolist()), _exposures(archive, int(iteration))


def _exposures(archive: zipfile.ZipFile, iteration: int) -> ExposureState | None:
    """The exposures of a checkpoint after an iteration; None where it has none."""
    if "exposures.matrices.npy" not in archive.namelist():
        return None
    arrays = {field.name: _array(archive, f"exposures.{field.name}") for field in fields(ExposureState)}
    state = ExposureState(**arrays)
    shape = (len(state.matrices), 3, 4) if state.matrices.ndim else ()
    for name in ("matrices", "first", "second", "gradients"):
        kind = np.float32 if name == "gradients" else np.float64
        if arrays[name].shape != shape or arrays[name].dtype != kind or not np.isfinite(arrays[name]).all():
            raise ValueError(f"exposures.{name} is not like the others")
    if state.second.min(initial=0) < 0:
        raise ValueError("a square is negative")
    if state.seen.dtype != np.int64 or state.seen.shape[1:] != (2,) or len(state.seen) > len(state.matrices):
        raise ValueError("no photos seen")
    photos, iterations = state.seen.T
    if ((photos < 0) | (photos >= len(state.matrices)) | (iterations < 1) | (iterations > iteration)).any():
        raise ValueError("a photo was seen that is not there, or not yet")
    return state


def _antialiased(archive: zipfile.ZipFile) -> bool:
    """Whether it is of a training with antialiasing; one without has no word of it."""
    if "antialiased.npy" not in archive.namelist():
        return False
    told = _array(archive, "antialiased")
    if told.shape or told.dtype != np.bool_:
        raise ValueError("neither with antialiasing nor without")
    return bool(told)


class _Shapes(NamedTuple):
    """The shapes of `GaussianTensors`."""

    means: tuple[int, ...]
    quaternions: tuple[int, ...]
    log_scales: tuple[int, ...]
    opacity_logits: tuple[int, ...]
    sh_dc: tuple[int, ...]
    sh_rest: tuple[int, ...]


def _shapes(archive: zipfile.ZipFile) -> _Shapes:
    """What the shapes must be, by the number of Gaussians and their harmonics."""
    rest = _array(archive, "parameters.sh_rest").shape
    if len(rest) != 3 or rest[0] == 0 or rest[1] not in REST_COUNTS:
        raise ValueError("no Gaussians")
    count = rest[0]
    return _Shapes((count, 3), (count, 4), (count, 3), (count,), (count, 3), (count, rest[1], 3))


def _array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """An array of the archive, as `np.savez` has stored it: not compressed, and so no larger than the file."""
    entry = archive.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(entry) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{name} has another header than ours")
        try:
            shape, in_columns, layout = np.lib.format.read_array_header_1_0(member)
        except MemoryError as error:  # of Python's parser, where it is nested too deep
            raise ValueError(f"{name} has a header that is not numpy's") from error
        data = member.read()
    if layout.hasobject or min(shape, default=0) < 0 or math.prod(shape) * layout.itemsize != len(data):
        raise ValueError(f"{name} is not what its header says")
    return np.frombuffer(data, layout).reshape(shape, order="F" if in_columns else "C")


def _parts(model: Model) -> dict[str, GaussianTensors | DensityStatistics]:
    return {
        "parameters": model.parameters,
        "first": model.adam.first,
        "second": model.adam.second,
        "statistics": model.statistics,
    }
