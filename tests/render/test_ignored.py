"""Ignored pixels: every backend against the reference, and the specification's own promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.gaussian_scenes import front_camera, look_at_camera, random_gaussians
from support.holed_photos import hole, holed
from support.kinds import on_either

from splatworker.formats.camera import Camera
from splatworker.render.arrays import Device, to_device
from splatworker.render.ignored import hides
from splatworker.render.interface import (
    CONTRIBUTION_HEADER,
    AdamState,
    DensityStatistics,
    Dropout,
    GaussianTensors,
    Ignored,
    LearningRates,
    LossTerms,
    Renderer,
    Step,
)
from splatworker.render.reference import ReferenceRenderer, project

COUNT, DEGREE = 150, 2
BACKGROUND = torch.tensor([0.2, 0.5, 0.9])
RATES = LearningRates(1e-3, 1e-3, 5e-3, 5e-2, 2.5e-3, 1e-4)
CAMERA = look_at_camera(seed=12)


def fresh(
    start: GaussianTensors, device: torch.device | str, dtype: torch.dtype
) -> tuple[GaussianTensors, AdamState, DensityStatistics]:
    parameters = GaussianTensors(*(t.clone().to(device, dtype) for t in start))
    state = AdamState(*(GaussianTensors(*(torch.zeros_like(t) for t in parameters)) for _ in range(2)))
    return (
        parameters,
        state,
        DensityStatistics(*(torch.zeros(len(start.means), device=device) for _ in DensityStatistics._fields)),
    )


def relative(value: torch.Tensor, expected: torch.Tensor) -> float:
    return float((value.cpu().double() - expected.double()).norm() / expected.double().norm())


@pytest.mark.parametrize("terms", [LossTerms(0.0), LossTerms(0.2), LossTerms(1.0), LossTerms(0.2, 0.05)])
def test_loss_and_its_gradient(renderer: Renderer, terms: LossTerms) -> None:
    image = torch.rand(3, CAMERA.height, CAMERA.width, generator=torch.Generator().manual_seed(1))
    one, other = holed(CAMERA, "cpu"), holed(CAMERA, renderer.device)
    expected, wanted = ReferenceRenderer().loss(image, one.photo, terms, one.ignored)
    loss, gradient = renderer.loss(image.to(renderer.device), other.photo, terms, other.ignored)
    for value, true in zip(loss, expected, strict=True):
        assert float(value) == pytest.approx(float(true), rel=1e-5, abs=1e-6)
    assert relative(gradient, wanted) < 1e-4
    assert torch.count_nonzero(gradient.cpu()[:, hole(CAMERA) != 0]) == 0
    assert torch.count_nonzero(wanted[:, hole(CAMERA) != 0]) == 0


def test_what_an_image_shows_there_is_nobodys_business(renderer: Renderer) -> None:
    image = torch.rand(3, CAMERA.height, CAMERA.width, generator=torch.Generator().manual_seed(1)).to(renderer.device)
    seen = holed(CAMERA, renderer.device)
    assert seen.ignored is not None
    other = torch.where(seen.ignored.pixels != 0, 1 - image, image)
    (one, gradient), (two, same) = (renderer.loss(i, seen.photo, LossTerms(0.2), seen.ignored) for i in (image, other))
    assert [float(value) for value in one] == [float(value) for value in two]
    assert torch.equal(gradient, same)


def test_l1_is_the_mean_over_pixels_that_count() -> None:
    """The specification's own."""
    image = torch.rand(3, CAMERA.height, CAMERA.width, generator=torch.Generator().manual_seed(1))
    seen = holed(CAMERA, "cpu")
    kept = hole(CAMERA) == 0
    loss, _ = ReferenceRenderer().loss(image, seen.photo, LossTerms(0.2), seen.ignored)
    assert float(loss.l1) == pytest.approx(float((image - seen.photo / 255).abs()[:, kept].mean()), rel=1e-6)
    same, _ = ReferenceRenderer().loss(seen.photo / 255, seen.photo, LossTerms(0.2), seen.ignored)
    assert float(same.ssim) == pytest.approx(1)
    assert float(same.total) == pytest.approx(0, abs=1e-6)


def test_nothing_ignored_is_the_plain_loss(renderer: Renderer) -> None:
    image = torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(1)).to(renderer.device)
    photo = torch.randint(0, 256, (3, 40, 50), dtype=torch.uint8).to(renderer.device)
    none = Ignored(torch.zeros(40, 50, dtype=torch.uint8, device=renderer.device))
    plain, gradient = renderer.loss(image, photo, LossTerms(0.2))
    loss, same = renderer.loss(image, photo, LossTerms(0.2), none)
    assert [float(value) for value in loss] == pytest.approx([float(value) for value in plain])
    assert torch.allclose(gradient, same)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("camera", [CAMERA, look_at_camera(37, 61, seed=6)], ids=["64x48", "37x61"])
def test_training_step(renderer: Renderer, camera: Camera, dropout: float) -> None:
    start = random_gaussians(COUNT, 3, seed=14)

    def train(backend: Renderer, dtype: torch.dtype) -> tuple[Any, ...]:
        parameters, state, statistics = fresh(start, backend.device, dtype)
        seen, behind = holed(camera, backend.device), BACKGROUND.to(backend.device)
        losses = [
            backend.training_step(
                parameters, state, statistics,
                Step(seen, behind, DEGREE, LossTerms(0.2), RATES, number, Dropout(dropout, seed=number)),
            )
            for number in range(1, 4)
        ]  # fmt: skip
        return parameters, state, statistics, losses

    expected, expected_state, expected_statistics, expected_losses = train(ReferenceRenderer(), torch.float64)
    parameters, state, statistics, losses = train(renderer, torch.float32)
    for loss, wanted in zip(losses, expected_losses, strict=True):
        assert [float(v) for v in loss] == pytest.approx([float(v) for v in wanted], rel=1e-3)
    for name, value, wanted in zip(GaussianTensors._fields, state.first, expected_state.first, strict=True):
        assert relative(value, wanted) < 1e-2, name
    for name, value, wanted, old in zip(GaussianTensors._fields, parameters, expected, start, strict=True):
        moved = (wanted - old).abs()  # see test_parity.test_training_step
        assert ((value.cpu() - wanted).abs() <= 0.02 * moved + 1e-6).double().mean() > 0.97, name
    for name, value, wanted in zip(DensityStatistics._fields, statistics, expected_statistics, strict=True):
        assert relative(value, wanted) < 1e-2, name
    ignored = holed(camera, "cpu").ignored
    assert ignored is not None
    hidden = hides(start.means, camera, ignored)
    assert 20 < int(hidden.sum()) < 130
    counts = statistics.view_count.cpu()
    assert not counts[hidden].any()
    if not dropout:
        drawn = project(GaussianTensors(*(tensor.double() for tensor in start)), camera, DEGREE).visible
        assert (counts[drawn & ~hidden] > 0).all()


def test_a_batch(renderer: Renderer) -> None:
    cameras = [CAMERA, look_at_camera(50, 70, focal=80.0, seed=32)]
    start = random_gaussians(COUNT, 3, seed=34)

    def train(backend: Renderer, dtype: torch.dtype) -> tuple[Any, ...]:
        parameters, state, statistics = fresh(start, backend.device, dtype)
        size = backend.contribution_size(parameters)
        contributions = torch.empty(2, size, device=backend.device, dtype=dtype)
        views = [holed(camera, backend.device) for camera in cameras]
        step = Step(views[0], BACKGROUND.to(backend.device), DEGREE, LossTerms(0.2), RATES, 1, Dropout(0.2, seed=1))
        for seen, row in zip(views, contributions, strict=True):
            backend.contribute(parameters, step._replace(view=seen), row)
        backend.batch_step(parameters, state, statistics, contributions, step)
        return state, contributions[:, :CONTRIBUTION_HEADER]

    expected, expected_heads = train(ReferenceRenderer(), torch.float64)
    state, heads = train(renderer, torch.float32)
    assert torch.allclose(heads.cpu().double(), expected_heads, rtol=1e-3)
    for name, moment, wanted in zip(GaussianTensors._fields, state.first, expected.first, strict=True):
        assert relative(moment, wanted) < 5e-3, name


@on_either
def test_a_gaussian_is_hidden_where_its_mean_is_projected(device: Device) -> None:
    camera = front_camera()
    pixels = np.zeros((camera.height, camera.width), np.uint8)
    pixels[:, camera.width // 2 :] = 1
    places = [(0.5, 0, 0), (-0.5, 0, 0), (0.5, 0, -6), (50, 0, 0)]
    means = to_device(np.array(places, np.float32), device)
    assert hides(means, camera, Ignored(to_device(pixels, device))).tolist() == [True, False, False, False]
