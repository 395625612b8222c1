"""The renderer on an NVIDIA GPU: CUDA kernels of our own (kernels/cuda), one native call an iteration.

Whose arrays they work on, torch's or our own, is a matter of where memory comes from: `cuda` and `own_cuda`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from splatworker import _cuda
from splatworker.formats.camera import Camera
from splatworker.render.arrays import Array, Device, contiguous
from splatworker.render.ignored import Uncounted, hides, left_out
from splatworker.render.interface import (
    AdamState,
    DensityStatistics,
    Dropout,
    Exposure,
    GaussianTensors,
    Ignored,
    LearningRates,
    Loss,
    LossTerms,
    Step,
    View,
    background_degree,
)

_WIDTHS = (3, 4, 3, 1, 3)
"""Floats a Gaussian of every tensor but sh_rest."""

_CONTRIBUTION_FLOATS, _FLOATS_A_SPLAT = 32, 12
"""Of a contribution: before the Gaussians, and of each of them (types.h, Contribution and SplatGradient)."""

_EXPOSURE_NUMBERS = 12
"""Of (3, 4)."""

_LARGEST_SIDE = 65535

_ALIGNMENT = 16
"""Bytes: the kernels read and write four floats at a time."""


class KernelRenderer(ABC):
    """The `Renderer` on a CUDA device, but for where memory comes from.

    Scratch memory grows with the largest frame and stays.

    Args:
        device: the GPU.
        native: our renderer on it.
    """

    device: Device

    def __init__(self, native: _cuda.Renderer) -> None:
        self._native = native
        self.antialiasing = False
        self._rendered: GaussianTensors | None = None
        self._image_size = 0

    @abstractmethod
    def _empty(self, *shape: int) -> Array:
        """An array of float32, not initialised."""

    @abstractmethod
    def _zeros(self, *shape: int) -> Array:
        """An array of float32."""

    @abstractmethod
    def _loss_values(self) -> Array:
        """(3,) float32 for the loss of a step, not initialised."""

    @abstractmethod
    def _loss(self, values: Array, weight: float) -> Loss:
        """The loss that is in (3,) values, weighted as `ignored.weighted` does it where the weight is not 1."""

    @abstractmethod
    def _weigh(self, contribution: Array, weight: float) -> None:
        """The same with the loss in a contribution, in place."""

    @abstractmethod
    def _address(self, array: Array, dtype: str, numel: int, name: str) -> int:
        """Where a contiguous array is.

        Raises:
            ValueError: it is of another type or size, or elsewhere than on the renderer's device.
        """

    @abstractmethod
    def _at(self, array: Array) -> int:
        """Where an array of the renderer's own making is."""

    @abstractmethod
    def _stream(self) -> int:
        """The driver's stream that work is queued on."""

    def render(self, gaussians: GaussianTensors, camera: Camera, background: Array, sh_degree: int) -> Array:
        """See `Renderer.render`."""
        native = self._gaussians(gaussians, sh_degree)
        image = self._empty(3, camera.height, camera.width)
        self._native.render(
            native, self._camera(camera), *self._background(background), sh_degree, self._at(image), self._stream()
        )
        self._rendered = gaussians  # backward() reads them
        self._image_size = 3 * camera.height * camera.width
        return image

    def backward(self, grad_image: Array) -> tuple[GaussianTensors, Array]:
        """See `Renderer.backward`."""
        if self._rendered is None:
            raise RuntimeError("backward() needs a render() before it")
        gradients = GaussianTensors(*(self._zeros(*tensor.shape) for tensor in self._rendered))
        grad_means2d = self._zeros(len(gradients.means), 2)
        grad_image = contiguous(grad_image)
        self._native.backward(
            self._address(grad_image, "float32", self._image_size, "grad_image"),
            self._gaussians(gradients, 0),
            self._at(grad_means2d),
            self._stream(),
        )
        return gradients, grad_means2d

    def loss(self, image: Array, photo: Array, terms: LossTerms, ignored: Ignored | None = None) -> tuple[Loss, Array]:
        """See `Renderer.loss`."""
        image = image if ignored is None else left_out(image, ignored)
        _, height, width = image.shape
        image, gradient = contiguous(image), self._empty(*image.shape)
        values = self._empty(3)
        self._native.loss(
            self._address(image, "float32", 3 * height * width, "image"),
            self._address(photo, "uint8", 3 * height * width, "photo"),
            width,
            height,
            *terms.in_single_precision(),
            self._at(gradient),
            self._at(values),
            self._stream(),
        )
        if ignored is None:
            return self._loss(values, 1.0), gradient
        return self._loss(values, ignored.weight), left_out(gradient, ignored, ignored.weight)

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
        values = self._loss_values()
        self._native.training_step(
            self._gaussians(parameters, step.sh_degree),
            self._gaussians(state.first, step.sh_degree),
            self._gaussians(state.second, step.sh_degree),
            [self._address(s, "float32", count, "density statistics") for s in statistics],
            self._photo(step.view),
            self._camera(camera),
            *self._background(step.background),
            step.sh_degree,
            *step.loss.in_single_precision(),
            step.rates,
            step.number,
            *_dropout(step.dropout),
            *self._ignored(step.view),
            step.absolute,
            *self._exposure(step.exposure),
            self._at(values),
            self._stream(),
        )
        if uncounted:
            uncounted.put_back()
        return self._loss(values, 1.0 if ignored is None else ignored.weight)

    def contribution_size(self, parameters: GaussianTensors) -> int:
        """See `Renderer.contribution_size`."""
        return _CONTRIBUTION_FLOATS + _FLOATS_A_SPLAT * len(parameters.means)

    def contribute(self, parameters: GaussianTensors, step: Step, contribution: Array) -> None:
        """See `Renderer.contribute`.

        Not the gradients of 59 parameters are written but those of 9 numbers of the splat, with the camera, which is
        what all of them follow from.
        """
        self._rendered = None
        self._native.contribute(
            self._gaussians(parameters, step.sh_degree),
            self._photo(step.view),
            self._camera(step.view.camera),
            *self._background(step.background),
            step.sh_degree,
            *step.loss.in_single_precision(),
            *_dropout(step.dropout),
            *self._ignored(step.view),
            step.absolute,
            self._aligned(contribution, self.contribution_size(parameters), "contribution"),
            self._stream(),
        )
        if step.view.ignored is not None:
            self._weigh(contribution, step.view.ignored.weight)

    def batch_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        contributions: Array,
        step: Step,
    ) -> None:
        """See `Renderer.batch_step`."""
        count, photos = len(parameters.means), len(contributions)
        self._native.batch_step(
            self._gaussians(parameters, step.sh_degree),
            self._gaussians(state.first, step.sh_degree),
            self._gaussians(state.second, step.sh_degree),
            [self._address(s, "float32", count, "density statistics") for s in statistics],
            self._aligned(contributions, photos * self.contribution_size(parameters), "contributions"),
            photos,
            step.sh_degree,
            step.rates,
            step.number,
            step.absolute,
            self._stream(),
        )

    @property
    def scratch_bytes(self) -> int:
        """How much GPU memory the renderer holds for itself."""
        return self._native.scratch_bytes

    def _camera(self, camera: Camera) -> _cuda.Camera:
        if not (0 < camera.width <= _LARGEST_SIDE and 0 < camera.height <= _LARGEST_SIDE):
            raise ValueError(f"an image side must be 1 to {_LARGEST_SIDE} pixels")
        intrinsics: Sequence[float] = (camera.fx, camera.fy, camera.cx, camera.cy)
        pose = camera.camera_from_world.ravel().tolist()
        return _cuda.Camera(camera.width, camera.height, intrinsics, pose, self.antialiasing)

    def _photo(self, view: View) -> int:
        return self._address(view.photo, "uint8", 3 * view.camera.height * view.camera.width, "photo")

    def _ignored(self, view: View) -> tuple[int, float]:
        """Where the ignored pixels of a view are, and what the others weigh; 0 and 1 where all count."""
        if view.ignored is None:
            return 0, 1.0
        pixels = view.camera.height * view.camera.width
        return self._address(view.ignored.pixels, "uint8", pixels, "what is ignored"), view.ignored.weight

    def _exposure(self, exposure: Exposure | None) -> tuple[int, int]:
        """Where its matrix is, and where the gradient goes; 0 and 0 where there is none."""
        if exposure is None:
            return 0, 0
        return (
            self._address(exposure.matrix, "float32", _EXPOSURE_NUMBERS, "exposure"),
            self._address(exposure.gradient, "float32", _EXPOSURE_NUMBERS, "the gradient of an exposure"),
        )

    def _background(self, background: Array) -> tuple[int, int]:
        """Where it is, and the degree of its harmonics: 0 of a colour."""
        degree = background_degree(background)
        return self._address(background, "float32", 3 * (degree + 1) ** 2, "background"), degree

    def _gaussians(self, gaussians: GaussianTensors, sh_degree: int) -> _cuda.Gaussians:
        count, rest = len(gaussians.means), gaussians.sh_rest.shape[1]
        if not 0 <= sh_degree <= 3 or (sh_degree + 1) ** 2 - 1 > rest:
            raise ValueError(f"sh_degree {sh_degree} is above the model's")
        addresses = [
            self._aligned(tensor, count * width, name)
            for tensor, width, name in zip(gaussians, (*_WIDTHS, 3 * rest), GaussianTensors._fields, strict=True)
        ]
        return _cuda.Gaussians(count, rest, addresses)

    def _aligned(self, tensor: Array, numel: int, name: str) -> int:
        address = self._address(tensor, "float32", numel, name)
        if address % _ALIGNMENT:
            raise ValueError(f"{name} does not start at a multiple of {_ALIGNMENT} bytes, as tensors of their own do")
        return address


def _dropout(dropout: Dropout) -> tuple[float, int]:
    if not 0 <= dropout.share < 1:
        raise ValueError("dropout must leave something: a share from 0 to below 1")
    return dropout.share, dropout.seed & 0xFFFFFFFF
