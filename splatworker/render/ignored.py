"""Ignored pixels (`interface.Ignored`), for backends whose kernels know nothing of them: before a loss and after it."""

from __future__ import annotations

import torch

from splatworker.formats.camera import Camera
from splatworker.render.interface import NEAR_PLANE, DensityStatistics, Ignored, Loss


def left_out(picture: torch.Tensor, ignored: Ignored, scale: float = 1.0) -> torch.Tensor:
    """A (3, H, W) picture, or its gradient, `scale` times as large and 0 where pixels are ignored."""
    return (picture * scale).masked_fill(ignored.pixels.to(picture.device) != 0, 0)


def weighted(loss: Loss, ignored: Ignored) -> Loss:
    """The loss over the pixels that count, from that over all."""
    l1, ssim = ignored.weight * loss.l1, 1 - ignored.weight * (1 - loss.ssim)
    return Loss(ignored.weight * loss.total, l1, ssim)


def alone(ignored: Ignored | None) -> Ignored | None:
    """The same, weighted for the scores of one picture: means over its own pixels that count."""
    if ignored is None:
        return None
    return ignored._replace(weight=ignored.pixels.numel() / max(1, int((ignored.pixels == 0).sum())))


def hides(means: torch.Tensor, camera: Camera, ignored: Ignored) -> torch.Tensor:
    """(N,) bool: whether the photo is ignored where the (N, 3) means are projected."""
    pose = torch.as_tensor(camera.camera_from_world, dtype=torch.float64).to(means)
    x, y, z = (means @ pose[:, :3].T + pose[:, 3]).unbind(1)
    depth = z.clamp_min(NEAR_PLANE)
    column, row = (camera.fx * x / depth + camera.cx).floor(), (camera.fy * y / depth + camera.cy).floor()
    inside = (z > NEAR_PLANE) & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    at = (row.clamp(0, camera.height - 1) * camera.width + column.clamp(0, camera.width - 1)).long()
    return inside & (ignored.pixels.to(means.device).flatten()[at] != 0)


class Uncounted:
    """The statistics of Gaussians that a view says nothing of, put back after the view's step.

    Args:
        statistics: what the step will add to.
        hidden: (N,) bool, from `hides`, before the step moves the Gaussians.
    """

    def __init__(self, statistics: DensityStatistics, hidden: torch.Tensor) -> None:
        self._statistics, self._hidden = statistics, hidden
        self._before = statistics.gradient_norm_sum.clone(), statistics.view_count.clone()

    def put_back(self) -> None:
        """Forget what the step has added for them."""
        for now, before in zip(
            (self._statistics.gradient_norm_sum, self._statistics.view_count), self._before, strict=True
        ):
            now.copy_(torch.where(self._hidden, before, now))
