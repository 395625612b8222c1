"""How alike a drawn image and a photo are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.kinds import on_either

from splatworker.render.arrays import Device, to_device
from splatworker.render.metrics import psnr


@on_either
def test_an_error_of_a_tenth_is_twenty_decibels_and_none_is_infinity(device: Device) -> None:
    photo = to_device(np.full((3, 4, 5), 51, np.uint8), device)
    assert psnr(to_device(np.full((3, 4, 5), 0.3, np.float32), device), photo) == pytest.approx(20.0, abs=1e-4)
    assert psnr(to_device(np.full((3, 4, 5), np.float32(51) / 255), device), photo) == math.inf


@on_either
def test_what_no_screen_shows_counts_as_the_nearest_that_it_does(device: Device) -> None:
    image, photo = np.full((3, 2, 2), 7, np.float32), np.full((3, 2, 2), 255, np.uint8)
    assert psnr(to_device(image, device), to_device(photo, device)) == math.inf


@on_either
def test_what_is_ignored_is_not_compared(device: Device) -> None:
    image, photo, ignored = np.full((3, 2, 2), 0.3, np.float32), np.full((3, 2, 2), 51, np.uint8), np.eye(2, dtype="u1")
    image[:, 0, 0] = 1
    assert psnr(*(to_device(array, device) for array in (image, photo, ignored))) == pytest.approx(20.0, abs=1e-4)
    assert math.isnan(psnr(image * np.nan, photo))
