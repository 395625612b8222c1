"""Random and contrived Gaussians and cameras for the renderers' tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from splatworker.formats.camera import Camera
from splatworker.render.interface import GaussianTensors


def look_at_camera(
    width: int = 64,
    height: int = 48,
    focal: float = 60.0,
    distance: float = 4.0,
    seed: int = 0,
    principal: tuple[float, float] = (0.0, 0.0),
) -> Camera:
    """A camera `distance` from the origin in a random direction, looking at it with a random roll."""
    generator = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    pose = np.hstack([rotation, [[0.0], [0.0], [distance]]])
    return Camera(width, height, focal, focal * 1.1, width / 2 + principal[0], height / 2 + principal[1], pose)


def random_gaussians(
    count: int,
    sh_degree: int = 3,
    seed: int = 0,
    spread: float = 1.0,
    log_scale: float = -2.0,
    opacity_logit: float = 0.5,
) -> GaussianTensors:
    """Gaussians around the origin of mixed size, shape, opacity and colour."""
    g = torch.Generator().manual_seed(seed)
    rest = (sh_degree + 1) ** 2 - 1
    return GaussianTensors(
        means=spread * torch.randn(count, 3, generator=g),
        quaternions=torch.randn(count, 4, generator=g) * 2,
        log_scales=log_scale + 0.7 * torch.randn(count, 3, generator=g),
        opacity_logits=opacity_logit + 2 * torch.randn(count, generator=g),
        sh_dc=torch.randn(count, 3, generator=g),
        sh_rest=0.3 * torch.randn(count, rest, 3, generator=g),
    )


def logit(opacity: float) -> float:
    return math.log(opacity / (1 - opacity))


def one_gaussian(
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0),
    log_scale: float = -1.0,
    opacity: float = 0.8,
    sh_degree: int = 0,
) -> GaussianTensors:
    rest = (sh_degree + 1) ** 2 - 1
    return GaussianTensors(
        torch.tensor([mean]),
        torch.tensor([[1.0, 0.2, -0.3, 0.1]]),
        torch.tensor([[log_scale, log_scale + 0.3, log_scale - 0.2]]),
        torch.tensor([logit(opacity)]),
        torch.tensor([[0.4, -0.2, 0.9]]),
        torch.full((1, rest, 3), 0.1),
    )


def concatenate(*sets: GaussianTensors) -> GaussianTensors:
    return GaussianTensors(*(torch.cat(tensors) for tensors in zip(*sets, strict=True)))


def front_camera(width: int = 64, height: int = 48, focal: float = 60.0) -> Camera:
    """At (0, 0, -4), looking along z: the world's axes are the camera's."""
    pose = np.hstack([np.eye(3), [[0.0], [0.0], [4.0]]])
    return Camera(width, height, focal, focal, width / 2, height / 2, pose)
