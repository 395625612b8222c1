"""The renderer on an NVIDIA GPU: CUDA kernels of our own (kernels/cuda), one native call an iteration."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from splatworker import _cuda
from splatworker.formats.camera import Camera
from splatworker.render.ignored import Uncounted, hides, left_out, weighted
from splatworker.render.interface import (
    CONTRIBUTION_HEADER,
    AdamState,
    DensityStatistics,
    Dropout,
    GaussianTensors,
    Ignored,
    LearningRates,
    Loss,
    Step,
    View,
)

_WIDTHS = (3, 4, 3, 1, 3)
"""Floats a Gaussian of every tensor but sh_rest."""

_CONTRIBUTION_FLOATS, _FLOATS_A_SPLAT = 32, 12
"""Of a contribution: before the Gaussians, and of each of them (types.h, Contribution and SplatGradient)."""

_LARGEST_SIDE = 65535

_ALIGNMENT = 16
"""Bytes: the kernels read and write four floats at a time."""


def obstacle() -> str:
    """Why our kernels do not run on the current CUDA device, or "" where they do: built for other GPUs, old driver."""
    return refusal()[1]


def refusal() -> tuple[str, str]:
    """The same, after its code (`errors`), or "" and ""."""
    return _cuda.obstacle(torch.cuda.current_device())


class _Scratch:
    """The renderer's memory: one tensor, replaced where it turned out too small."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._memory: torch.Tensor | None = None

    def allocate(self, size: int) -> int:
        """The address of `size` bytes."""
        self._memory = None  # what it held is not needed any more: let the allocator have it back first
        self._memory = torch.empty(size, dtype=torch.uint8, device=self._device)
        return self._memory.data_ptr()


class CudaRenderer:
    """The `Renderer` on the current CUDA device.

    Work is queued on torch's current stream. Scratch memory comes from torch's allocator, so it counts in torch's
    statistics and running out of it raises `torch.OutOfMemoryError`; it grows with the largest frame and stays.

    Args:
        deterministic: training steps give the same to the bit every time, by sums in fixed point. Without it only
            images do; gradients are summed in whatever order the GPU's blocks happen to run.
    """

    def __init__(self, deterministic: bool = False) -> None:
        self.device = torch.device("cuda", torch.cuda.current_device())
        self._native = _cuda.Renderer(self.device.index, deterministic, _Scratch(self.device).allocate)
        self._rendered: GaussianTensors | None = None

    def render(
        self, gaussians: GaussianTensors, camera: Camera, background: torch.Tensor, sh_degree: int
    ) -> torch.Tensor:
        """See `Renderer.render`."""
        native = self._gaussians(gaussians, sh_degree)
        image = torch.empty(3, camera.height, camera.width, device=self.device)
        self._native.render(
            native, _camera(camera), self._background(background), sh_degree, image.data_ptr(), self._stream()
        )
        self._rendered = gaussians  # backward() reads them
        return image

    def backward(self, grad_image: torch.Tensor) -> tuple[GaussianTensors, torch.Tensor]:
        """See `Renderer.backward`."""
        if self._rendered is None:
            raise RuntimeError("backward() needs a render() before it")
        gradients = GaussianTensors(*(torch.zeros_like(tensor) for tensor in self._rendered))
        grad_means2d = torch.zeros(len(gradients.means), 2, device=self.device)
        grad_image = grad_image.contiguous()
        self._native.backward(
            self._address(grad_image, torch.float32, grad_image.numel(), "grad_image"),
            self._gaussians(gradients, 0),
            grad_means2d.data_ptr(),
            self._stream(),
        )
        return gradients, grad_means2d

    def loss(
        self, image: torch.Tensor, photo: torch.Tensor, lambda_dssim: float, ignored: Ignored | None = None
    ) -> tuple[Loss, torch.Tensor]:
        """See `Renderer.loss`."""
        image = image if ignored is None else left_out(image, ignored)
        _, height, width = image.shape
        image, gradient = image.contiguous(), torch.empty_like(image, memory_format=torch.contiguous_format)
        values = torch.empty(3, device=self.device)
        self._native.loss(
            self._address(image, torch.float32, 3 * height * width, "image"),
            self._address(photo, torch.uint8, 3 * height * width, "photo"),
            width,
            height,
            lambda_dssim,
            gradient.data_ptr(),
            values.data_ptr(),
            self._stream(),
        )
        loss = Loss(*values.unbind())
        if ignored is None:
            return loss, gradient
        return weighted(loss, ignored), left_out(gradient, ignored, ignored.weight)

    def adam_step(
        self,
        parameters: GaussianTensors,
        gradients: GaussianTensors,
        state: AdamState,
        rates: LearningRates,
        step: int,
        sh_degree: int,
    ) -> None:
        """See `Renderer.adam_step`."""
        self._native.adam_step(
            self._gaussians(parameters, sh_degree),
            self._gaussians(gradients, sh_degree),
            self._gaussians(state.first, sh_degree),
            self._gaussians(state.second, sh_degree),
            rates,
            step,
            sh_degree,
            self._stream(),
        )

    def training_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        step: Step,
    ) -> Loss:
        """See `Renderer.training_step`. The loss stays on the GPU: reading it makes the host wait."""
        self._rendered = None
        count, camera = len(parameters.means), step.view.camera
        ignored = step.view.ignored
        uncounted = ignored and Uncounted(statistics, hides(parameters.means, camera, ignored))
        values = torch.empty(3, device=self.device)
        self._native.training_step(
            self._gaussians(parameters, step.sh_degree),
            self._gaussians(state.first, step.sh_degree),
            self._gaussians(state.second, step.sh_degree),
            [self._address(s, torch.float32, count, "density statistics") for s in statistics],
            self._photo(step.view),
            _camera(camera),
            self._background(step.background),
            step.sh_degree,
            step.lambda_dssim,
            step.rates,
            step.number,
            *_dropout(step.dropout),
            *self._ignored(step.view),
            values.data_ptr(),
            self._stream(),
        )
        if uncounted:
            uncounted.put_back()
        loss = Loss(*values.unbind())
        return loss if ignored is None else weighted(loss, ignored)

    def contribution_size(self, parameters: GaussianTensors) -> int:
        """See `Renderer.contribution_size`."""
        return _CONTRIBUTION_FLOATS + _FLOATS_A_SPLAT * len(parameters.means)

    def contribute(self, parameters: GaussianTensors, step: Step, contribution: torch.Tensor) -> None:
        """See `Renderer.contribute`.

        Not the gradients of 59 parameters are written but those of 9 numbers of the splat, with the camera, which is
        what all of them follow from.
        """
        self._rendered = None
        self._native.contribute(
            self._gaussians(parameters, step.sh_degree),
            self._photo(step.view),
            _camera(step.view.camera),
            self._background(step.background),
            step.sh_degree,
            step.lambda_dssim,
            *_dropout(step.dropout),
            *self._ignored(step.view),
            self._aligned(contribution, self.contribution_size(parameters), "contribution"),
            self._stream(),
        )
        if step.view.ignored is not None:
            of_all = Loss(*contribution[1:CONTRIBUTION_HEADER].clone().unbind())
            contribution[1:CONTRIBUTION_HEADER] = torch.stack(weighted(of_all, step.view.ignored))

    def batch_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        contributions: torch.Tensor,
        step: Step,
    ) -> None:
        """See `Renderer.batch_step`."""
        count, photos = len(parameters.means), len(contributions)
        self._native.batch_step(
            self._gaussians(parameters, step.sh_degree),
            self._gaussians(state.first, step.sh_degree),
            self._gaussians(state.second, step.sh_degree),
            [self._address(s, torch.float32, count, "density statistics") for s in statistics],
            self._aligned(contributions, photos * self.contribution_size(parameters), "contributions"),
            photos,
            step.sh_degree,
            step.rates,
            step.number,
            self._stream(),
        )

    @property
    def scratch_bytes(self) -> int:
        """How much GPU memory the renderer holds for itself."""
        return self._native.scratch_bytes

    def _stream(self) -> int:
        return torch.cuda.current_stream(self.device).cuda_stream

    def _photo(self, view: View) -> int:
        return self._address(view.photo, torch.uint8, 3 * view.camera.height * view.camera.width, "photo")

    def _ignored(self, view: View) -> tuple[int, float]:
        """Where the ignored pixels of a view are, and what the others weigh; 0 and 1 where all count."""
        if view.ignored is None:
            return 0, 1.0
        pixels = view.camera.height * view.camera.width
        return self._address(view.ignored.pixels, torch.uint8, pixels, "what is ignored"), view.ignored.weight

    def _background(self, background: torch.Tensor) -> int:
        return self._address(background, torch.float32, 3, "background")

    def _gaussians(self, gaussians: GaussianTensors, sh_degree: int) -> _cuda.Gaussians:
        count, rest = len(gaussians.means), gaussians.sh_rest.shape[1]
        if not 0 <= sh_degree <= 3 or (sh_degree + 1) ** 2 - 1 > rest:
            raise ValueError(f"sh_degree {sh_degree} is above the model's")
        addresses = [
            self._aligned(tensor, count * width, name)
            for tensor, width, name in zip(gaussians, (*_WIDTHS, 3 * rest), GaussianTensors._fields, strict=True)
        ]
        return _cuda.Gaussians(count, rest, addresses)

    def _address(self, tensor: torch.Tensor, dtype: torch.dtype, numel: int, name: str) -> int:
        if tensor.dtype != dtype or tensor.numel() != numel or tensor.device != self.device:
            raise ValueError(
                f"{name} is {tensor.dtype} with {tensor.numel()} values on {tensor.device}, "
                f"not {dtype} with {numel} on {self.device}"
            )
        if not tensor.is_contiguous():
            raise ValueError(f"{name} is not contiguous")
        return tensor.data_ptr()

    def _aligned(self, tensor: torch.Tensor, numel: int, name: str) -> int:
        address = self._address(tensor, torch.float32, numel, name)
        if address % _ALIGNMENT:
            raise ValueError(f"{name} does not start at a multiple of {_ALIGNMENT} bytes, as tensors of their own do")
        return address


def _dropout(dropout: Dropout) -> tuple[float, int]:
    if not 0 <= dropout.share < 1:
        raise ValueError("dropout must leave something: a share from 0 to below 1")
    return dropout.share, dropout.seed & 0xFFFFFFFF


def _camera(camera: Camera) -> _cuda.Camera:
    if not (0 < camera.width <= _LARGEST_SIDE and 0 < camera.height <= _LARGEST_SIDE):
        raise ValueError(f"an image side must be 1 to {_LARGEST_SIDE} pixels")
    intrinsics: Sequence[float] = (camera.fx, camera.fy, camera.cx, camera.cy)
    return _cuda.Camera(camera.width, camera.height, intrinsics, camera.camera_from_world.ravel().tolist())
