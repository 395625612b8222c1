"""Between a splat's arrays and its tensors nothing is lost and nothing shared."""

from __future__ import annotations

import numpy as np
import torch
from support.gaussian_scenes import random_gaussians

from splatworker.render.tensors import to_gaussians, to_tensors


def test_there_and_back_is_the_same_in_memory_of_its_own() -> None:
    tensors = random_gaussians(7, sh_degree=2)
    arrays = to_gaussians(tensors)
    again = to_tensors(arrays, torch.device("cpu"))
    for first, second in zip(tensors, again, strict=True):
        assert second.dtype == torch.float32
        assert torch.equal(first, second)
    again.means.zero_()
    arrays.means[0] = 9.0
    assert not np.array_equal(arrays.means, tensors.means.numpy())
    assert torch.equal(to_tensors(to_gaussians(tensors), torch.device("cpu")).means, tensors.means)
