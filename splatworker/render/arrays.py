"""Arrays of numbers where the Gaussians are: numpy's on a CPU; on a GPU torch's, or our own where torch is not.

numpy, from 2 on, and torch call most of what a trainer does by the same names, so it is written once, with `library(x)`
for the one whose functions take an array. Beware of three things there: numpy's default type is float64, so a type is
always named; `axis` serves both; and what changes an array in place is written as `x[...] = y`. What they name
differently is here.

A device is "cpu", where arrays are numpy's, or a `torch.device`, where they are torch's: on `torch.device("cpu")` as
well, so that what a GPU runs can be tried without one. It is an `OwnGpu` where arrays are our own (`gpu_array`): those
hold numbers and compute nothing. What is to be computed with is asked for by `computable`, which copies it to the host
then, where numpy goes on; the little that is done to many numbers on the GPU itself is here and in `gpu_kernels`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from itertools import accumulate, pairwise
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from splatworker.render import gpu_kernels
from splatworker.render.gpu_array import GpuArray, OwnGpu, one_behind_another, pinned, uploaded

Array: TypeAlias = Any
"""A numpy array or a torch tensor. No type says what both can do; the tests run on both."""

Device: TypeAlias = Any
"""A string, a `torch.device` or an `OwnGpu`, as said above. No type says it: torch's own functions take two."""

_ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector of a processor. numpy aligns to 16, torch to this."""

_NO_LENGTH = 1e-12
"""What is shorter is not made longer than it is of unit length: torch's own bound."""

_FARTHEST_LOGIT = 80.0
"""The exponential of more does not fit into float32."""


def library(array: Array) -> Any:
    """The one of numpy and torch that an array is of."""
    if isinstance(array, GpuArray):
        raise TypeError(f"nothing computes with {array!r}: see computable")
    return np if isinstance(array, (np.ndarray, np.generic)) else _torch()


def library_on(device: Device) -> Any:
    """The one of numpy and torch that computes with the arrays of a device."""
    return _torch() if is_torchs(device) else np


def is_torchs(device: Device) -> bool:
    """Whether the arrays of a device are torch's."""
    return not isinstance(device, (str, OwnGpu))


def _torch() -> ModuleType:
    return sys.modules["torch"]  # whoever has a tensor or a device of its own has loaded it


def device_of(array: Array) -> Device:
    """Where an array is."""
    device: Device = "cpu" if isinstance(array, np.ndarray) else array.device
    return device


def to_device(array: npt.NDArray[Any], device: Device) -> Array:
    """A numpy array on a device: itself where that is "cpu", and on its memory where it is torch's CPU."""
    if isinstance(device, OwnGpu):
        return uploaded(array, device)
    return array if isinstance(device, str) else _torch().from_numpy(array).to(device)


def to_host(array: npt.NDArray[Any], device: Device) -> Array:
    """A numpy array as one of the library of a device that stays in main memory, on its own."""
    return _torch().from_numpy(array) if is_torchs(device) else array


def on_host(array: Array) -> Array:
    """An array in main memory, of its own library: itself where it is there."""
    if isinstance(array, GpuArray):
        return array.numpy()
    return array if isinstance(array, np.ndarray) else array.cpu()


def to_device_soon(array: Array, device: Device) -> Array:
    """An array of main memory on a device; from pinned memory a GPU fetches it while the host goes on."""
    if isinstance(device, OwnGpu):
        return uploaded(array, device)
    return array if isinstance(array, np.ndarray) else array.to(device, non_blocking=True)


def fetched_soon(array: Array, device: Device) -> Array:
    """An array of main memory, for a GPU that is to fetch it while the host goes on: in memory that cannot be moved."""
    return pinned(array, device) if isinstance(device, OwnGpu) else array.pin_memory()


def to_numpy(array: Array) -> npt.NDArray[Any]:
    """An array as numpy's: on its own memory unless it is on a GPU."""
    if isinstance(array, GpuArray):
        return array.numpy()
    return array if isinstance(array, np.ndarray) else np.asarray(array.detach().cpu().numpy())


def computable(array: Array) -> Array:
    """An array that numpy or torch computes with: itself, or of one of our own on a GPU a copy on the host."""
    return array.numpy() if isinstance(array, GpuArray) else array


def write_back(computed: Array, array: Array) -> None:
    """Let an array of which `computed` is the `computable` be what that has become."""
    if computed is not array:
        array[...] = computed


def beside(array: Array, other: Array) -> Array:
    """An array where another one is, of the same library."""
    if isinstance(other, np.ndarray):
        return to_numpy(array)
    if isinstance(other, GpuArray):
        return array if isinstance(array, GpuArray) else uploaded(np.ascontiguousarray(to_numpy(array)), other.device)
    return _torch().as_tensor(array, device=other.device)


def cast(array: Array, dtype: Any) -> Array:
    """An array with numbers of another type, given by its name or as that of an array; itself where it is of that."""
    if isinstance(array, np.ndarray):
        return array.astype(dtype, copy=False)
    return array.to(getattr(_torch(), dtype) if isinstance(dtype, str) else dtype)


def copied(array: Array) -> Array:
    """The same in memory of its own."""
    if isinstance(array, GpuArray):
        copy = GpuArray(array.device, array.shape, array.dtype)
        copy[...] = array
        return copy
    return array.copy() if isinstance(array, np.ndarray) else array.clone()


def contiguous(array: Array) -> Array:
    """An array whose numbers lie side by side in C's order; itself where they do."""
    if isinstance(array, GpuArray):
        return array
    return np.ascontiguousarray(array) if isinstance(array, np.ndarray) else array.contiguous()


def constant_like(array: Array, value: float) -> Array:
    """An array of the same kind and shape with one number everywhere."""
    if isinstance(array, GpuArray):
        constant = GpuArray(array.device, array.shape, array.dtype)
        constant[...] = value
        return constant
    return library(array).full_like(array, value)


def empty_like_row(array: Array, count: int) -> Array:
    """(count, ...) not initialised, with rows as an array has, on its device, beginning at a cache line."""
    if isinstance(array, GpuArray):
        return GpuArray(array.device, (count, *array.shape[1:]), array.dtype)
    if not isinstance(array, np.ndarray):
        return array.new_empty(count, *array.shape[1:])
    size = count * int(np.prod(array.shape[1:], dtype=np.int64)) * array.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + size].view(array.dtype).reshape(count, *array.shape[1:])


def indices(mask: Array) -> Array:
    """(M,) where a mask (N,) is true, in order."""
    return np.flatnonzero(mask) if isinstance(mask, np.ndarray) else mask.nonzero()[:, 0]


def index_of_rows(index: Array, array: Array) -> Array:
    """(M,) indices of rows of an array, from 0, ready for `rows` of that array and of others as long.

    Raises:
        IndexError: there is no such row, where that can be told now.
    """
    if not isinstance(array, GpuArray):
        return index
    if len(index) and not 0 <= index.min() <= index.max() < len(array):
        raise IndexError(f"there is no row {index.max()} of {len(array)}")
    return uploaded(index.astype(np.int32), array.device)


def rows(array: Array, index: Array, out: Array) -> None:
    """Write the rows of these indices, from 0, as `index_of_rows` has them, into `out`.

    Raises:
        IndexError: there is no such row.
    """
    if isinstance(array, GpuArray):
        gpu_kernels.rows(array, index, out)
    elif isinstance(array, np.ndarray):
        if len(index) and index.max() >= len(array):
            raise IndexError(f"there is no row {index.max()} of {len(array)}")
        np.take(array, index, axis=0, out=out, mode="clip")  # "raise" would copy everything once more
    else:
        _torch().index_select(array, 0, index, out=out)


def computable_rows(arrays: Sequence[Array], index: Array) -> list[Array]:
    """The rows of these indices of arrays of one length, each `computable`."""
    if not isinstance(arrays[0], GpuArray):
        return [array[index] for array in arrays]
    some = index_of_rows(index, arrays[0])
    shapes = [(len(index), *array.shape[1:]) for array in arrays]
    ends = list(accumulate(map(math.prod, shapes), initial=0))
    together = GpuArray(arrays[0].device, (ends[-1],), np.float32)  # to be fetched at once
    for array, shape, place in zip(arrays, shapes, pairwise(ends), strict=True):
        gpu_kernels.rows(array, some, together[slice(*place)].reshape(*shape))
    numbers = together.numpy()
    return [numbers[slice(*place)].reshape(shape) for shape, place in zip(shapes, pairwise(ends), strict=True)]


def rows_where(arrays: Sequence[Array], mask: npt.NDArray[np.bool_]) -> list[Array]:
    """The rows of arrays of one length, (N, ...), where a mask (N,) is true."""
    here = np.flatnonzero(mask) if isinstance(arrays[0], GpuArray) else beside(mask, arrays[0])
    return rows_at(arrays, here)


def rows_at(arrays: Sequence[Array], index: Array) -> list[Array]:
    """The rows of these indices of arrays of one length, copied, where they are."""
    if not isinstance(arrays[0], GpuArray):
        return [array[index] for array in arrays]
    some, copies = index_of_rows(index, arrays[0]), []
    for array in arrays:
        copies.append(empty_like_row(array, len(some)))
        gpu_kernels.rows(array, some, copies[-1])
    return copies


def largest_of_rows(array: Array) -> Array:
    """(N,) the largest number of each row of (N, K)."""
    return library(array).amax(array, axis=1)


def looked_up(tables: Array, index: Array) -> Array:
    """(C, N) of C tables (C, K) the numbers at (C, N) indices, each from its own."""
    return np.take_along_axis(tables, index, 1) if isinstance(tables, np.ndarray) else tables.gather(1, index)


def indices_of_largest(values: Array, count: int) -> Array:
    """(count,) indices of the largest values of (N,), in no order."""
    if isinstance(values, np.ndarray):
        first = len(values) - count
        return np.argpartition(values, first)[first:] if count else np.empty(0, np.int64)
    return values.topk(count).indices


def filled(array: Array, mask: Array, value: float) -> Array:
    """An array with a value where the mask, whose axes are its last ones, is true."""
    if isinstance(array, np.ndarray):
        return np.where(mask, np.asarray(value, array.dtype), array)
    return array.masked_fill(mask, value)


def fill(array: Array, mask: Array, value: float) -> None:
    """The same in place."""
    if isinstance(array, np.ndarray):
        np.copyto(array, np.asarray(value, array.dtype), where=mask)
    else:
        array.masked_fill_(mask, value)


def stacked(arrays: Sequence[Array]) -> npt.NDArray[Any]:
    """Arrays of one shape one behind the other, as numpy's."""
    if isinstance(arrays[0], GpuArray):
        return one_behind_another(arrays)
    return to_numpy(library(arrays[0]).stack(arrays))


def mean_square_difference(a: Array, b: Array, counted: Array | None = None) -> float:
    """The mean of the squared differences of two (3, H, W) pictures, added up in double precision.

    Args:
        counted: (H, W) bool, which pixels count; None: all.
    """
    if isinstance(a, GpuArray):
        pixels = a.size if counted is None else 3 * int(np.count_nonzero(to_numpy(counted)))
        return gpu_kernels.square_differences(a, b, counted) / pixels
    difference = a - b if counted is None else (a - b)[:, counted]
    return float((difference**2).mean(dtype=library(a).float64))


def normalised(vectors: Array) -> Array:
    """(..., D) vectors divided by their lengths; those of no length as they are."""
    if isinstance(vectors, np.ndarray):
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(_NO_LENGTH, None)
    return _torch().nn.functional.normalize(vectors, dim=-1)


def stacked_last(arrays: Sequence[Array]) -> Array:
    """Arrays of one shape along a new last axis; numpy's lie one behind the other in memory, where it is faster."""
    if isinstance(arrays[0], np.ndarray):
        return np.moveaxis(np.stack(arrays), 0, -1)
    return _torch().stack(arrays, dim=-1)


def plus_product(a: Array, b: Array, c: Array) -> Array:
    """The sum a + b c, in one go where the library can."""
    return a + b * c if isinstance(a, np.ndarray) else _torch().addcmul(a, b, c)


def area_means(picture: Array, side: int, *, not_zero: bool = False) -> Array:
    """(side, side) float32 of an (H, W) picture: means over the pixels that each place, wherever it ends, lies on.

    With `not_zero` those of whether a pixel is not 0. `computable`.
    """
    if isinstance(picture, GpuArray):
        return gpu_kernels.area_means(picture, side, not_zero=not_zero)
    picture = picture != 0 if not_zero else picture
    if not isinstance(picture, np.ndarray):
        of = cast(picture, "float32")[None, None]
        return _torch().nn.functional.interpolate(of, size=(side, side), mode="area")[0, 0]
    sums, counts = picture.astype(np.int64), []
    for axis, length in enumerate(picture.shape):
        first = np.arange(side) * length // side
        end = -(-np.arange(1, side + 1) * length // side)
        before = np.insert(np.cumsum(sums, axis=axis), 0, 0, axis=axis)
        sums = before.take(end, axis) - before.take(first, axis)
        counts.append(end - first)
    return (sums / np.outer(*counts)).astype(np.float32)


def sigmoid(logits: Array) -> Array:
    """1 / (1 + exp(-x))."""
    if isinstance(logits, np.ndarray):
        return 1 / (1 + np.exp(-logits.clip(-_FARTHEST_LOGIT, None)))
    return _torch().sigmoid(logits)


def logit(shares: Array) -> Array:
    """log(p / (1 - p))."""
    return np.log(shares / (1 - shares)) if isinstance(shares, np.ndarray) else _torch().logit(shares)
