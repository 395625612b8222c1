"""Leave out what no training photo supports: Gaussians that are never seen, haze larger than the scene, stray floaters.

Nothing is removed for its looks. A candidate must be one that the training photos hardly show, and each group of
candidates goes only if the photos are shown as well without it: a filter by distance or size alone, which is what most
tools offer, costs several dB on an ordinary scene.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.export.comparison import read_ignored, read_photo
from splatworker.export.pictures import Picture, SplatRenderer
from splatworker.export.visibility import Visibility
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.near_depth import near_depth
from splatworker.formats.scene import Photo
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Array, mean_square_difference, rows_where, to_device, to_numpy
from splatworker.render.interface import GaussianTensors, Renderer

Mask = npt.NDArray[np.bool_]

UNSEEN = 0.05
"""Pixels: a Gaussian is never seen when it colours less than this of every training view."""

HAZE_EXTENT = 0.5
"""Of the farthest camera's distance from their middle: a Gaussian larger than this..."""

HAZE_OPACITY = 0.1
"""... and less opaque than this is haze."""

FLOATER_VIEWS = 1
"""A Gaussian in free space that no more views than this see is a floater."""

FREE_SPACE = 0.25
"""Free space ends at this share of the distance from a camera to the nearest of the points that it sees: nearer than in
training (`train.free_space`), which asks about what comes into being, and not about what has earned its place."""

NEAR_QUANTILE = 0.01
"""Which of the points that a camera sees is the nearest: a nearer one may be a false match."""

MOST_REMOVED = 0.3
"""The largest share of a splat that is ever removed; those that weigh least go first."""

MOST_LOST_DB = 0.01
"""How much worse, in PSNR over some training photos, the splat may show them without a group."""

JUDGES = 8
"""Training photos that are asked."""


@dataclass(frozen=True)
class Cleaning:
    """What was left out.

    Attributes:
        keep: (N,) the Gaussians that stay.
        removed: group -> how many went.
        spared: groups that the photos would have missed -> how many they were.
        capped: whether more would have gone, had it not been too many.
    """

    keep: Mask
    removed: dict[str, int] = field(default_factory=dict)
    spared: dict[str, int] = field(default_factory=dict)
    capped: bool = False

    @property
    def count(self) -> int:
        """How many went in all."""
        return int(np.count_nonzero(~self.keep))


def clean(
    gaussians: Gaussians,
    visibility: Visibility,
    photos: Sequence[Photo],
    points: npt.NDArray[np.float64],
    renderer: Renderer,
    background: tuple[float, float, float],
    progress: Callable[[float], None] = lambda share: None,
    behind: int = 0,
) -> Cleaning:
    """Find what can go.

    Args:
        visibility: what the cameras of `photos` see of each.
        photos: those the splat was trained on, with cameras of about the size they were trained at.
        points: (N, 3) the scene's sparse points.
        behind: so many Gaussians, the last ones, are behind the scene and stay, also where no photo looked.
    """
    groups = candidates(gaussians, photos, points, visibility)
    judges = photos[:: max(1, len(photos) // JUDGES)][:JUDGES]
    with ThreadPoolExecutor(available_cpus()) as pool:
        truths = [_image(pixels, renderer) for pixels in pool.map(lambda photo: read_photo(photo, background), judges)]
        counts = [_counts(ignored, renderer) for ignored in pool.map(read_ignored, judges)]
    splat_renderer = SplatRenderer(gaussians, renderer, background)
    tensors = splat_renderer.tensors

    def score(keep: Mask) -> float:
        splat_renderer.tensors = GaussianTensors(*rows_where(tensors, keep))
        errors = [
            mean_square_difference(splat_renderer.image(photo.camera), truth, counted)
            for photo, truth, counted in zip(judges, truths, counts, strict=True)
        ]
        return float(-10 * np.log10(np.maximum(errors, 1e-12)).mean())

    keep = np.ones(len(gaussians), bool)
    best = score(keep)
    removed, spared, capped = dict[str, int](), dict[str, int](), False
    for index, (name, group) in enumerate(groups.items()):
        room = int(MOST_REMOVED * len(gaussians)) - int(np.count_nonzero(~keep))
        chosen = np.flatnonzero(group & keep)
        chosen = chosen[chosen < len(gaussians) - behind]
        if len(chosen) > room:
            capped = True
            chosen = chosen[np.argsort(to_numpy(visibility.weight)[chosen], kind="stable")[:room]]
        if not len(chosen):
            continue
        tried = keep.copy()
        tried[chosen] = False
        found = score(tried)
        if found >= best - MOST_LOST_DB:
            keep, best = tried, max(best, found)
            removed[name] = len(chosen)
        else:
            spared[name] = len(chosen)
        progress((index + 1) / len(groups))
    return Cleaning(keep, removed, spared, capped)


def _image(pixels: Picture, renderer: Renderer) -> Array:
    return to_device(pixels.transpose(2, 0, 1).astype(np.float32, order="C") / np.float32(255), renderer.device)


def _counts(ignored: npt.NDArray[np.uint8] | None, renderer: Renderer) -> Array | None:
    """Which pixels of a photo count: (H, W) bool; None: all of them."""
    return None if ignored is None else to_device(ignored == 0, renderer.device)


def candidates(
    gaussians: Gaussians, photos: Sequence[Photo], points: npt.NDArray[np.float64], visibility: Visibility
) -> dict[str, Mask]:
    """The groups of Gaussians that may go, by name, the least harmful first."""
    peak, views = to_numpy(visibility.peak), to_numpy(visibility.views)
    centers = np.array([photo.camera.center for photo in photos])
    extent = float(np.linalg.norm(centers - centers.mean(axis=0), axis=1).max())
    haze = (gaussians.scales.max(axis=1) > HAZE_EXTENT * extent) & (gaussians.opacities < HAZE_OPACITY)
    floating = views <= FLOATER_VIEWS
    floating[floating] = in_free_space(gaussians.means[floating], photos, points)
    return {"never seen": peak < UNSEEN, "floater": floating, "haze": haze}


def in_free_space(means: npt.NDArray[np.float32], photos: Sequence[Photo], points: npt.NDArray[np.float64]) -> Mask:
    """(N,) which positions lie right before a camera, where nothing is: nearer than anything that it sees."""
    near = np.zeros(len(means), bool)
    for photo in photos:
        nearest = near_depth(photo.camera, points, NEAR_QUANTILE)
        if nearest is not None:
            near |= np.linalg.norm(means - photo.camera.center, axis=1) < FREE_SPACE * nearest
    return near


def cleaning_in_figures(cleaning: Cleaning | None) -> dict[str, Any] | None:
    """What cleaning did, ready for JSON; None where it was not wanted."""
    if cleaning is None:
        return None
    return {
        "removed": cleaning.count,
        "share": round(cleaning.count / max(1, len(cleaning.keep)), 4),
        "groups": cleaning.removed,
        "spared": cleaning.spared,
        "capped": cleaning.capped,
    }
