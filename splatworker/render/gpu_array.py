"""Arrays in a GPU's memory, in memory of our own (kernels/cuda/memory.h): what a trainer works with where torch is not.

They hold numbers, and compute nothing: whatever is decided about Gaussians is decided on the host, by numpy, from
copies of the few numbers that it takes; and what has to be done to many of them where they are has a kernel with a name
(`render.arrays`, kernels/cuda/array_kernels.h). A C-contiguous array of float32, uint8 or int32 is all there is.

Work is queued on the legacy default stream, one thing behind the other; `download` waits for it. Whoever wants such an
array as torch's, CuPy's or JAX's gets it without a copy by `__dlpack__` or `__cuda_array_interface__`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from splatworker import _cuda

Shape = tuple[int, ...]

_DLPACK_CUDA = 2
_LEGACY_STREAM, _NO_STREAM = 1, -1
"""Numbers of the array API standard and of the CUDA array interface."""


class OwnGpu:
    """A GPU by its number from 0, whose arrays are `GpuArray`s: a device as `render.arrays` means it."""

    type = "cuda"

    def __init__(self, index: int) -> None:
        self.index = index

    def __str__(self) -> str:
        return f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"OwnGpu({self.index})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnGpu) and other.index == self.index

    def __hash__(self) -> int:
        return hash((OwnGpu, self.index))

    @property
    def memory(self) -> _cuda.Memory:
        """Its memory, and the kernels for what lies there."""
        return _memory_of(self.index)


_opened: dict[int, _cuda.Memory] = {}


def _memory_of(index: int) -> _cuda.Memory:
    memory = _opened.get(index)
    if memory is None:
        from splatworker import _cuda  # noqa: PLC0415 - loads the GPU's driver, and is not built everywhere

        memory = _opened.setdefault(index, _cuda.Memory(index))
    return memory


def opened() -> Sequence[_cuda.Memory]:
    """The memory of every GPU that has arrays of our own."""
    return list(_opened.values())


class GpuArray:
    """A C-contiguous array in a GPU's memory; rows of it, taken by a slice, are on the same memory.

    Args:
        device: where.
        shape, dtype: as numpy's.
        block: the memory; None: some of its own, not initialised.
        address: where in it the array begins; None: where it does.

    Attributes:
        size: how many numbers.
    """

    __slots__ = ("_block", "address", "device", "dtype", "shape", "size")

    def __init__(
        self, device: OwnGpu, shape: Shape, dtype: Any, block: _cuda.Block | None = None, address: int | None = None
    ) -> None:
        self.device = device
        self.shape = shape
        self.size = int(math.prod(shape))
        self.dtype = np.dtype(dtype)
        self._block = device.memory.allocate(self.nbytes) if block is None else block
        self.address = self._block.address if address is None else address

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"GpuArray({self.shape}, {self.dtype}, {self.device})"

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all of it."""
        return self.size * int(self.dtype.itemsize)

    def __getitem__(self, rows: int | slice) -> GpuArray:
        """A row, or some that follow one another: on the same memory."""
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        if isinstance(rows, slice):
            begin, end, step = rows.indices(len(self))
            if step != 1:
                raise IndexError("rows that do not follow one another are taken by render.arrays.rows")
            shape: Shape = (max(0, end - begin), *self.shape[1:])
        else:
            begin, shape = range(len(self))[rows], self.shape[1:]
        return GpuArray(self.device, shape, self.dtype, self._block, self.address + begin * row)

    def __setitem__(self, where: slice | EllipsisType, value: GpuArray | npt.NDArray[Any] | float) -> None:
        """Put numbers of the same type and shape, or one number, into all of it or some rows."""
        target = self if where is Ellipsis else self[where]
        if isinstance(value, (int, float)):
            target._fill(value)
            return
        if value.shape != target.shape or value.dtype != target.dtype:
            raise ValueError(f"{value.shape} of {value.dtype} do not fit into {target.shape} of {target.dtype}")
        if isinstance(value, GpuArray):
            self.device.memory.copy(target.address, value.address, target.nbytes)
        else:
            target.upload(value)

    def _fill(self, value: float) -> None:
        if value == 0:
            self.device.memory.zero(self.address, self.nbytes)
        elif self.dtype == np.float32:
            self.device.memory.fill(self.address, self.size, value)
        else:
            raise ValueError(f"{self.dtype} can be filled with 0 alone")

    def upload(self, numbers: npt.NDArray[Any]) -> None:
        """Put numbers of the same size into it; those of `pinned` memory must stay until that is done."""
        numbers = np.ascontiguousarray(numbers)
        if numbers.nbytes != self.nbytes:
            raise ValueError(f"{numbers.shape} of {numbers.dtype} do not fit into {self.shape} of {self.dtype}")
        self.device.memory.upload(self.address, numbers.ctypes.data, self.nbytes)

    def numpy(self) -> npt.NDArray[Any]:
        """A copy on the host; waits for what was queued before."""
        numbers = np.empty(self.shape, self.dtype)
        self.device.memory.download(numbers.ctypes.data, self.address, self.nbytes)
        return numbers

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        raise TypeError("an array of a GPU becomes numpy's by render.arrays.to_numpy alone: it waits for the GPU")

    def __float__(self) -> float:
        return float(self.numpy().reshape(()))

    def tolist(self) -> Any:
        """As Python's numbers; waits for what was queued before."""
        return self.numpy().tolist()

    def reshape(self, *shape: int) -> GpuArray:
        """The same numbers in another shape, on the same memory."""
        if math.prod(shape) != self.size:
            raise ValueError(f"{self.shape} has no shape {shape}")
        return GpuArray(self.device, shape, self.dtype, self._block, self.address)

    def clip(self, low: float, high: float) -> GpuArray:
        """The numbers, float32, brought between two bounds."""
        clipped = GpuArray(self.device, self.shape, np.float32)
        self.device.memory.clip(self.of("float32"), self.size, low, high, clipped.address)
        return clipped

    def of(self, dtype: str, shape: Shape | None = None) -> int:
        """Where it lies, for a kernel that takes numbers of this type, and of this shape.

        Raises:
            ValueError: it is another array than that.
        """
        if self.dtype != dtype or (shape is not None and self.shape != shape):
            raise ValueError(f"{self.shape} of {self.dtype} is not {shape or 'an array'} of {dtype}")
        return self.address

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address, False),
            "version": 3,
            "stream": _LEGACY_STREAM,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return _DLPACK_CUDA, self.device.index

    def __dlpack__(self, *, stream: int | None = None, **others: Any) -> Any:
        """A capsule as the array API standard has it; who reads it on another stream finds all numbers there."""
        from splatworker import _cuda  # noqa: PLC0415

        if others.get("copy"):
            raise BufferError("a copy is made by whoever takes it")
        if stream not in (None, _LEGACY_STREAM, _NO_STREAM):
            self.device.memory.wait()
        return _cuda.dlpack(
            self._block, self.address, self.shape, self.dtype.kind, self.dtype.itemsize, self.device.index
        )


class _PinnedMemory:
    """Tells numpy where pinned memory is, and lives as long as arrays on it."""

    def __init__(self, block: _cuda.Pinned, shape: Shape, dtype: npt.DTypeLike) -> None:
        self._block = block
        self.__array_interface__ = {
            "shape": shape,
            "typestr": np.dtype(dtype).str,
            "data": (block.address, False),
            "version": 3,
        }


def pinned(numbers: npt.NDArray[Any], device: OwnGpu) -> npt.NDArray[Any]:
    """A copy in memory of the host that the system cannot move: from there the GPU fetches it by itself."""
    copy = np.asarray(_PinnedMemory(device.memory.pin(numbers.nbytes), numbers.shape, numbers.dtype))
    copy[...] = numbers
    return copy


def uploaded(numbers: npt.NDArray[Any], device: OwnGpu) -> GpuArray:
    """A copy on a GPU; one of truth values as uint8."""
    numbers = numbers.view(np.uint8) if numbers.dtype == np.bool_ else numbers
    array = GpuArray(device, numbers.shape, numbers.dtype)
    array.upload(numbers)
    return array


def one_behind_another(arrays: Sequence[GpuArray]) -> npt.NDArray[Any]:
    """A copy on the host of arrays of one shape, stacked; those that lie side by side are fetched at once."""
    stacked = np.empty((len(arrays), *arrays[0].shape), arrays[0].dtype)
    size, begin = arrays[0].nbytes, 0
    while begin < len(arrays):
        end = begin + 1
        while end < len(arrays) and arrays[end].address == arrays[end - 1].address + size:
            end += 1
        first = arrays[begin]
        first.device.memory.download(stacked[begin:].ctypes.data, first.address, (end - begin) * size)
        begin = end
    return stacked
