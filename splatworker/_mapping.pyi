"""The mapping kernel (kernels/mapping/bindings.cpp)."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Features = tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64], Numbers]
Lenses = tuple[Numbers, Floats, Numbers]
Resected = tuple[Floats, Floats, Numbers, Numbers, int, int]

def extend(
    features: Features,
    lenses: Lenses,
    poses: Floats,
    placed: Bytes,
    point_of: Numbers,
    points: Floats,
    photos: Numbers,
    *,
    cos_create: float,
    cos_continue: float,
    cos_least: float,
) -> tuple[Floats, int]: ...
def retriangulate(
    features: Features,
    lenses: Lenses,
    poses: Floats,
    placed: Bytes,
    point_of: Numbers,
    points: Floats,
    *,
    least: float,
    cos_create: float,
    cos_continue: float,
    cos_least: float,
) -> tuple[Floats, int]: ...
def clean(
    features: Features,
    lenses: Lenses,
    poses: Floats,
    placed: Bytes,
    point_of: Numbers,
    points: Floats,
    *,
    max_error: float,
    cos_least: float,
    transitivity: int,
    threads: int = 1,
) -> tuple[Floats, int, int, int]: ...
def forget(features: Features, point_of: Numbers, points: Floats, photos: Numbers) -> Floats: ...
def visible(
    features: Features, point_of: Numbers, photos: Numbers, sizes: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...
def resect_photos(
    features: Features,
    lenses: Lenses,
    point_of: Numbers,
    points: Floats,
    photos: Numbers,
    free: Bytes,
    focals: Floats,
    *,
    seed: int,
    max_error: float,
    confidence: float,
    max_trials: int,
    threads: int,
) -> list[Resected | None]: ...
def resect(
    seen: Floats,
    points: Floats,
    model: int,
    parameters: Floats,
    free: int,
    focals: Floats,
    *,
    seed: int,
    photo: int,
    max_error: float,
    confidence: float,
    max_trials: int,
) -> Resected | None: ...
def p3p(bearings: Floats, points: Floats) -> list[tuple[Floats, Floats]]: ...
def rays(seen: Floats, model: int, parameters: Floats) -> Floats: ...
def meet(from_: Floats, along: Floats, *, cos_most: float, cos_least: float) -> tuple[Floats, Bytes] | None: ...
