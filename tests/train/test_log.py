"""The loss over the iterations, and a training that has diverged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from splatworker.errors import TrainingDiverged
from splatworker.render.arrays import Device, to_device
from splatworker.render.interface import Loss
from splatworker.train.log import LossLog


def loss(device: Device, value: float) -> Loss:
    return Loss(*(to_device(np.array(value * factor, np.float32), device) for factor in (1.0, 2.0, 3.0)))


def test_an_entry_is_the_mean_of_what_came_since_the_last(device: Device) -> None:
    heard: list[dict[str, Any]] = []
    log = LossLog(heard.append)
    assert log.last_loss is None
    for value in (1.0, 3.0):
        log.add(loss(device, value))
    log.read(2, 7)
    log.read(3, 7)  # nothing has come since
    assert heard == log.entries == [{"iteration": 2, "loss": 2.0, "l1": 4.0, "ssim": 6.0, "gaussians": 7}]
    assert log.last_loss == 2.0


@pytest.mark.parametrize(
    ("value", "gaussians", "words"), [(math.nan, 7, "NaN or infinite"), (math.inf, 7, "NaN"), (1.0, 0, "No Gaussian")]
)
def test_a_training_that_has_diverged_ends(value: float, gaussians: int, words: str, device: Device) -> None:
    log = LossLog(lambda entry: None)
    log.add(loss(device, value))
    with pytest.raises(TrainingDiverged, match=words):
        log.read(50, gaussians)
