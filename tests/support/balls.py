"""Gaussians of one size, spread evenly in balls: scenes that are counted rather than looked at."""

from __future__ import annotations

import numpy as np

from splatworker.formats.gaussians import ARRAYS, Gaussians


def ball(center: tuple[float, float, float], radius: float, count: int = 400, opacity_logit: float = 3.0) -> Gaussians:
    """`count` small grey Gaussians in a ball."""
    random = np.random.default_rng(count)
    offsets = random.normal(size=(count, 3))
    offsets *= (radius * random.random(count) ** (1 / 3) / np.linalg.norm(offsets, axis=1))[:, None]
    return Gaussians(
        (np.array(center) + offsets).astype(np.float32),
        np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        np.full((count, 3), np.log(0.03), np.float32),
        np.full(count, opacity_logit, np.float32),
        np.zeros((count, 3), np.float32),
        np.zeros((count, 15, 3), np.float32),
    )


def together(*parts: Gaussians) -> Gaussians:
    """All of them in one."""
    return Gaussians(*(np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS))
