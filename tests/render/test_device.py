"""What only a GPU can do is nothing on a CPU, and goes to torch's own call on a GPU."""

from __future__ import annotations

import pytest
import torch

from splatworker.render import device
from splatworker.render.arrays import Device

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.mark.parametrize("cpu", ["cpu", CPU])
def test_on_a_cpu_there_is_nothing_to_do(cpu: Device) -> None:
    device.synchronise(cpu)
    with device.current(cpu):
        pass
    assert not device.is_gpu(cpu)
    assert device.kind(cpu) == "cpu"
    assert device.event(cpu) is None
    assert device.free_memory(cpu) is device.peak_memory(cpu) is None


def test_where_the_driver_shows_no_gpu_torch_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "find_gpus", lambda: {"code": "no_driver"})
    assert not device.has_gpu()
    monkeypatch.setattr(device, "find_gpus", lambda: {"code": ""})
    assert device.has_gpu()


def test_a_gpus_free_memory_has_what_torch_holds_and_does_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda of: (1000, 9999))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda of: 300)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda of: 120)
    assert device.free_memory(GPU) == 1180


def test_each_verb_is_one_call_of_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[object, ...]] = []
    for name in ("synchronize", "set_device", "max_memory_allocated", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda *of, name=name: called.append((name, *of)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    device.synchronise(GPU)
    device.make_current(1)
    device.peak_memory(GPU)
    device.give_back_memory()
    assert called == [("synchronize", GPU), ("set_device", 1), ("max_memory_allocated", GPU), ("empty_cache",)]


def test_without_a_gpu_no_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: pytest.fail("there is no GPU"))
    device.give_back_memory()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
def test_on_a_gpu() -> None:
    numbers = torch.zeros(1 << 20, device=GPU)
    mark = device.event(GPU)
    assert mark is not None
    with device.current(GPU):
        numbers.add_(1)
        mark.record()
    mark.synchronize()
    device.synchronise(GPU)
    free, peak = device.free_memory(GPU), device.peak_memory(GPU)
    assert free is not None
    assert peak is not None
    assert free > 0
    assert peak >= 4 << 20
    assert device.gpu_count() >= 1
