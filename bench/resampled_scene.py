"""A scene's photo and any number of Gaussians for it, the same ones every time: what the benchmarks draw.

The Gaussians are those that training would start from if COLMAP had found `count` points: its points resampled with a
jitter of half their spacing, scales from the distance to the nearest neighbours, opacity 0.1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.spatial import cKDTree

from splatworker.formats.scene import Scene
from splatworker.render.interface import SH_C0, AdamState, DensityStatistics, GaussianTensors, LearningRates, View

SH_DEGREE = 3
INITIAL_OPACITY = 0.1

RATES = LearningRates(
    means=1.6e-4, quaternions=1e-3, log_scales=5e-3, opacity_logits=5e-2, sh_dc=2.5e-3, sh_rest=2.5e-3 / 20
)
"""The original trainer's, but for that of the means, which is to be multiplied by the scene's extent."""


def resampled_gaussians(scene: Scene, count: int, seed: int = 0) -> GaussianTensors:
    """`count` Gaussians where the scene's points are, of their colours, with small random harmonics."""
    generator = np.random.default_rng(seed)
    xyz = scene.points.xyz
    chosen = generator.integers(len(xyz), size=count)
    spacing = _nearest_distances(xyz, xyz)
    means = xyz[chosen] + 0.5 * spacing[chosen, None] * generator.normal(size=(count, 3))
    scales = np.maximum(_nearest_distances(means, means), 1e-6)
    colors = scene.points.rgb[chosen] / 255.0
    rest = (SH_DEGREE + 1) ** 2 - 1

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))

    return GaussianTensors(
        means=tensor(means),
        quaternions=tensor(generator.normal(size=(count, 4))),
        log_scales=tensor(np.log(scales)[:, None] + 0.2 * generator.normal(size=(count, 3))),
        opacity_logits=torch.full((count,), float(np.log(INITIAL_OPACITY / (1 - INITIAL_OPACITY)))),
        sh_dc=tensor((colors - 0.5) / SH_C0),
        sh_rest=tensor(0.05 * generator.normal(size=(count, rest, 3))),
    )


def _nearest_distances(points: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(N,) root mean square distance of each point to its three nearest neighbours, itself left out."""
    distances = np.asarray(cKDTree(among).query(points, 4, workers=-1)[0])
    return np.asarray(np.sqrt((distances[:, 1:] ** 2).mean(axis=1)))


def view_of(scene: Scene, index: int, width: int, height: int) -> View:
    """The scene's photo number `index`, by name, at `width` x `height` pixels, and its camera."""
    photo = scene.photos[index % len(scene.photos)]
    with Image.open(photo.path) as image:
        pixels = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    return View(photo.camera.resized(width, height), torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous())


def rates_for(scene: Scene) -> LearningRates:
    """`RATES` with that of the means scaled by the extent: 1.1 times the cameras' largest distance from their mean."""
    centers = np.stack([photo.camera.center for photo in scene.photos])
    extent = 1.1 * float(np.linalg.norm(centers - centers.mean(axis=0), axis=1).max())
    return RATES._replace(means=RATES.means * extent)


def clone(gaussians: GaussianTensors) -> GaussianTensors:
    """The same Gaussians in memory of their own."""
    return GaussianTensors(*(tensor.clone() for tensor in gaussians))


def fresh_state(gaussians: GaussianTensors) -> tuple[AdamState, DensityStatistics]:
    """Moments and statistics before the first step: zeros."""

    def zeros() -> GaussianTensors:
        return GaussianTensors(*(torch.zeros_like(tensor) for tensor in gaussians))

    return AdamState(zeros(), zeros()), DensityStatistics(
        *(torch.zeros(len(gaussians.means)) for _ in DensityStatistics._fields)
    )


def scene_name(path: Path) -> str:
    """What tables call the scene."""
    return path.resolve().name.split("_")[0]
