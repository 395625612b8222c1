"""A renderer on our own arrays of a GPU that is given torch's tensors: what holds for one holds for both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from splatworker.render.arrays import to_device
from splatworker.render.gpu_array import GpuArray
from splatworker.render.interface import View
from splatworker.render.own_cuda import OwnCudaRenderer


class AsOwn:
    """A renderer; tensors go in as copies on the GPU, and afterwards are what has become of these; arrays come out as
    tensors."""

    device = torch.device("cpu")

    def __init__(self, renderer: OwnCudaRenderer) -> None:
        self._renderer = renderer

    @property
    def antialiasing(self) -> bool:
        """The renderer's own."""
        return self._renderer.antialiasing

    @antialiasing.setter
    def antialiasing(self, wanted: bool) -> None:
        self._renderer.antialiasing = wanted

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._renderer, name)
        if not callable(member):
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            there: list[tuple[torch.Tensor, GpuArray]] = []
            result = member(*(self._own(a, there) for a in args), **{k: self._own(v, there) for k, v in kwargs.items()})
            told = tensors(result)
            for tensor, array in there:
                tensor.copy_(torch.from_numpy(array.numpy()))
            return told

        return call

    def _own(self, value: Any, there: list[tuple[torch.Tensor, GpuArray]]) -> Any:
        """A value with one of our arrays in the place of every tensor within it."""
        match value:
            case torch.Tensor():
                array = to_device(np.ascontiguousarray(value.detach().numpy()), self._renderer.device)
                there.append((value, array))
                return array
            case View():
                return replace(value, photo=self._own(value.photo, there), ignored=self._own(value.ignored, there))
            case tuple() if hasattr(value, "_fields"):
                return type(value)(*(self._own(part, there) for part in value))
            case _:
                return value


def tensors(value: Any) -> Any:
    """A value with a tensor in the place of every one of our arrays within it."""
    match value:
        case GpuArray():
            return torch.from_numpy(value.numpy())
        case tuple():
            parts = map(tensors, value)
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        case _:
            return value
