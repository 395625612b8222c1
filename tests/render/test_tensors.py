"""Between a splat's arrays and its tensors nothing is lost and nothing shared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.gaussian_scenes import random_gaussians
from support.kinds import on_either

from splatworker.render.arrays import Device, device_of, to_numpy
from splatworker.render.tensors import for_renderer, to_gaussians, to_tensors


@on_either
def test_there_and_back_is_the_same_in_memory_of_its_own(device: Device) -> None:
    tensors = random_gaussians(7, sh_degree=2)
    arrays = to_gaussians(tensors)
    again = to_tensors(arrays, device)
    for first, second in zip(tensors, again, strict=True):
        assert device_of(second) == device
        assert to_numpy(second).dtype == np.float32
        assert np.array_equal(first.numpy(), to_numpy(second))
    again.means[...] = 0
    arrays.means[0] = 9.0
    assert not np.array_equal(arrays.means, tensors.means.numpy())
    back = to_gaussians(again)
    again.sh_dc[...] = 0
    assert back.sh_dc.any()


@pytest.mark.parametrize("antialiased", [False, True])
def test_a_renderer_draws_as_the_splat_that_it_is_given_wants(antialiased: bool) -> None:
    from splatworker.render.cpu import CpuRenderer

    renderer, splat = CpuRenderer(), to_gaussians(random_gaussians(7), antialiased=antialiased)
    renderer.antialiasing = not antialiased
    tensors = for_renderer(splat, renderer)
    assert renderer.antialiasing == splat.antialiased == antialiased
    assert np.array_equal(tensors.means, splat.means)


def test_arrays_begin_at_a_cache_line_as_tensors_do() -> None:
    for array in to_tensors(to_gaussians(random_gaussians(7, sh_degree=2)), "cpu"):
        assert array.ctypes.data % 64 == 0
        assert array.flags["W"]


@pytest.mark.parametrize("wrong", [np.zeros((7, 3)), np.zeros((7, 6), np.float32)[:, ::2]], ids=["float64", "strided"])
def test_what_the_kernels_would_have_to_copy_is_refused(wrong: np.ndarray) -> None:
    """They write into what they are given: into a copy they would write in vain."""
    from splatworker.render.cpu import CpuRenderer
    from splatworker.render.interface import AdamState, LearningRates

    good, gradients, first, second = (to_tensors(to_gaussians(random_gaussians(7)), "cpu") for _ in range(4))
    step = LearningRates(*[1e-3] * 6), 1, 3
    with pytest.raises(TypeError):
        CpuRenderer().adam_step(good._replace(means=wrong), gradients, AdamState(first, second), *step)
    CpuRenderer().adam_step(good, gradients, AdamState(first, second), *step)
    assert not torch.equal(torch.from_numpy(good.means), random_gaussians(7).means)
