"""How alike a drawn image and a photo are."""

from __future__ import annotations

import math

import pytest
import torch

from splatworker.render.metrics import psnr


def test_an_error_of_a_tenth_is_twenty_decibels_and_none_is_infinity() -> None:
    photo = torch.full((3, 4, 5), 51, dtype=torch.uint8)
    assert psnr(torch.full((3, 4, 5), 0.3), photo) == pytest.approx(20.0, abs=1e-4)
    assert psnr(photo / 255, photo) == math.inf


def test_what_no_screen_shows_counts_as_the_nearest_that_it_does() -> None:
    assert psnr(torch.full((3, 2, 2), 7.0), torch.full((3, 2, 2), 255, dtype=torch.uint8)) == math.inf
