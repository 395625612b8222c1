"""A renderer that is given torch's tensors and does its work on numpy's arrays: what holds for one holds for both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from splatworker.render.interface import Renderer, View


class AsNumpy:
    """A renderer of the CPU; tensors go in as arrays on their memory, and arrays come out as tensors on theirs."""

    device = torch.device("cpu")

    def __init__(self, renderer: Renderer) -> None:
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
        return lambda *args, **kwargs: tensors(member(*map(arrays, args), **{k: arrays(v) for k, v in kwargs.items()}))


def arrays(value: Any) -> Any:
    """A value with a numpy array in the place of every tensor within it."""
    match value:
        case torch.Tensor():
            return value.detach().numpy()
        case View():
            return replace(value, photo=arrays(value.photo), ignored=arrays(value.ignored))
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*map(arrays, value))
        case _:
            return value


def tensors(value: Any) -> Any:
    """A value with a tensor in the place of every numpy array within it; none may have been a tensor before."""
    assert not isinstance(value, torch.Tensor), "a renderer that is given numpy's arrays gives them back"
    match value:
        case np.ndarray():
            return torch.from_numpy(value)
        case tuple():
            parts = map(tensors, value)
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        case _:
            return value
