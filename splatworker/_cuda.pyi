"""The CUDA kernels (kernels/cuda/bindings.cpp). Addresses are of contiguous GPU memory; shapes as in interface.py."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

architectures: Sequence[tuple[int, bool]]
"""What there is code for: (86, False) is machine code for compute capability 8.6, (90, True) PTX for 9.0 and newer."""

def obstacle(device: int, /) -> tuple[str, str]: ...
def architecture(device: int, /) -> int: ...
def adjust(
    device: int,
    poses: npt.NDArray[np.float64],
    parameters: npt.NDArray[np.float64],
    points: npt.NDArray[np.float64],
    model: npt.NDArray[np.int32],
    free_lens: npt.NDArray[np.uint8],
    lens_of: npt.NDArray[np.int32],
    free_pose: npt.NDArray[np.uint8],
    held_point: npt.NDArray[np.uint8],
    photo: npt.NDArray[np.int32],
    point: npt.NDArray[np.int32],
    seen: npt.NDArray[np.float64],
    loss: int,
    scale: float,
    most_iterations: int,
    tolerance: float,
) -> tuple[float, float, int, int, int, int, int, str]: ...
def sift(
    device: int, grey: npt.NDArray[np.uint8], first_octave: int, most: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]: ...

class Matcher:
    def __init__(
        self, device: int, photos: Sequence[npt.NDArray[np.uint8]], max_ratio: float, max_distance: float
    ) -> None: ...
    def match(self, pairs: Sequence[tuple[int, int]], /) -> list[npt.NDArray[np.uint32]]: ...

def verify(
    device: int,
    pairs: Sequence[
        tuple[
            npt.NDArray[np.float64],
            npt.NDArray[np.float64],
            npt.NDArray[np.float64],
            npt.NDArray[np.float64],
            npt.NDArray[np.uint32],
            bool,
            int,
            int,
        ]
    ],
    seed: int,
    **rules: Any,
) -> list[dict[str, Any]]:
    """As `_two_view.verify`."""

class Gaussians:
    def __init__(self, count: int, rest: int, addresses: Sequence[int], /) -> None: ...

class Camera:
    def __init__(
        self,
        width: int,
        height: int,
        intrinsics: Sequence[float],
        camera_from_world: Sequence[float],
        antialiasing: bool,
        /,
    ) -> None: ...

class Renderer:
    def __init__(self, device: int, deterministic: bool, allocate: Callable[[int], int]) -> None: ...
    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        background: int,
        background_degree: int,
        sh_degree: int,
        image: int,
        stream: int,
        /,
    ) -> None: ...
    def backward(self, grad_image: int, gradients: Gaussians, grad_means2d: int, stream: int, /) -> None: ...
    def loss(
        self,
        image: int,
        photo: int,
        width: int,
        height: int,
        lambda_dssim: float,
        huber_delta: float,
        grad_image: int,
        values: int,
        stream: int,
        /,
    ) -> None: ...
    def expose(self, exposure: int, image: int, width: int, height: int, exposed: int, stream: int, /) -> None: ...
    def expose_backward(
        self, exposure: int, image: int, width: int, height: int, grad_image: int, gradient: int, stream: int, /
    ) -> None: ...
    def adam_step(
        self,
        parameters: Gaussians,
        gradients: Gaussians,
        first: Gaussians,
        second: Gaussians,
        rates: Sequence[float],
        step: int,
        sh_degree: int,
        stream: int,
        /,
    ) -> None: ...
    def training_step(
        self,
        parameters: Gaussians,
        first: Gaussians,
        second: Gaussians,
        statistics: Sequence[int],
        photo: int,
        camera: Camera,
        background: int,
        background_degree: int,
        sh_degree: int,
        lambda_dssim: float,
        huber_delta: float,
        rates: Sequence[float],
        step: int,
        dropout_share: float,
        dropout_seed: int,
        ignored: int,
        weight: float,
        absolute: bool,
        exposure: int,
        exposure_gradient: int,
        loss_values: int,
        stream: int,
        /,
    ) -> None: ...
    def contribute(
        self,
        gaussians: Gaussians,
        photo: int,
        camera: Camera,
        background: int,
        background_degree: int,
        sh_degree: int,
        lambda_dssim: float,
        huber_delta: float,
        dropout_share: float,
        dropout_seed: int,
        ignored: int,
        weight: float,
        absolute: bool,
        contribution: int,
        stream: int,
        /,
    ) -> None: ...
    def batch_step(
        self,
        parameters: Gaussians,
        first: Gaussians,
        second: Gaussians,
        statistics: Sequence[int],
        contributions: int,
        photos: int,
        sh_degree: int,
        rates: Sequence[float],
        step: int,
        absolute: bool,
        stream: int,
        /,
    ) -> None: ...
    def set_timing(self, enabled: bool, /) -> None: ...
    def stage_times(self) -> list[tuple[str, float]]: ...
    @property
    def instances(self) -> int: ...
    @property
    def scratch_bytes(self) -> int: ...

def mean_grey(device: int, photo: int, pixels: int, grey: int, /) -> None: ...
def plane_sweep(
    device: int,
    pictures: Sequence[tuple[int, int, int, int, int, int, int]],
    sweeps: Sequence[tuple[int, Sequence[tuple[int, Sequence[float]]], Sequence[float], float, float]],
    /,
) -> None: ...
def confirm(
    device: int,
    photos: Sequence[tuple[int, int, int, int, Sequence[float], Sequence[float], Sequence[float], Sequence[int]]],
    asked: Sequence[float],
    votes: int,
    believed: int,
    fresh: int,
    /,
) -> None: ...

class OutOfMemory(MemoryError):
    """The GPU has not so many bytes left as the sentence says."""

class Block:
    @property
    def address(self) -> int: ...

class Pinned:
    @property
    def address(self) -> int: ...

class Memory:
    """Of one GPU, for arrays (kernels/cuda/memory.h), and the kernels for what lies there (array_kernels.h)."""

    def __init__(self, device: int, /) -> None: ...
    def allocate(self, size: int, /) -> Block: ...
    def pin(self, size: int, /) -> Pinned: ...
    @property
    def used(self) -> int: ...
    @property
    def peak(self) -> int: ...
    def free_bytes(self) -> int: ...
    def give_back(self) -> None: ...
    def wait(self) -> None: ...
    def upload(self, target: int, source: int, size: int, /) -> None: ...
    def download(self, target: int, source: int, size: int, /) -> None: ...
    def copy(self, target: int, source: int, size: int, /) -> None: ...
    def zero(self, target: int, size: int, /) -> None: ...
    def fill(self, target: int, count: int, value: float, /) -> None: ...
    def rows(self, source: int, index: int, count: int, width: int, target: int, /) -> None: ...
    def density_facts(
        self,
        norms: int,
        views: int,
        log_scales: int,
        count: int,
        gradient: float,
        small: float,
        large: float,
        out: int,
        /,
    ) -> None: ...
    def clip(self, numbers: int, count: int, low: float, high: float, out: int, /) -> None: ...
    def free_space(
        self,
        means: int,
        count: int,
        camera_from_world: int,
        lenses: int,
        cameras: int,
        ends: int,
        margin: float,
        held: int,
        /,
    ) -> None: ...
    def outside(
        self,
        means: int,
        count: int,
        camera_from_world: int,
        lenses: int,
        cameras: int,
        opaque: int,
        counts: int,
        side: int,
        out: int,
        /,
    ) -> None: ...
    def halve_photo(self, photo: int, planes: int, width: int, height: int, ignored: int, out: int, /) -> None: ...
    def halve_mask(self, mask: int, width: int, height: int, out: int, /) -> None: ...
    def lay_over(
        self, photo: int, hole: int, ignored: int, colour: int, background: float, pixels: int, out: int, /
    ) -> None: ...
    def scale_photo(self, photo: int, factors: int, pixels: int, out: int, /) -> None: ...
    def area_means(self, picture: int, width: int, height: int, side: int, not_zero: bool, means: int, /) -> None: ...
    def without_ignored(self, picture: int, ignored: int, pixels: int, scale: float, out: int, /) -> None: ...
    def hides(
        self,
        means: int,
        count: int,
        camera_from_world: Sequence[float],
        intrinsics: Sequence[float],
        near: float,
        width: int,
        height: int,
        ignored: int,
        hidden: int,
        /,
    ) -> None: ...
    def put_back(self, hidden: int, before: int, count: int, now: int, /) -> None: ...
    def weigh_loss(self, values: int, weight: float, /) -> None: ...
    def square_errors(self, image: int, photo: int, ignored: int, pixels: int, /) -> float: ...
    def square_differences(self, a: int, b: int, counted: int, pixels: int, /) -> float: ...
    def nearest(self, points: int, count: int, entries: int, palette: int, width: int, out: int, /) -> None: ...
    def sums_of_labels(
        self, points: int, masses: int, labels: int, count: int, width: int, scale: float, sums: int, /
    ) -> None: ...
    def mean_error(
        self,
        means: int,
        lost: int,
        count: int,
        harmonics: int,
        centers: int,
        weights: int,
        views: int,
        inertia: float,
        error: int,
        /,
    ) -> None: ...
    def to_picture(self, image: int, pixels: int, picture: int, /) -> None: ...

def dlpack(owner: Block, address: int, shape: Sequence[int], kind: str, size: int, device: int) -> object: ...
