"""What the CUDA backend has of its own: sizes that only the GPU knows, scratch memory, the fused update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from support.gaussian_scenes import concatenate, look_at_camera, random_gaussians

from splatworker.formats.camera import Camera
from splatworker.render.interface import (
    AdamState,
    DensityStatistics,
    GaussianTensors,
    LearningRates,
    LossTerms,
    Renderer,
    Step,
    View,
)

if TYPE_CHECKING:
    from splatworker.render.cuda import CudaRenderer

pytestmark = pytest.mark.gpu

RATES = LearningRates(1e-3, 1e-3, 5e-3, 5e-2, 2.5e-3, 1e-4)


@pytest.fixture
def make_renderer() -> type[CudaRenderer]:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    from splatworker.render.cuda import CudaRenderer

    return CudaRenderer


@pytest.fixture
def renderer(make_renderer: type[CudaRenderer]) -> CudaRenderer:
    return make_renderer()


def copy(gaussians: GaussianTensors, device: str | torch.device) -> GaussianTensors:
    return GaussianTensors(*(t.clone().to(device) for t in gaussians))


def zeros_like(gaussians: GaussianTensors) -> GaussianTensors:
    return GaussianTensors(*(torch.zeros_like(t) for t in gaussians))


def background(renderer: Renderer) -> torch.Tensor:
    return torch.tensor([0.2, 0.5, 0.9], device=renderer.device)


def relative(value: torch.Tensor, expected: torch.Tensor) -> float:
    return float((value.cpu().double() - expected.cpu().double()).norm() / expected.cpu().double().norm())


def crowded() -> tuple[GaussianTensors, Camera]:
    """Splats of all sizes in an image of 475 tiles: many cover more than 32 tiles, tiles hold hundreds of splats."""
    small = random_gaussians(3000, 3, seed=21, log_scale=-3.5)
    large = random_gaussians(120, 3, seed=22, log_scale=-0.5, opacity_logit=-2.0)
    return concatenate(small, large), look_at_camera(400, 300, focal=300.0, seed=21)


def train(
    renderer: Renderer,
    gaussians: GaussianTensors,
    camera: Camera,
    degree: int,
    steps: int,
    photo: torch.Tensor,
    absolute: bool = False,
) -> tuple[Any, ...]:
    """Parameters, moments, statistics and last loss after some steps."""
    parameters = copy(gaussians, renderer.device)
    state = AdamState(zeros_like(parameters), zeros_like(parameters))
    statistics = DensityStatistics(
        *(torch.zeros(len(parameters.means), device=renderer.device) for _ in DensityStatistics._fields)
    )
    view = View(camera, photo.to(renderer.device))
    for number in range(1, steps + 1):
        step = Step(view, background(renderer), degree, LossTerms(0.2), RATES, number, absolute=absolute)
        loss = renderer.training_step(parameters, state, statistics, step)
    return parameters, state, statistics, loss


def random_photo(camera: Camera, seed: int = 0) -> torch.Tensor:
    shape = (3, camera.height, camera.width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("antialiasing", [False, True])
def test_a_crowded_scene_equals_the_cpu(renderer: CudaRenderer, antialiasing: bool) -> None:
    from splatworker.render.cpu import CpuRenderer

    gaussians, camera = crowded()
    cpu = CpuRenderer()
    cpu.antialiasing = renderer.antialiasing = antialiasing
    expected = cpu.render(gaussians, camera, background(cpu), 3)
    image = renderer.render(copy(gaussians, renderer.device), camera, background(renderer), 3)
    assert (image.cpu() - expected).abs().mean() < 1e-5
    assert ((image.cpu() - expected).abs() > 1e-3).double().mean() < 2e-3
    grad_image = torch.randn(expected.shape, generator=torch.Generator().manual_seed(5))
    wanted, wanted_means2d = cpu.backward(grad_image)
    gradients, means2d = renderer.backward(grad_image.to(renderer.device))
    assert relative(means2d, wanted_means2d) < 2e-3
    for name, gradient, want in zip(GaussianTensors._fields, gradients, wanted, strict=True):
        assert relative(gradient, want) < 2e-3, name


def drawn_as_by_the_cpu(renderer: Renderer, gaussians: GaussianTensors, camera: Camera) -> torch.Tensor:
    """The image of faint Gaussians of degree 0, which has to be the CPU's."""
    from splatworker.render.cpu import CpuRenderer

    cpu = CpuRenderer()
    expected = cpu.render(gaussians, camera, background(cpu), 0)
    image: torch.Tensor = renderer.render(copy(gaussians, renderer.device), camera, background(renderer), 0)
    difference = (image.cpu() - expected).abs()
    assert difference.max() < 0.01
    assert difference.mean() < 2e-5
    return image


@pytest.mark.parametrize("count", [2300, 4700, 9500])
def test_a_tile_with_more_splats_than_are_sorted_at_once(renderer: CudaRenderer, count: int) -> None:
    # Up to 2048 splats of a tile are sorted in shared memory. These are small and faint: none hides another.
    gaussians = random_gaussians(count, 0, seed=27, spread=0.15, log_scale=-6.0)
    gaussians.opacity_logits.uniform_(-5.3, -4.6, generator=torch.Generator().manual_seed(27))
    camera = look_at_camera(16, 16, focal=60.0, seed=27)
    image = drawn_as_by_the_cpu(renderer, gaussians, camera)
    assert renderer._native.instances > 0.9 * count
    again = renderer.render(copy(gaussians, renderer.device), camera, background(renderer), 0)
    assert torch.equal(again, image)  # sorted with more shared memory, now that long lists are expected


@pytest.mark.parametrize("count", [1, 700, 2500])
def test_splats_over_most_of_the_image(renderer: CudaRenderer, count: int) -> None:
    # All 2048 warps share those of more than 256 tiles: 2048 parts of one, a few of many, or more than one for each.
    gaussians = random_gaussians(count, 0, seed=31, log_scale=1.5)
    gaussians.opacity_logits.uniform_(-4.6, -4.0, generator=torch.Generator().manual_seed(31))
    camera = look_at_camera(400, 300, focal=300.0, seed=31)
    drawn_as_by_the_cpu(renderer, gaussians, camera)
    assert renderer._native.instances > 400 * count


def test_a_frame_with_more_instances_than_expected_is_drawn_again(make_renderer: type[CudaRenderer]) -> None:
    # No view of this scene was drawn before, and it has far more than the first guess of instances a Gaussian.
    gaussians = random_gaussians(300, 3, seed=23, log_scale=0.5)
    camera = look_at_camera(640, 480, focal=480.0, seed=23)
    photo = random_photo(camera)
    surprised, warned = make_renderer(), make_renderer()
    warned.render(copy(gaussians, warned.device), camera, background(warned), 3)
    results = [train(r, gaussians, camera, 3, 1, photo) for r in (surprised, warned)]
    assert warned._native.instances > 4 * 300 + 2**14
    for one, other in zip(results[0][0], results[1][0], strict=True):
        assert ((one - other).abs() > 1e-5).double().mean() < 0.02
    assert torch.equal(results[0][2].view_count, results[1][2].view_count)  # counted once, not once a try
    assert results[0][2].view_count.max() == 1


@pytest.mark.parametrize("antialiasing", [False, True])
@pytest.mark.parametrize("model_degree", [0, 1, 2, 3])
def test_a_training_step_is_its_parts(renderer: CudaRenderer, model_degree: int, antialiasing: bool) -> None:
    renderer.antialiasing = antialiasing
    camera = look_at_camera(100, 75, seed=24)
    photo = random_photo(camera)
    start = random_gaussians(777, model_degree, seed=24)
    for degree in range(model_degree + 1):
        parameters, state, statistics, loss = train(renderer, start, camera, degree, 1, photo)
        expected = copy(start, renderer.device)
        image = renderer.render(expected, camera, background(renderer), degree)
        expected_loss, grad_image = renderer.loss(image, photo.to(renderer.device), LossTerms(0.2))
        gradients, means2d = renderer.backward(grad_image)
        expected_state = AdamState(zeros_like(expected), zeros_like(expected))
        renderer.adam_step(expected, gradients, expected_state, RATES, 1, degree)
        assert float(loss.total) == pytest.approx(float(expected_loss.total), rel=1e-6)
        for moment, wanted in zip(state.first, expected_state.first, strict=True):
            assert torch.allclose(
                moment, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max() if wanted.numel() else 0)
            )
        # A first step goes by the gradient's sign: where the gradient is rounding noise, it may go either way.
        for value, wanted in zip(parameters, expected, strict=True):
            assert value.numel() == 0 or ((value - wanted).abs() < 1e-5).double().mean() > 0.97
        half_size = torch.tensor([camera.width / 2, camera.height / 2], device=renderer.device)
        norms = (means2d * half_size).norm(dim=1)
        assert torch.allclose(statistics.gradient_norm_sum, norms, rtol=1e-3, atol=1e-4 * float(norms.max()))


def test_deterministic_steps_repeat_to_the_bit_and_equal_the_others(make_renderer: type[CudaRenderer]) -> None:
    gaussians, camera = crowded()
    photo = random_photo(camera)
    once, again = (train(make_renderer(deterministic=True), gaussians, camera, 3, 3, photo) for _ in range(2))
    for one, other in zip((*once[0], *once[2]), (*again[0], *again[2]), strict=True):
        assert torch.equal(one, other)
    free = train(make_renderer(), gaussians, camera, 3, 1, photo)
    fixed = train(make_renderer(deterministic=True), gaussians, camera, 3, 1, photo)
    for name, moment, wanted in zip(GaussianTensors._fields, fixed[1].first, free[1].first, strict=True):
        assert relative(moment, wanted) < 1e-4, name


def test_absolute_gradients_are_the_cpus(make_renderer: type[CudaRenderer]) -> None:
    from splatworker.render.cpu import CpuRenderer

    gaussians, camera = crowded()
    photo = random_photo(camera)
    expected = train(CpuRenderer(), gaussians, camera, 3, 1, photo, absolute=True)[2].gradient_norm_sum
    net = train(CpuRenderer(), gaussians, camera, 3, 1, photo)[2].gradient_norm_sum
    assert (expected >= 0.999 * net).all()
    assert float(expected.sum()) > 1.2 * float(net.sum())  # it is another measure
    for deterministic in (False, True):
        renderer = make_renderer(deterministic)
        sums = train(renderer, gaussians, camera, 3, 1, photo, absolute=True)[2].gradient_norm_sum
        assert relative(sums.cpu(), expected) < 1e-3
        in_a_batch = train_in_batches(renderer, gaussians, [camera], 3, 1, [photo], absolute=True)[2]
        assert relative(in_a_batch.gradient_norm_sum, sums) < 1e-4


def train_in_batches(
    renderer: Renderer,
    gaussians: GaussianTensors,
    cameras: list[Camera],
    degree: int,
    steps: int,
    photos: list[torch.Tensor],
    absolute: bool = False,
) -> tuple[Any, ...]:
    """As `train`, each step on all photos."""
    parameters = copy(gaussians, renderer.device)
    state = AdamState(zeros_like(parameters), zeros_like(parameters))
    statistics = DensityStatistics(
        *(torch.zeros(len(parameters.means), device=renderer.device) for _ in DensityStatistics._fields)
    )
    contributions = torch.empty(len(cameras), renderer.contribution_size(parameters), device=renderer.device)
    for number in range(1, steps + 1):
        for camera, photo, row in zip(cameras, photos, contributions, strict=True):
            view = View(camera, photo.to(renderer.device))
            step = Step(view, background(renderer), degree, LossTerms(0.2), RATES, number, absolute=absolute)
            renderer.contribute(parameters, step, row)
        renderer.batch_step(parameters, state, statistics, contributions, step)
    return parameters, state, statistics, contributions


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("degree", [1, 3])
def test_a_batch_of_one_is_a_training_step(make_renderer: type[CudaRenderer], deterministic: bool, degree: int) -> None:
    gaussians, camera = crowded()
    photo = random_photo(camera)
    _, state, statistics, loss = train(make_renderer(deterministic), gaussians, camera, degree, 1, photo)
    _, state_of_batch, statistics_of_batch, (contribution,) = train_in_batches(
        make_renderer(deterministic), gaussians, [camera], degree, 1, [photo]
    )
    assert contribution[:4].tolist() == pytest.approx([1.0, *(float(value) for value in loss)], rel=1e-6)
    for name, moment, wanted in zip(GaussianTensors._fields, state_of_batch.first, state.first, strict=True):
        assert relative(moment, wanted) < 1e-4, name
    assert torch.equal(statistics_of_batch.view_count, statistics.view_count)
    assert relative(statistics_of_batch.gradient_norm_sum, statistics.gradient_norm_sum) < 1e-4


@pytest.mark.parametrize("antialiasing", [False, True])
def test_a_batch_is_on_the_mean_of_the_gradients_that_backward_gives(
    renderer: CudaRenderer, antialiasing: bool
) -> None:
    renderer.antialiasing = antialiasing
    gaussians, camera = crowded()
    cameras = [camera, look_at_camera(300, 200, focal=250.0, seed=28)]
    photos = [random_photo(c) for c in cameras]
    _, state, statistics, _ = train_in_batches(renderer, gaussians, cameras, 3, 1, photos)
    on_device = copy(gaussians, renderer.device)
    mean, norms = zeros_like(on_device), torch.zeros(len(on_device.means), device=renderer.device)
    for c, photo in zip(cameras, photos, strict=True):
        image = renderer.render(on_device, c, background(renderer), 3)
        _, grad_image = renderer.loss(image, photo.to(renderer.device), LossTerms(0.2))
        gradients, means2d = renderer.backward(grad_image)
        for total, gradient in zip(mean, gradients, strict=True):
            total += gradient / 2
        norms += (means2d * torch.tensor([c.width / 2, c.height / 2], device=renderer.device)).norm(dim=1)
    for name, moment, wanted in zip(GaussianTensors._fields, state.first, mean, strict=True):
        assert relative(moment, 0.1 * wanted) < 1e-4, name
    assert relative(statistics.gradient_norm_sum, norms) < 1e-4


def test_deterministic_batches_repeat_to_the_bit_and_equal_the_others(make_renderer: type[CudaRenderer]) -> None:
    gaussians, camera = crowded()
    cameras, photos = [camera, look_at_camera(300, 200, focal=250.0, seed=28)], [random_photo(camera)]
    photos.append(random_photo(cameras[1], seed=1))
    once, again = (
        train_in_batches(make_renderer(deterministic=True), gaussians, cameras, 3, 3, photos) for _ in range(2)
    )
    for one, other in zip((*once[0], *once[2]), (*again[0], *again[2]), strict=True):
        assert torch.equal(one, other)
    free = train_in_batches(make_renderer(), gaussians, cameras, 3, 1, photos)
    fixed = train_in_batches(make_renderer(deterministic=True), gaussians, cameras, 3, 1, photos)
    for name, moment, wanted in zip(GaussianTensors._fields, fixed[1].first, free[1].first, strict=True):
        assert relative(moment, wanted) < 1e-4, name


def test_a_contribution_is_drawn_again_where_there_was_no_room(make_renderer: type[CudaRenderer]) -> None:
    gaussians = random_gaussians(300, 3, seed=23, log_scale=0.5)
    camera = look_at_camera(640, 480, focal=480.0, seed=23)
    photo = random_photo(camera)
    surprised, warned = make_renderer(), make_renderer()
    warned.render(copy(gaussians, warned.device), camera, background(warned), 3)
    results = [train_in_batches(r, gaussians, [camera], 3, 1, [photo]) for r in (surprised, warned)]
    for name, moment, wanted in zip(GaussianTensors._fields, results[0][1].first, results[1][1].first, strict=True):
        assert relative(moment, wanted) < 1e-4, name
    assert results[0][2].view_count.max() == 1


def test_a_contribution_of_the_wrong_size_or_place_is_refused(renderer: CudaRenderer) -> None:
    camera = look_at_camera(seed=29)
    gaussians = copy(random_gaussians(10, seed=29), renderer.device)
    view = View(camera, random_photo(camera).to(renderer.device))
    memory = torch.empty(renderer.contribution_size(gaussians) + 1, device=renderer.device)
    for row, message in [(memory, "contribution is"), (memory[1:], "multiple of 16")]:
        with pytest.raises(ValueError, match=message):
            renderer.contribute(gaussians, Step(view, background(renderer), 3, LossTerms(0.2), RATES, 1), row)


def test_gaussians_out_of_sight_only_coast(renderer: CudaRenderer) -> None:
    # Behind the camera there is no gradient, but moments decay and momentum carries on, as Adam has it.
    camera = look_at_camera(64, 48, seed=25)
    photo = random_photo(camera)
    parameters = copy(random_gaussians(40, 3, seed=25), renderer.device)
    parameters.means.sub_(torch.tensor(camera.center, dtype=torch.float32, device=renderer.device) * -3)
    state = AdamState(zeros_like(parameters), zeros_like(parameters))
    for first, second in zip(state.first, state.second, strict=True):
        first.fill_(1.0)
        second.fill_(1.0)
    before = copy(parameters, renderer.device)
    statistics = DensityStatistics(*(torch.zeros(40, device=renderer.device) for _ in DensityStatistics._fields))
    view = View(camera, photo.to(renderer.device))
    renderer.training_step(
        parameters, state, statistics, Step(view, background(renderer), 3, LossTerms(0.2), RATES, 10)
    )
    assert float(statistics.view_count.max()) == 0
    for tensor, old, rate in zip(parameters, before, RATES, strict=True):
        step = rate * 0.9 / (1 - 0.9**10) / (0.999 / (1 - 0.999**10)) ** 0.5
        assert torch.allclose(tensor, old - step, atol=1e-6)


def test_the_background_alone_where_nothing_is_seen(renderer: CudaRenderer) -> None:
    camera = look_at_camera(33, 17, seed=26)
    photo = torch.full((3, 17, 33), 128, dtype=torch.uint8)
    *_, loss = train(renderer, random_gaussians(0, 3), camera, 3, 2, photo)
    *_, (contribution,) = train_in_batches(renderer, random_gaussians(0, 3), [camera], 3, 2, [photo])
    expected = (background(renderer) - 128 / 255).abs().mean()
    assert float(contribution[2]) == pytest.approx(float(expected), rel=1e-5)
    assert float(loss.l1) == pytest.approx(float(expected), rel=1e-5)


def test_scratch_memory_that_cannot_be_had(make_renderer: type[CudaRenderer]) -> None:
    if make_renderer().device.type != "cuda":
        pytest.skip("needs the GPU's allocator")
    renderer = make_renderer()
    gaussians, camera = crowded()
    on_gpu = copy(gaussians, renderer.device)
    expected = renderer.render(on_gpu, camera, background(renderer), 3).clone()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(renderer.device).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**24) / total)
    try:
        with pytest.raises(torch.OutOfMemoryError):
            renderer.render(on_gpu, look_at_camera(12000, 9000, seed=1), background(renderer), 3)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert torch.equal(renderer.render(on_gpu, camera, background(renderer), 3), expected)


def test_a_renderer_gives_its_memory_back(make_renderer: type[CudaRenderer]) -> None:
    if make_renderer().device.type != "cuda":
        pytest.skip("needs the GPU's allocator")
    gaussians, camera = crowded()
    renderer = make_renderer()
    renderer.render(copy(gaussians, renderer.device), camera, background(renderer), 3)
    held, scratch = torch.cuda.memory_allocated(), renderer.scratch_bytes
    del renderer
    assert torch.cuda.memory_allocated() <= held - scratch


def test_the_kernels_are_for_this_gpu(make_renderer: type[CudaRenderer]) -> None:
    if make_renderer().device.type != "cuda":
        pytest.skip("needs a GPU")
    from splatworker.render.cuda import obstacle

    assert obstacle() == ""


def test_wrong_tensors_are_refused(renderer: CudaRenderer) -> None:
    gaussians, camera, color = random_gaussians(9, 1), look_at_camera(), background(renderer)
    good = copy(gaussians, renderer.device)
    with pytest.raises(ValueError, match="above the model's"):
        renderer.render(good, camera, color, 2)
    with pytest.raises(ValueError, match=r"opacity_logits is torch\.float32 with 3 values"):
        renderer.render(good._replace(opacity_logits=torch.zeros(3, device=renderer.device)), camera, color, 1)
    with pytest.raises(ValueError, match=r"means is torch\.float64"):
        renderer.render(good._replace(means=good.means.double()), camera, color, 1)
    with pytest.raises(ValueError, match="means is not contiguous"):
        renderer.render(good._replace(means=good.means.T.contiguous().T), camera, color, 1)
    shifted = torch.empty(1 + 9 * 3, device=renderer.device)[1:].view(9, 3)
    with pytest.raises(ValueError, match="sh_dc does not start at a multiple of 16"):
        renderer.render(good._replace(sh_dc=shifted), camera, color, 1)
    with pytest.raises(RuntimeError, match="needs a render"):
        renderer.backward(torch.zeros(3, 4, 4, device=renderer.device))
