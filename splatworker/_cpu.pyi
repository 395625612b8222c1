"""The CPU kernels (kernels/cpu/bindings.cpp): float32 arrays, uint8 photos; shapes as in render.interface."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

_Six = Sequence[Tensor]

class Renderer:
    def __init__(self, threads: int, instruction_set: str = "") -> None: ...
    def render(
        self,
        gaussians: _Six,
        width: int,
        height: int,
        intrinsics: Sequence[float],
        camera_from_world: Sequence[float],
        antialiasing: bool,
        background: Sequence[float],
        sh_degree: int,
        image: Tensor,
        /,
    ) -> None: ...
    def backward(self, gaussians: _Six, grad_image: Tensor, gradients: _Six, grad_means2d: Tensor, /) -> None: ...
    def loss(
        self, image: Tensor, photo: Tensor, lambda_dssim: float, huber_delta: float, grad_image: Tensor, /
    ) -> tuple[float, float]: ...
    def adam_step(
        self,
        parameters: _Six,
        gradients: _Six,
        first: _Six,
        second: _Six,
        rates: Sequence[float],
        step: int,
        sh_degree: int,
        /,
    ) -> None: ...
    def training_step(
        self,
        parameters: _Six,
        first: _Six,
        second: _Six,
        statistics: Sequence[Tensor],
        photo: Tensor,
        width: int,
        height: int,
        intrinsics: Sequence[float],
        camera_from_world: Sequence[float],
        antialiasing: bool,
        background: Sequence[float],
        sh_degree: int,
        lambda_dssim: float,
        huber_delta: float,
        rates: Sequence[float],
        step: int,
        dropout_share: float,
        dropout_seed: int,
        ignored: Tensor | None,
        weight: float,
        absolute: bool,
        exposure: Tensor | None,
        exposure_gradient: Tensor | None,
        /,
    ) -> tuple[float, float]: ...
    @property
    def instruction_set(self) -> str: ...

def neighbor_distances(
    points: npt.NDArray[np.float64], threads: int, mean_squared: npt.NDArray[np.float64], /
) -> None: ...
def nearest_points(
    points: npt.NDArray[np.float64],
    places: npt.NDArray[np.float64],
    threads: int,
    which: npt.NDArray[np.int64],
    distances: npt.NDArray[np.float64],
    /,
) -> None: ...

class Overlap:
    def __init__(self, photo: npt.NDArray[np.int64], point: npt.NDArray[np.int64], photos: int, /) -> None: ...
    @property
    def points(self) -> int: ...
    def shared(
        self, weight: npt.NDArray[np.float64], scale: npt.NDArray[np.float64], shared: npt.NDArray[np.float64], /
    ) -> None: ...
    def light_system(
        self,
        logs: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64],
        least: float,
        of_photos: npt.NDArray[np.float64],
        of_points: npt.NDArray[np.float64],
        right: npt.NDArray[np.float64],
        shared: npt.NDArray[np.float64],
        /,
    ) -> None: ...
    def light_weights(
        self,
        logs: npt.NDArray[np.float64],
        gain: npt.NDArray[np.float64],
        of_points: npt.NDArray[np.float64],
        noise: float,
        weight: npt.NDArray[np.float64],
        /,
    ) -> None: ...
    def left_of_points(
        self,
        values: npt.NDArray[np.float64],
        gains: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64],
        shapes: npt.NDArray[np.float64],
        left: npt.NDArray[np.float64],
        of_photos: npt.NDArray[np.float64],
        /,
    ) -> None: ...

def pixels_of(schema: object, array: object, pixels: npt.NDArray[np.uint8], /) -> bool: ...
def planes_of(schema: object, array: object, planes: npt.NDArray[np.uint8], /) -> bool: ...
def ray_cosines(
    points: npt.NDArray[np.float64],
    center: npt.NDArray[np.float64],
    others: npt.NDArray[np.float64],
    cosines: npt.NDArray[np.float64],
    /,
) -> None: ...
def mean_colours(
    pixels: npt.NDArray[np.uint8],
    column: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
    colours: npt.NDArray[np.float64],
    /,
) -> None: ...
def plane_sweep(
    grey: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    others: Sequence[npt.NDArray[np.float32]],
    moves: Sequence[Sequence[float]],
    depths: npt.NDArray[np.float32],
    step: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float32],
    /,
) -> None: ...
def nearest(
    points: npt.NDArray[np.float32],
    centroids: npt.NDArray[np.float32],
    threads: int,
    labels: npt.NDArray[np.int32],
    /,
) -> None: ...
def sums_of_labels(
    rows: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], sums: npt.NDArray[np.float32], /
) -> None: ...
def round_colors(
    means: npt.NDArray[np.float32],
    coefficients: npt.NDArray[np.float32],
    centers: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float32],
    grid: Sequence[float],
    sweeps: int,
    bits: npt.NDArray[np.float32],
    of_a_bit: float,
    threads: int,
    rounded: npt.NDArray[np.float32],
    /,
) -> None: ...
