"""Our own arrays on a GPU: what they are, their memory, and what others see of them. Not collected by itself:
`test_gpu_array.py` runs it on a GPU of one thread a block; and where there is a true one, on that:

    pytest tests/render/gpu_array_cases.py
"""

from __future__ import annotations

import ctypes
import gc
import os
from itertools import pairwise

import numpy as np
import pytest
from support.on_own_gpu import GPU, MIB, numbers, photo, same
from support.one_thread import STAND_IN

from splatworker import _cuda
from splatworker.render import arrays, device
from splatworker.render.arrays import copied, to_device
from splatworker.render.gpu_array import GpuArray, OwnGpu, pinned
from splatworker.train.memory import is_out_of_memory

# Arrays


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int32"])
def test_numbers_come_back_as_they_went(dtype: str) -> None:
    given = (100 * numbers(7, 3, 2)).astype(dtype)
    array = to_device(given, GPU)
    assert (array.shape, array.dtype, array.device, len(array)) == ((7, 3, 2), dtype, GPU, 7)
    same(array, given)
    same(array[2:5], given[2:5])
    same(array[-1], given[-1])
    same(array.reshape(21, 2)[3:], given.reshape(21, 2)[3:])
    assert array[1:].address == array.address + given[0].nbytes
    assert array[0:0].numpy().shape == (0, 3, 2)


def test_rows_are_filled_copied_and_put() -> None:
    given = numbers(6, 4)
    array = to_device(given, GPU)
    array[1:3] = 0
    array[3:4] = 2.5
    array[4:] = to_device(given[:2], GPU)
    array[0:1] = given[5:]
    given[1:3], given[3], given[0] = 0, 2.5, given[5]
    same(array[:4], given[:4])
    with pytest.raises(ValueError, match="do not fit"):
        array[:2] = given[:3]
    with pytest.raises(ValueError, match="do not fit"):
        array[:2] = given[:2].astype(np.float64)
    with pytest.raises(TypeError, match="to_numpy alone"):
        np.asarray(array)
    with pytest.raises(TypeError, match="computable"):
        arrays.library(array)


def test_what_is_not_there_is_said() -> None:
    array = to_device(numbers(4), GPU)
    with pytest.raises(IndexError):
        array[4]
    with pytest.raises(IndexError, match="follow one another"):
        array[::2]
    with pytest.raises(IndexError, match="no row 4 of 4"):
        arrays.index_of_rows(np.array([1, 4]), array)


def test_a_copy_is_one() -> None:
    array = to_device(numbers(4), GPU)
    copy = copied(array)
    array[...] = 0
    assert copy.numpy().all()


def test_pinned_memory_outlives_who_pinned_it() -> None:
    given = numbers(1000, 3)
    kept = pinned(given, GPU)
    gc.collect()
    same(to_device(kept, GPU), given)
    kept[0] = 0  # it is an array like any other
    assert not (to_device(kept, GPU)[0].numpy()).any()


# Memory


def test_memory_is_used_again_and_merged() -> None:
    memory = GPU.memory
    gc.collect()
    memory.give_back()
    before, free = memory.used, memory.free_bytes()
    parts = [GpuArray(GPU, (3 * MIB,), "uint8") for _ in range(6)]
    places = {part.address for part in parts}
    assert len(places) == 6
    assert all(place % 512 == 0 for place in places)
    assert memory.used - before == 18 * MIB
    del parts[1], parts[1]  # neighbours
    again = GpuArray(GPU, (6 * MIB,), "uint8")
    assert again.address in places
    assert memory.used - before == 18 * MIB
    del parts, again
    assert memory.used == before
    assert memory.peak >= before + 18 * MIB
    whole = GpuArray(GPU, (18 * MIB,), "uint8")
    assert whole.address == min(places)
    del whole
    assert memory.free_bytes() >= free
    memory.give_back()


def test_small_ones_do_not_cut_up_what_is_large() -> None:
    small, large = GpuArray(GPU, (100,), "float32"), GpuArray(GPU, (2 * MIB,), "uint8")
    assert not 0 <= small.address - large.address < 20 * MIB


def test_blocks_never_overlap() -> None:
    random, held = np.random.default_rng(1), list[GpuArray]()
    for _ in range(600):
        if held and random.random() < 0.5:
            held.pop(random.integers(len(held)))
        size = int(10 ** random.uniform(0, 6.8))
        held.append(GpuArray(GPU, (size,), "uint8"))
        ends = sorted((one.address, one.address + one.nbytes) for one in held)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(ends))


def test_out_of_memory_says_how_much_was_asked_for() -> None:
    asked = 1 << 50
    with pytest.raises(MemoryError, match=f"no {asked} bytes") as raised:
        GpuArray(GPU, (asked,), "uint8")
    assert isinstance(raised.value, _cuda.OutOfMemory)
    assert is_out_of_memory(raised.value)
    same(to_device(numbers(5), GPU)[:0], numbers(0))


@pytest.mark.skipif(STAND_IN not in os.environ, reason="for a GPU whose memory can be made small")
def test_what_is_kept_goes_back_where_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    device.give_back_memory()
    most = (1 << 34) - device_free()
    monkeypatch.setenv("FAKE_CUDA_MEMORY", str(most + 64 * MIB))
    free = device_free()
    kept = GpuArray(GPU, (40 * MIB,), "uint8")
    with pytest.raises(MemoryError):
        GpuArray(GPU, (50 * MIB,), "uint8")
    del kept
    assert device_free() == free
    whole = GpuArray(GPU, (50 * MIB,), "uint8")  # for which the 40 had to go back to the driver
    assert device_free() == free - 50 * MIB
    del whole
    device.give_back_memory()


def device_free() -> int:
    free = device.free_memory(GPU)
    assert free is not None
    return free


def test_what_a_device_is_asked() -> None:
    assert device.is_gpu(GPU)
    assert device.kind(GPU) == "cuda"
    assert GPU == OwnGpu(0) != OwnGpu(1)
    assert len({GPU, OwnGpu(0)}) == 1
    device.synchronise(GPU)
    with device.current(GPU):
        peak = device.peak_memory(GPU)
    assert peak is not None
    assert peak >= GPU.memory.used


# At the border


def test_who_knows_cudas_interface_reads_it() -> None:
    array = to_device(numbers(4, 3), GPU)
    told = array[1:].__cuda_array_interface__
    assert told["shape"] == (3, 3)
    assert told["typestr"] == "<f4"
    assert told["data"] == (array.address + 12, False)


def test_a_dlpack_capsule_describes_it() -> None:
    array = to_device(photo(4, 3), GPU)
    assert array.__dlpack_device__() == (2, 0)
    capsule = array[1:].__dlpack__(stream=None)
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]

    class Tensor(ctypes.Structure):
        _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32), ("number", ctypes.c_int32),
                    ("axes", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                    ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.c_void_p),
                    ("offset", ctypes.c_uint64)]  # fmt: skip

    told = Tensor.from_address(pointer(capsule, b"dltensor"))
    assert told.data + told.offset == array.address + 3
    assert (told.device, told.number, told.axes, told.code, told.bits, told.lanes) == (2, 0, 2, 1, 8, 1)
    assert told.shape[:2] == [3, 3]
    with pytest.raises(BufferError):
        array.__dlpack__(copy=True)


def test_torch_takes_it_where_it_has_a_gpu() -> None:
    torch = pytest.importorskip("torch")
    if STAND_IN in os.environ or not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here, or no torch for it")
    given = numbers(4, 3)
    array = to_device(given, GPU)
    for tensor in (torch.from_dlpack(array), torch.as_tensor(array, device="cuda")):
        assert tensor.data_ptr() == array.address
        same(tensor.cpu(), given)
    kept = torch.from_dlpack(to_device(given, GPU))
    others = [to_device(numbers(4, 3), GPU) for _ in range(10)]
    same(kept.cpu(), given)
    assert len(others) == 10
