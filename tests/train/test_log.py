"""The loss over the iterations, and a training that has diverged."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from splatworker.errors import TrainingDiverged
from splatworker.render.interface import Loss
from splatworker.train.log import LossLog


def loss(value: float) -> Loss:
    return Loss(*(torch.tensor(value * factor) for factor in (1.0, 2.0, 3.0)))


def test_an_entry_is_the_mean_of_what_came_since_the_last() -> None:
    heard: list[dict[str, Any]] = []
    log = LossLog(heard.append)
    assert log.last_loss is None
    for value in (1.0, 3.0):
        log.add(loss(value))
    log.read(2, 7)
    log.read(3, 7)  # nothing has come since
    assert heard == log.entries == [{"iteration": 2, "loss": 2.0, "l1": 4.0, "ssim": 6.0, "gaussians": 7}]
    assert log.last_loss == 2.0


@pytest.mark.parametrize(
    ("value", "gaussians", "words"), [(math.nan, 7, "NaN or infinite"), (math.inf, 7, "NaN"), (1.0, 0, "No Gaussian")]
)
def test_a_training_that_has_diverged_ends(value: float, gaussians: int, words: str) -> None:
    log = LossLog(lambda entry: None)
    log.add(loss(value))
    with pytest.raises(TrainingDiverged, match=words):
        log.read(50, gaussians)
