"""A scene that somebody passes through: a ball with a pattern, and squares painted on some of its photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from support.gaussian_scenes import random_gaussians

from splatworker.render.interface import SH_C0, GaussianTensors

SQUARE = 11
"""Pixels."""

PASSED = {2: (22, 14), 7: (32, 20), 11: (25, 26)}
"""Photo -> the column and the row where its square begins."""

SQUARES = {photo: (slice(row, row + SQUARE), slice(column, column + SQUARE)) for photo, (column, row) in PASSED.items()}

PINK = (250, 30, 220)


def one_thing(count: int = 400) -> GaussianTensors:
    """Opaque patches on a ball, whose colours change from place to place."""
    number = np.arange(count) + 0.5
    up, turn = 1 - 2 * number / count, np.pi * (1 + np.sqrt(5)) * number
    around = np.sqrt(1 - up**2)
    places = np.stack([around * np.cos(turn), up, around * np.sin(turn)], axis=1)
    colours = 0.45 + 0.2 * np.sin(3 * places @ np.array([[1, 2, 0], [0, 1, 2], [2, 0, 1]]))
    gaussians = random_gaussians(count, sh_degree=0, seed=3)
    return gaussians._replace(
        means=torch.tensor(places, dtype=torch.float32),
        log_scales=torch.full((count, 3), -2.2),
        opacity_logits=torch.full((count,), 4.0),
        sh_dc=torch.tensor((colours - 0.5) / SH_C0, dtype=torch.float32),
    )


def paint_squares(folder: Path) -> None:
    """Paint the squares on the photos of a folder."""
    paths = sorted(folder.iterdir())
    for photo, square in SQUARES.items():
        picture = np.array(Image.open(paths[photo]))
        picture[square] = PINK
        Image.fromarray(picture).save(paths[photo])
