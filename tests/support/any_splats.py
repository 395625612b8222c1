"""Splats of every degree, and whether two are the same."""

from __future__ import annotations

import dataclasses

import numpy as np

from splatworker.formats.gaussians import Gaussians


def random_splat(count: int, degree: int) -> Gaussians:
    random = np.random.default_rng(0)
    shapes = [(count, 3), (count, 4), (count, 3), (count,), (count, 3), (count, (degree + 1) ** 2 - 1, 3)]
    return Gaussians(*(random.normal(scale=0.3, size=shape).astype(np.float32) for shape in shapes))


def same(first: Gaussians, second: Gaussians) -> bool:
    names = [field.name for field in dataclasses.fields(Gaussians)]
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)
