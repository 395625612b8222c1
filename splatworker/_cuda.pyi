"""The CUDA kernels (kernels/cuda/bindings.cpp). Addresses are of contiguous GPU memory; shapes as in interface.py."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

architectures: Sequence[tuple[int, bool]]
"""What there is code for: (86, False) is machine code for compute capability 8.6, (90, True) PTX for 9.0 and newer."""

def obstacle(device: int, /) -> tuple[str, str]: ...
def sift(
    device: int, grey: npt.NDArray[np.uint8], first_octave: int, most: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]: ...

class Matcher:
    def __init__(
        self, device: int, photos: Sequence[npt.NDArray[np.uint8]], max_ratio: float, max_distance: float
    ) -> None: ...
    def match(self, pairs: Sequence[tuple[int, int]], /) -> list[npt.NDArray[np.uint32]]: ...

class Gaussians:
    def __init__(self, count: int, rest: int, addresses: Sequence[int], /) -> None: ...

class Camera:
    def __init__(
        self, width: int, height: int, intrinsics: Sequence[float], camera_from_world: Sequence[float], /
    ) -> None: ...

class Renderer:
    def __init__(self, device: int, deterministic: bool, allocate: Callable[[int], int]) -> None: ...
    def render(
        self, gaussians: Gaussians, camera: Camera, background: int, sh_degree: int, image: int, stream: int, /
    ) -> None: ...
    def backward(self, grad_image: int, gradients: Gaussians, grad_means2d: int, stream: int, /) -> None: ...
    def loss(
        self,
        image: int,
        photo: int,
        width: int,
        height: int,
        lambda_dssim: float,
        grad_image: int,
        values: int,
        stream: int,
        /,
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
        sh_degree: int,
        lambda_dssim: float,
        rates: Sequence[float],
        step: int,
        dropout_share: float,
        dropout_seed: int,
        ignored: int,
        weight: float,
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
        sh_degree: int,
        lambda_dssim: float,
        dropout_share: float,
        dropout_seed: int,
        ignored: int,
        weight: float,
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
        stream: int,
        /,
    ) -> None: ...
    def set_timing(self, enabled: bool, /) -> None: ...
    def stage_times(self) -> list[tuple[str, float]]: ...
    @property
    def instances(self) -> int: ...
    @property
    def scratch_bytes(self) -> int: ...
