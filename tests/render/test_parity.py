"""Every backend against the reference: values and every gradient."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import pytest
import torch
from support.gaussian_scenes import concatenate, front_camera, look_at_camera, one_gaussian, random_gaussians

from splatworker.formats.camera import Camera
from splatworker.render.interface import (
    CONTRIBUTION_HEADER,
    SH_C0,
    AdamState,
    DensityStatistics,
    Dropout,
    GaussianTensors,
    LearningRates,
    LossTerms,
    Renderer,
    Step,
    View,
)
from splatworker.render.reference import ReferenceRenderer, left_out

# Single precision against double. A pixel may fall on the other side of the alpha or transmittance threshold; its
# colour then changes by up to ALPHA_MIN, so images are compared in the mean and such pixels are counted.
VALUE_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 2e-4
STRAY_PIXELS = 2e-3
# Along a needle the sums of q dx^2 nearly cancel, which leaves fewer digits.
GRADIENT_TOLERANCES = {"needle": 2e-3}

EMPTY = random_gaussians(0)
SCENES = {
    "degree 0": (random_gaussians(200, 0, seed=1), look_at_camera(seed=1), 0),
    "degree 1": (random_gaussians(200, 1, seed=2), look_at_camera(seed=2), 1),
    "degree 2": (random_gaussians(200, 2, seed=3), look_at_camera(seed=3), 2),
    "degree 3": (random_gaussians(200, 3, seed=4), look_at_camera(seed=4), 3),
    "degree 1 of a degree 3 model": (random_gaussians(100, 3, seed=5), look_at_camera(seed=5), 1),
    "not a multiple of a tile": (random_gaussians(80, 3, seed=6), look_at_camera(37, 61, seed=6), 3),
    "off-center principal point": (random_gaussians(80, 3, seed=7), look_at_camera(seed=7, principal=(9, -7)), 3),
    "one pixel": (random_gaussians(30, 3, seed=8), look_at_camera(1, 1, focal=2.0, seed=8), 3),
    "one row": (random_gaussians(30, 3, seed=8), look_at_camera(50, 1, seed=8), 3),
    "inside the cloud": (random_gaussians(200, 3, seed=9, spread=2.0), look_at_camera(seed=9, distance=0.5), 3),
    "opaque stack": (random_gaussians(300, 3, seed=10, spread=0.3, opacity_logit=6.0), look_at_camera(seed=10), 3),
    "transparent": (random_gaussians(100, 3, seed=11, opacity_logit=-4.5), look_at_camera(seed=11), 3),
    "huge": (one_gaussian(log_scale=4.0), front_camera(), 0),
    "tiny": (one_gaussian(log_scale=-12.0), front_camera(), 0),
    "needle": (
        one_gaussian()._replace(log_scales=torch.tensor([[1.5, -9.0, -9.0]])),
        front_camera(),
        0,
    ),
    "smaller than pixels": (random_gaussians(400, 1, seed=12, log_scale=-4.5), look_at_camera(seed=12), 1),
    "invisible": (one_gaussian(opacity=0.003), front_camera(), 0),
    "behind the camera": (one_gaussian(mean=(0.0, 0.0, -6.0)), front_camera(), 0),
    "before the near plane": (one_gaussian(mean=(0.0, 0.0, -3.9), log_scale=-3.0), front_camera(), 0),
    "off the screen": (one_gaussian(mean=(50.0, 0.0, 0.0)), front_camera(), 0),
    "beyond the widened frustum, reaching in": (one_gaussian(mean=(6.0, 0.5, 0.0), log_scale=1.2), front_camera(), 0),
    "no Gaussians": (EMPTY, front_camera(), 3),
    "equal depths": (
        concatenate(*(one_gaussian(mean=(0.1 * i, 0.0, 0.0)) for i in range(5))),
        front_camera(),
        0,
    ),
}
BACKGROUND = torch.tensor([0.2, 0.5, 0.9])


@pytest.fixture(params=SCENES, ids=lambda name: name.replace(" ", "-"))
def scene(request: pytest.FixtureRequest) -> tuple[GaussianTensors, Camera, int]:
    return SCENES[request.param]


@pytest.fixture(params=[False, True], ids=["plain", "antialiased"])
def antialiasing(request: pytest.FixtureRequest, renderer: Renderer) -> bool:
    """Whether the renderer draws with antialiasing."""
    renderer.antialiasing = request.param
    return renderer.antialiasing


class Expected(NamedTuple):
    """What the reference draws of a scene, and makes of a gradient of the picture."""

    image: torch.Tensor
    grad_image: torch.Tensor
    gradients: GaussianTensors
    means2d: torch.Tensor


@functools.cache  # it is the slowest of all renderers, and every other is held to it
def expected_of(name: str, antialiasing: bool) -> Expected:
    gaussians, camera, degree = SCENES[name]
    reference = ReferenceRenderer(antialiasing=antialiasing)
    image = reference.render(gaussians, camera, BACKGROUND, degree)
    grad_image = random_like(image)
    return Expected(image, grad_image, *reference.backward(grad_image))


@pytest.fixture
def expected(request: pytest.FixtureRequest, antialiasing: bool) -> Expected:
    return expected_of(request.node.callspec.params["scene"], antialiasing)


@pytest.fixture
def tolerance(request: pytest.FixtureRequest) -> float:
    """The gradient tolerance of the scene."""
    return GRADIENT_TOLERANCES.get(request.node.callspec.params["scene"], GRADIENT_TOLERANCE)


def relative(value: torch.Tensor, expected: torch.Tensor) -> float:
    """Distance of two tensors over the length of the second; of the first where the second is zero."""
    difference = (value.cpu().double() - expected).norm()
    return float(difference / expected.norm()) if expected.norm() > 0 else float(difference)


def on_device(gaussians: GaussianTensors, renderer: Renderer) -> GaussianTensors:
    return GaussianTensors(*(t.clone().to(renderer.device) for t in gaussians))


def random_like(image: torch.Tensor) -> torch.Tensor:
    return torch.randn(image.shape, generator=torch.Generator().manual_seed(99))


def test_image(renderer: Renderer, scene: tuple[GaussianTensors, Camera, int], expected: Expected) -> None:
    gaussians, camera, degree = scene
    image = renderer.render(on_device(gaussians, renderer), camera, BACKGROUND.to(renderer.device), degree)
    assert image.shape == (3, camera.height, camera.width)
    assert image.dtype == torch.float32
    difference = (image.cpu().double() - expected.image).abs()
    stray = (difference > 1e-4).any(dim=0).double().mean()
    assert stray <= STRAY_PIXELS
    assert difference.max() < 0.02
    assert difference.mean() < VALUE_TOLERANCE


def test_every_gradient(
    renderer: Renderer, scene: tuple[GaussianTensors, Camera, int], expected: Expected, tolerance: float
) -> None:
    gaussians, camera, degree = scene
    renderer.render(on_device(gaussians, renderer), camera, BACKGROUND.to(renderer.device), degree)
    gradients, means2d = renderer.backward(expected.grad_image.to(renderer.device))
    assert relative(means2d, expected.means2d) < tolerance
    for name, gradient, wanted in zip(GaussianTensors._fields, gradients, expected.gradients, strict=True):
        assert gradient.shape == wanted.shape
        assert relative(gradient, wanted) < tolerance, name


def harmonics_behind(degree: int) -> torch.Tensor:
    """A backdrop of so high a degree, some of it cut off at 0."""
    return torch.randn((degree + 1) ** 2, 3, generator=torch.Generator().manual_seed(degree))


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("name", ["degree 3", "not a multiple of a tile", "off-center principal point", "no Gaussians"])
def test_over_a_backdrop(renderer: Renderer, name: str, degree: int) -> None:
    gaussians, camera, sh_degree = SCENES[name]
    backdrop = harmonics_behind(degree)
    reference = ReferenceRenderer()
    expected_image = reference.render(gaussians, camera, backdrop, sh_degree)
    image = renderer.render(on_device(gaussians, renderer), camera, backdrop.to(renderer.device), sh_degree)
    assert (image.cpu().double() - expected_image).abs().mean() < VALUE_TOLERANCE
    if len(gaussians.means) == 0:
        assert expected_image.min() == 0  # it is cut off
        assert (image.cpu().double() - expected_image).abs().max() < 1e-5
    grad_image = random_like(expected_image)
    expected, _ = reference.backward(grad_image)
    gradients, _ = renderer.backward(grad_image.to(renderer.device))
    for field, gradient, wanted in zip(GaussianTensors._fields, gradients, expected, strict=True):
        assert relative(gradient, wanted) < GRADIENT_TOLERANCE, field


def test_a_backdrop_of_one_colour_is_that_colour(renderer: Renderer) -> None:
    gaussians, camera, degree = SCENES["degree 1"]
    one = torch.zeros(4, 3)
    one[0] = (BACKGROUND - 0.5) / SH_C0
    image = renderer.render(on_device(gaussians, renderer), camera, one.to(renderer.device), degree)
    plain = renderer.render(on_device(gaussians, renderer), camera, BACKGROUND.to(renderer.device), degree)
    assert torch.allclose(image, plain, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 48), (37, 61), (5, 3), (1, 1), (200, 100)])
@pytest.mark.parametrize("terms", [LossTerms(*t) for t in ((0.0,), (0.2,), (1.0,), (0.0, 0.3), (0.2, 0.05))])
def test_loss(renderer: Renderer, size: tuple[int, int], terms: LossTerms) -> None:
    width, height = size
    g = torch.Generator().manual_seed(3)
    image = torch.rand(3, height, width, generator=g)
    photo = (torch.rand(3, height, width, generator=g) * 255).to(torch.uint8)
    photo[:, : height // 2] = (image[:, : height // 2] * 255).round().to(torch.uint8)
    expected, expected_gradient = ReferenceRenderer().loss(image, photo, terms)
    loss, gradient = renderer.loss(image.to(renderer.device), photo.to(renderer.device), terms)
    for value, wanted in zip(loss, expected, strict=True):
        assert float(value) == pytest.approx(float(wanted), rel=1e-5, abs=1e-6)
    assert relative(gradient, expected_gradient) < 1e-4


@pytest.mark.parametrize("delta", [1e-37, 1e-40, 1e-44, 1e-320])
def test_a_bound_whose_inverse_single_precision_does_not_have(renderer: Renderer, delta: float) -> None:
    """What is as in the photo has no error, and no gradient, however small the errors are that count by squares."""
    same, photo = torch.zeros(3, 8, 8), torch.zeros(3, 8, 8, dtype=torch.uint8)
    loss, gradient = renderer.loss(same.to(renderer.device), photo.to(renderer.device), LossTerms(0.0, delta))
    assert float(loss.total) == 0
    assert (torch.as_tensor(gradient) == 0).all()


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_adam(renderer: Renderer, degree: int) -> None:
    start, rates = random_gaussians(300, 3, seed=1), LearningRates(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)

    def fresh(dtype: torch.dtype) -> GaussianTensors:
        return GaussianTensors(*(t.clone().to(dtype) for t in start))

    expected, parameters = fresh(torch.float64), on_device(start, renderer)
    expected_state = AdamState(*(GaussianTensors(*(torch.zeros_like(t) for t in expected)) for _ in range(2)))
    state = AdamState(*(GaussianTensors(*(torch.zeros_like(t) for t in parameters)) for _ in range(2)))
    for step in range(1, 6):
        gradients = random_gaussians(300, 3, seed=step)
        gradients.sh_rest[:, (degree + 1) ** 2 - 1 :] = 0
        ReferenceRenderer().adam_step(expected, gradients, expected_state, rates, step, degree)
        renderer.adam_step(parameters, on_device(gradients, renderer), state, rates, step, degree)
    for name, value, wanted in zip(GaussianTensors._fields, parameters, expected, strict=True):
        assert relative(value, wanted) < 1e-5, name


@pytest.mark.parametrize(("dropout", "absolute"), [(0.0, False), (0.4, True)])
def test_training_step(renderer: Renderer, antialiasing: bool, dropout: float, absolute: bool) -> None:
    # The reference goes back through each block of pixels by itself.
    camera, degree = look_at_camera(29, 21, focal=32.0, seed=12) if absolute else look_at_camera(seed=12), 2
    target = ReferenceRenderer().render(random_gaussians(150, 3, seed=13), camera, BACKGROUND, degree)
    photo = (target.clamp(0, 1) * 255).to(torch.uint8)
    start = random_gaussians(150, 3, seed=14)
    rates = LearningRates(1e-3, 1e-3, 5e-3, 5e-2, 2.5e-3, 1e-4)

    def train(backend: Renderer, dtype: torch.dtype) -> tuple[Any, ...]:
        parameters = GaussianTensors(*(t.clone().to(backend.device, dtype) for t in start))
        state = AdamState(*(GaussianTensors(*(torch.zeros_like(t) for t in parameters)) for _ in range(2)))
        statistics = DensityStatistics(*(torch.zeros(150, device=backend.device) for _ in DensityStatistics._fields))
        view, behind = View(camera, photo.to(backend.device)), BACKGROUND.to(backend.device)
        losses = [
            backend.training_step(
                parameters,
                state,
                statistics,
                Step(view, behind, degree, LossTerms(0.2), rates, number, Dropout(dropout, seed=number), absolute),
            )
            for number in range(1, 4)
        ]
        return parameters, statistics, losses

    reference = ReferenceRenderer(antialiasing=antialiasing)
    expected, expected_statistics, expected_losses = train(reference, torch.float64)
    parameters, statistics, losses = train(renderer, torch.float32)
    for loss, wanted in zip(losses, expected_losses, strict=True):
        assert float(loss.total) == pytest.approx(float(wanted.total), rel=1e-3)
    for name, value, wanted, old in zip(GaussianTensors._fields, parameters, expected, start, strict=True):
        # Adam's first steps have the gradient's sign, so a gradient near zero may step the other way.
        moved = (wanted - old).abs()
        assert ((value.cpu() - wanted).abs() <= 0.02 * moved + 1e-6).double().mean() > 0.97, name
    for name, value, wanted in zip(DensityStatistics._fields, statistics, expected_statistics, strict=True):
        assert relative(value, wanted.double()) < 5e-3, name
    assert expected_losses[-1].total < expected_losses[0].total


@pytest.mark.parametrize(
    ("count", "model_degree", "degree", "absolute"),
    [(150, 3, 3, False), (400, 3, 1, False), (130, 1, 1, True), (128, 0, 0, False)],
)
def test_batch_step(
    renderer: Renderer, antialiasing: bool, count: int, model_degree: int, degree: int, absolute: bool
) -> None:
    cameras = [look_at_camera(seed=31), look_at_camera(50, 70, focal=80.0, seed=32), look_at_camera(seed=33)]
    if absolute:  # smaller: the reference goes back through each block of pixels by itself
        cameras = [look_at_camera(21, 19, focal=24.0, seed=31), look_at_camera(16, 25, focal=20.0, seed=32)]
    start = random_gaussians(count, model_degree, seed=34)
    photos = [(torch.rand(3, c.height, c.width, generator=torch.Generator().manual_seed(35)) * 255) for c in cameras]
    rates = LearningRates(1e-3, 1e-3, 5e-3, 5e-2, 2.5e-3, 1e-4)

    def train(backend: Renderer, dtype: torch.dtype) -> tuple[Any, ...]:
        parameters = GaussianTensors(*(t.clone().to(backend.device, dtype) for t in start))
        state = AdamState(*(GaussianTensors(*(torch.zeros_like(t) for t in parameters)) for _ in range(2)))
        statistics = DensityStatistics(*(torch.zeros(count, device=backend.device) for _ in DensityStatistics._fields))
        size = backend.contribution_size(parameters)
        contributions = torch.full((len(cameras), size), math.nan, device=backend.device, dtype=dtype)
        views = [View(c, p.to(torch.uint8).to(backend.device)) for c, p in zip(cameras, photos, strict=True)]
        for number in (1, 2):
            behind, dropout = BACKGROUND.to(backend.device), Dropout(0.2, seed=number)
            step = Step(views[0], behind, degree, LossTerms(0.2), rates, number, dropout, absolute)
            for view, row in zip(views, contributions, strict=True):
                backend.contribute(parameters, step._replace(view=view), row)
            if number == 2:
                # Of what one photo says it is said that it did not work: nothing may change.
                before = [t.clone() for t in (*parameters, *state.first, *state.second, *statistics)]
                contributions[1, 0] = 0
                backend.batch_step(parameters, state, statistics, contributions, step)
                after = (*parameters, *state.first, *state.second, *statistics)
                assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
                contributions[1, 0] = 1
            backend.batch_step(parameters, state, statistics, contributions, step)
        return parameters, state, statistics, contributions[:, :CONTRIBUTION_HEADER]

    reference = ReferenceRenderer(antialiasing=antialiasing)
    expected, expected_state, expected_statistics, expected_heads = train(reference, torch.float64)
    parameters, state, statistics, heads = train(renderer, torch.float32)
    assert heads[:, 0].tolist() == [1.0] * len(cameras)
    assert torch.allclose(heads.cpu().double(), expected_heads, rtol=1e-3)
    for name, value, wanted in zip(DensityStatistics._fields, statistics, expected_statistics, strict=True):
        assert relative(value, wanted.double()) < 5e-3, name
    assert float(statistics.view_count.max()) == 2 * len(cameras)
    for name, moment, wanted in zip(GaussianTensors._fields, state.first, expected_state.first, strict=True):
        assert relative(moment, wanted) < 5e-3, name
    for name, value, wanted, old in zip(GaussianTensors._fields, parameters, expected, start, strict=True):
        moved = (wanted - old).abs()  # see test_training_step
        assert value.numel() == 0 or ((value.cpu() - wanted).abs() <= 0.02 * moved + 1e-6).double().mean() > 0.97, name


def area_of_light(gaussians: GaussianTensors, focal: float) -> float:
    """The sum of a white picture's pixels, over black, of Gaussians in the middle; in pixels."""
    white = gaussians._replace(sh_dc=torch.full_like(gaussians.sh_dc, 0.5 / SH_C0))
    renderer = ReferenceRenderer(antialiasing=True)
    return float(renderer.render(white, front_camera(33, 33, focal), torch.zeros(3), 0)[0].sum())


def test_with_antialiasing_what_is_half_as_large_gives_a_quarter_of_the_light() -> None:
    """The specification's own: however small a splat is, while its dilation alone gives it always as much."""
    gaussian = one_gaussian(log_scale=-2.5)
    near, far = area_of_light(gaussian, 60.0), area_of_light(gaussian, 30.0)
    assert near / far == pytest.approx(4, rel=0.15)  # alphas under ALPHA_MIN are not drawn
    assert near == pytest.approx(0.8 * 2 * math.pi * 15**2 * math.exp(2 * -2.5 + 0.1), rel=0.2)


def test_what_is_flat_towards_the_camera_has_gradients_that_are_numbers() -> None:
    """The specification's own: with antialiasing it is not drawn, and nothing moves it."""
    flat = one_gaussian()._replace(log_scales=torch.tensor([[-1.0, -math.inf, -math.inf]]))
    reference = ReferenceRenderer(antialiasing=True)
    image = reference.render(flat, front_camera(), BACKGROUND, 0)
    assert torch.equal(image, BACKGROUND.double()[:, None, None].expand_as(image))
    gradients, _ = reference.backward(random_like(image))
    assert all(torch.equal(gradient, torch.zeros_like(gradient)) for gradient in gradients)


def test_dropout_leaves_out_its_share_and_others_the_next_time() -> None:
    """The specification's own."""
    out = [left_out(20_000, Dropout(0.3, seed)) for seed in (5, 6)]
    assert [float(which.double().mean()) for which in out] == pytest.approx([0.3, 0.3], abs=0.02)  # 6 deviations
    assert float((out[0] & out[1]).double().mean()) == pytest.approx(0.09, abs=0.015)
    assert torch.equal(out[0], left_out(20_000, Dropout(0.3, 5 + 2**32)))
    assert not left_out(1000, Dropout(0.0, 5)).any()


def test_a_batch_step_is_on_the_mean_of_gradients() -> None:
    """The specification's own: what it makes of a batch, from its single steps."""
    renderer, degree = ReferenceRenderer(), 2
    cameras = [look_at_camera(seed=41), look_at_camera(50, 30, seed=42)]
    photos = [torch.full((3, camera.height, camera.width), 99, dtype=torch.uint8) for camera in cameras]
    parameters = GaussianTensors(*(tensor.double() for tensor in random_gaussians(60, 2, seed=43)))
    fresh = AdamState(*(GaussianTensors(*(torch.zeros_like(t) for t in parameters)) for _ in range(2)))
    statistics = DensityStatistics(*(torch.zeros(60) for _ in DensityStatistics._fields))
    contributions = torch.empty(2, renderer.contribution_size(parameters), dtype=torch.float64)
    mean = GaussianTensors(*(torch.zeros_like(t) for t in parameters))
    for camera, photo, row in zip(cameras, photos, contributions, strict=True):
        step = Step(View(camera, photo), BACKGROUND, degree, LossTerms(0.2), LearningRates(*[1e-3] * 6), 1)
        renderer.contribute(parameters, step, row)
        image = renderer.render(parameters, camera, BACKGROUND, degree)
        loss, grad_image = renderer.loss(image, photo, LossTerms(0.2))
        for total, gradient in zip(mean, renderer.backward(grad_image)[0], strict=True):
            total += gradient / 2
        assert row[:CONTRIBUTION_HEADER].tolist() == pytest.approx([1.0, *(float(value) for value in loss)])
    renderer.batch_step(parameters, fresh, statistics, contributions, step)
    for first, gradient in zip(fresh.first, mean, strict=True):
        assert torch.allclose(first, 0.1 * gradient, rtol=1e-6, atol=1e-12)


def test_same_frame_twice_is_the_same_to_the_bit(renderer: Renderer) -> None:
    gaussians, camera, degree = SCENES["degree 3"]
    gaussians, background = on_device(gaussians, renderer), BACKGROUND.to(renderer.device)
    first = renderer.render(gaussians, camera, background, degree).clone()
    other = dataclasses.replace(camera, width=40, height=30)
    renderer.render(gaussians, other, background, degree)  # scratch memory holds another frame in between
    assert torch.equal(first, renderer.render(gaussians, camera, background, degree))


def test_threads_do_not_change_the_result() -> None:
    from splatworker.render.cpu import CpuRenderer

    gaussians, camera, degree = SCENES["degree 3"]
    results = []
    for threads in (1, 2, 5):
        renderer = CpuRenderer(threads)
        image = renderer.render(gaussians, camera, BACKGROUND, degree)
        results.append((image, *renderer.backward(random_like(image))[0]))
    for result in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(result, results[0], strict=True))


def test_wrong_shapes_are_refused() -> None:
    from splatworker.render.cpu import CpuRenderer

    gaussians, camera, _ = SCENES["degree 1"]
    with pytest.raises(ValueError, match="above the model's"):
        CpuRenderer(1).render(gaussians, camera, BACKGROUND, 2)
    with pytest.raises(ValueError, match="one row a Gaussian"):
        CpuRenderer(1).render(gaussians._replace(opacity_logits=torch.zeros(3)), camera, BACKGROUND, 1)
    with pytest.raises(ValueError, match="a background is a colour"):
        CpuRenderer(1).render(gaussians, camera, torch.zeros(2, 3), 1)
    with pytest.raises(RuntimeError, match="needs a render"):
        CpuRenderer(1).backward(torch.zeros(3, 4, 4))
    too_wide = Camera(70000, 1, 1.0, 1.0, 0.0, 0.0, camera.camera_from_world)
    with pytest.raises(ValueError, match="65535"):
        CpuRenderer(1).render(gaussians, too_wide, BACKGROUND, 1)
