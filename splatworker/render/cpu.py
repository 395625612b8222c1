"""The renderer on the processor: C++ kernels with OpenMP and SIMD (kernels/cpu)."""

from __future__ import annotations

from typing import NamedTuple

from splatworker import _cpu
from splatworker.formats.camera import Camera
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Array, Device, contiguous, library
from splatworker.render.batch import PlainBatches
from splatworker.render.ignored import Uncounted, hides, left_out, weighted
from splatworker.render.interface import (
    AdamState,
    DensityStatistics,
    GaussianTensors,
    Ignored,
    LearningRates,
    Loss,
    LossTerms,
    Step,
)


class _CameraArguments(NamedTuple):
    width: int
    height: int
    intrinsics: tuple[float, float, float, float]
    camera_from_world: list[float]
    antialiasing: bool


def _arguments(camera: Camera, antialiasing: bool) -> _CameraArguments:
    intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy)
    pose = camera.camera_from_world.ravel().tolist()
    return _CameraArguments(camera.width, camera.height, intrinsics, pose, antialiasing)


THE_SAME_EVERYWHERE = "avx2"
"""The instruction set that every x86-64 processor since about 2015 has; where it is missing, "baseline" stands in."""


class CpuRenderer(PlainBatches):
    """The `Renderer` on `threads` processors (all that this process may use, unless told otherwise).

    The result of a frame does not depend on the number of threads: every sum is taken in a fixed order. It does, in its
    last bits, on the instruction set, for a sum of 16 lanes is another than one of 8.

    Args:
        threads: how many work at it.
        deterministic: use `THE_SAME_EVERYWHERE`, also where the processor could do more.
        device: `torch.device("cpu")` where who trains with it wants to work with torch's tensors. It takes either kind
            of array wherever it is, and gives back what it was given.
    """

    def __init__(self, threads: int | None = None, *, deterministic: bool = False, device: Device = "cpu") -> None:
        self.device = device
        self._native = _cpu.Renderer(threads or available_cpus(), THE_SAME_EVERYWHERE if deterministic else "")
        self.antialiasing = False
        self._gaussians: GaussianTensors | None = None
        self._image: Array | None = None

    @property
    def instruction_set(self) -> str:
        """Which of the compiled instruction sets is in use: "avx512", "avx2" or "baseline"."""
        return self._native.instruction_set

    def render(self, gaussians: GaussianTensors, camera: Camera, background: Array, sh_degree: int) -> Array:
        """See `Renderer.render`."""
        xp = library(gaussians.means)
        image = xp.empty((3, camera.height, camera.width), dtype=xp.float32)
        arguments = _arguments(camera, self.antialiasing)
        self._native.render(gaussians, *arguments, background.reshape(-1).tolist(), sh_degree, image)
        self._gaussians, self._image = gaussians, image  # backward() reads both
        return image

    def backward(self, grad_image: Array) -> tuple[GaussianTensors, Array]:
        """See `Renderer.backward`."""
        if self._gaussians is None:
            raise RuntimeError("backward() needs a render() before it")
        xp = library(self._gaussians.means)
        gradients = GaussianTensors(*(xp.empty_like(array) for array in self._gaussians))
        grad_means2d = xp.empty((len(gradients.means), 2), dtype=xp.float32)
        self._native.backward(self._gaussians, contiguous(grad_image), gradients, grad_means2d)
        return gradients, grad_means2d

    def loss(self, image: Array, photo: Array, terms: LossTerms, ignored: Ignored | None = None) -> tuple[Loss, Array]:
        """See `Renderer.loss`."""
        image = image if ignored is None else left_out(image, ignored)
        image = contiguous(image)
        gradient = library(image).empty_like(image)
        l1, ssim = self._native.loss(image, contiguous(photo), *terms.in_single_precision(), gradient)
        loss = _loss(l1, ssim, terms, image)
        return (
            (loss, gradient)
            if ignored is None
            else (weighted(loss, ignored.weight), left_out(gradient, ignored, ignored.weight))
        )

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
        self._native.adam_step(parameters, gradients, state.first, state.second, rates, step, sh_degree)

    def training_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        step: Step,
    ) -> Loss:
        """See `Renderer.training_step`."""
        self._gaussians = None
        ignored = step.view.ignored
        uncounted = ignored and Uncounted(statistics, hides(parameters.means, step.view.camera, ignored))
        l1, ssim = self._native.training_step(
            parameters,
            state.first,
            state.second,
            statistics,
            step.view.photo,
            *_arguments(step.view.camera, self.antialiasing),
            step.background.reshape(-1).tolist(),
            step.sh_degree,
            *step.loss.in_single_precision(),
            step.rates,
            step.number,
            step.dropout.share,
            step.dropout.seed & 0xFFFFFFFF,
            None if ignored is None else ignored.pixels,
            1.0 if ignored is None else ignored.weight,
            step.absolute,
            *(step.exposure or (None, None)),
        )
        if uncounted:
            uncounted.put_back()
        return _loss(l1, ssim, step.loss, parameters.means)


def _loss(l1: float, ssim: float, terms: LossTerms, kind: Array) -> Loss:
    """As numbers of the library that `kind` is of."""
    total = (1 - terms.lambda_dssim) * l1 + terms.lambda_dssim * (1 - ssim)
    of = library(kind).asarray
    return Loss(of(total), of(l1), of(ssim))
