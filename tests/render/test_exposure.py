"""A photo's exposure between picture and loss: every backend against the reference, and the kernels by themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.gaussian_scenes import look_at_camera, random_gaussians
from support.holed_photos import holed, noise
from support.many_threads import many_threads_gpu

from splatworker.formats.camera import Camera
from splatworker.render.interface import (
    AdamState,
    DensityStatistics,
    Dropout,
    Exposure,
    GaussianTensors,
    LearningRates,
    LossTerms,
    Renderer,
    Step,
    View,
)
from splatworker.render.reference import ReferenceRenderer, exposed

COUNT, DEGREE = 150, 2
BACKGROUND = torch.tensor([0.2, 0.5, 0.9])
RATES = LearningRates(1e-3, 1e-3, 5e-3, 5e-2, 2.5e-3, 1e-4)
CAMERA = look_at_camera(seed=12)
WARM = torch.tensor([[1.3, 0.1, -0.05, 0.02], [0.05, 0.9, 0.1, -0.01], [-0.1, 0.15, 0.6, 0.03]])
"""An exposure that mixes colours, brighter and redder."""


def view(camera: Camera, device: torch.device | str, *, ignores: bool) -> View:
    return holed(camera, device) if ignores else View(camera, noise(camera).to(device))


class Trained:
    """What comes of three steps on a photo."""

    def __init__(
        self,
        backend: Renderer,
        dtype: torch.dtype,
        camera: Camera = CAMERA,
        exposure: torch.Tensor | None = WARM,
        *,
        ignores: bool = False,
        steps: int = 3,
        dropout: float = 0.0,
        background: torch.Tensor = BACKGROUND,
        lambda_dssim: float = 0.2,
    ) -> None:
        start = random_gaussians(COUNT, 3, seed=14)
        self.parameters = GaussianTensors(*(t.clone().to(backend.device, dtype) for t in start))
        self.state = AdamState(*(GaussianTensors(*(torch.zeros_like(t) for t in self.parameters)) for _ in range(2)))
        self.statistics = DensityStatistics(
            *(torch.zeros(COUNT, device=backend.device) for _ in DensityStatistics._fields)
        )
        self.losses, self.gradients = [], []
        seen = view(camera, backend.device, ignores=ignores)
        for number in range(1, steps + 1):
            gradient = torch.full((3, 4), torch.nan, device=backend.device)
            of = None if exposure is None else Exposure(exposure.clone().to(backend.device), gradient)
            behind, left_out = background.to(backend.device), Dropout(dropout, number)
            step = Step(seen, behind, DEGREE, LossTerms(lambda_dssim), RATES, number, left_out, exposure=of)
            loss = backend.training_step(self.parameters, self.state, self.statistics, step)
            self.losses.append([float(value) for value in loss])
            self.gradients.append(gradient.cpu())


def relative(value: torch.Tensor, expected: torch.Tensor) -> float:
    return float((value.cpu().double() - expected.double()).norm() / expected.double().norm())


@pytest.mark.parametrize("ignores", [False, True], ids=["whole", "ignored"])
@pytest.mark.parametrize("camera", [CAMERA, look_at_camera(37, 61, seed=6)], ids=["64x48", "37x61"])
def test_training_step(renderer: Renderer, camera: Camera, ignores: bool) -> None:
    expected = Trained(ReferenceRenderer(), torch.float64, camera, ignores=ignores, dropout=0.3)
    found = Trained(renderer, torch.float32, camera, ignores=ignores, dropout=0.3)
    for loss, wanted in zip(found.losses, expected.losses, strict=True):
        assert loss == pytest.approx(wanted, rel=1e-3)
    for gradient, wanted_gradient in zip(found.gradients, expected.gradients, strict=True):
        assert relative(gradient, wanted_gradient) < 1e-2  # one pixel on the other side of its photo is 2e-3
    for name, value, wanted_moment in zip(
        GaussianTensors._fields, found.state.first, expected.state.first, strict=True
    ):
        assert relative(value, wanted_moment) < 5e-3, name
    for name, value, wanted_count in zip(DensityStatistics._fields, found.statistics, expected.statistics, strict=True):
        assert relative(value, wanted_count) < 5e-3, name


def test_over_a_backdrop(renderer: Renderer) -> None:
    backdrop = torch.randn(9, 3, generator=torch.Generator().manual_seed(2))
    how: dict[str, Any] = {"background": backdrop, "steps": 1, "lambda_dssim": 1.0}
    expected, found = Trained(ReferenceRenderer(), torch.float64, **how), Trained(renderer, torch.float32, **how)
    assert found.losses[0] == pytest.approx(expected.losses[0], rel=1e-3)
    assert relative(found.gradients[0], expected.gradients[0]) < 1e-3


def test_one_that_changes_nothing_is_as_good_as_none(renderer: Renderer) -> None:
    plain = Trained(renderer, torch.float32, exposure=None, steps=1)
    same = Trained(renderer, torch.float32, exposure=torch.eye(3, 4), steps=1)
    assert same.losses == plain.losses
    assert same.gradients[0].norm() > 0
    for name, value, wanted in zip(GaussianTensors._fields, same.state.first, plain.state.first, strict=True):
        assert relative(value, wanted.cpu()) < 1e-4, name
    if type(renderer).__name__ == "CpuRenderer":
        assert all(torch.equal(*pair) for pair in zip(same.parameters, plain.parameters, strict=True))


def test_the_gradient_is_the_same_every_time(renderer: Renderer) -> None:
    camera = look_at_camera(400, 300, focal=300.0, seed=21)
    once, again = (Trained(renderer, torch.float32, camera, steps=1) for _ in range(2))
    assert torch.equal(once.gradients[0], again.gradients[0])
    assert once.losses == again.losses


def test_the_gradient_does_not_depend_on_the_number_of_threads() -> None:
    from splatworker.render.cpu import CpuRenderer

    one, three = (Trained(CpuRenderer(threads), torch.float32) for threads in (1, 3))
    for gradient, other in zip(one.gradients, three.gradients, strict=True):
        assert torch.equal(gradient, other)


def test_the_gradient_is_what_the_loss_changes_by() -> None:
    """The specification's own, by differences."""
    matrix, by = WARM.double(), 1e-6
    (gradient,) = Trained(ReferenceRenderer(), torch.float64, steps=1).gradients
    for row, column in [(0, 0), (1, 2), (2, 3), (0, 3)]:
        losses = []
        for sign in (1, -1):
            other = matrix.clone()
            other[row, column] += sign * by
            losses.append(Trained(ReferenceRenderer(), torch.float64, exposure=other, steps=1).losses[0][0])
        assert float(gradient[row, column]) == pytest.approx((losses[0] - losses[1]) / (2 * by), rel=1e-4)


def test_colours_are_mixed_and_moved() -> None:
    """The specification's own."""
    shown = exposed(torch.tensor([0.5, 0.25, 1.0]).double()[:, None, None], WARM.double())
    assert shown[:, 0, 0].tolist() == pytest.approx(
        [
            1.3 * 0.5 + 0.1 * 0.25 - 0.05 + 0.02,
            0.05 * 0.5 + 0.9 * 0.25 + 0.1 - 0.01,
            -0.1 * 0.5 + 0.15 * 0.25 + 0.6 + 0.03,
        ]
    )


def test_what_is_no_exposure_is_refused(renderer: Renderer) -> None:
    with pytest.raises((ValueError, TypeError)):
        Trained(renderer, torch.float32, exposure=torch.eye(3), steps=1)


def kernels_are_numpys(size: tuple[int, int]) -> None:
    """The kernels beside numpy's sums in double precision, on arrays of our own."""
    from splatworker.render.arrays import to_device, to_numpy
    from splatworker.render.gpu_array import OwnGpu
    from splatworker.render.own_cuda import OwnCudaRenderer

    gpu, dice, (width, height) = OwnGpu(0), np.random.default_rng(3), size
    native, stream = OwnCudaRenderer(gpu)._native, 0
    matrix = WARM.numpy()
    image, above = (dice.normal(size=(3, height, width)).astype(np.float32) for _ in range(2))
    there: list[Any] = [to_device(array, gpu) for array in (matrix, image)]
    shown, gradient = (to_device(np.full(shape, np.nan, np.float32), gpu) for shape in ((3, height, width), (3, 4)))
    native.expose(there[0].address, there[1].address, width, height, shown.address, stream)
    expected = np.tensordot(matrix[:, :3], image, 1) + matrix[:, 3, None, None]
    np.testing.assert_allclose(to_numpy(shown), expected, atol=1e-5)
    found = []
    for _ in range(2):
        below = to_device(above, gpu)
        native.expose_backward(
            there[0].address, there[1].address, width, height, below.address, gradient.address, stream
        )
        np.testing.assert_allclose(to_numpy(below), np.tensordot(matrix[:, :3].T, above, 1), atol=1e-5)
        found.append(to_numpy(gradient))
    np.testing.assert_array_equal(found[0], found[1])
    colours = np.concatenate([image.astype(np.float64), np.ones((1, height, width))])
    sums = np.einsum("chw,khw->ck", above.astype(np.float64), colours)
    np.testing.assert_allclose(found[0], sums, rtol=1e-4, atol=1e-6 * width * height)


SIZES = [(64, 48), (37, 61), (1, 1), (600, 420)]


def test_kernels_of_many_threads(tmp_path: Path) -> None:
    """All threads of a block, one after the other, on a stand-in for a GPU: the tree of sums is theirs."""
    environment = many_threads_gpu(tmp_path)
    told = f"from render.test_exposure import kernels_are_numpys\nfor size in {SIZES}: kernels_are_numpys(size)"
    done = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.gpu
@pytest.mark.parametrize("size", [*SIZES, (1920, 1080)])
def test_kernels_of_a_gpu(size: tuple[int, int]) -> None:
    from splatworker.render.backend import cuda_refusal

    if cuda_refusal()[0]:
        pytest.skip("no NVIDIA GPU here")
    kernels_are_numpys(size)
