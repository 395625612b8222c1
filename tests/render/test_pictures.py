"""Pictures as bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from splatworker.render.pictures import to_picture


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy])
def test_numbers_are_rounded_and_cut_off(library: type) -> None:
    """1.4 of 255 is 1, 1.6 is 2; what is below black is black, and above white white."""
    numbers = np.array([1.4 / 255, 1.6 / 255, -0.5, 1.5, 0.5, 1.0], np.float32)
    image = np.stack([numbers.reshape(2, 3), np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)])
    picture = to_picture(library(image))
    assert picture.shape == (2, 3, 3)
    assert picture.dtype == np.uint8
    assert picture[:, :, 0].ravel().tolist() == [1, 2, 0, 255, 128, 255]
    assert (picture[:, :, 1] == 0).all()
    assert (picture[:, :, 2] == 255).all()
