"""The kernel of two-view geometry, called on two photos of known points."""

from __future__ import annotations

import numpy as np
from support.two_views import FOCAL, SIZE, TwoPhotos

from splatworker.sfm import two_view
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.two_view import TwoView, View

if two_view.has_kernel():
    from splatworker import _two_view as kernel

PIXEL = 1 / FOCAL


def camera(model: str = "SIMPLE_RADIAL", *, known: bool = True, params: list[float] | None = None) -> pycolmap.Camera:
    made = pycolmap.Camera.create_from_model_name(1, model, FOCAL, SIZE, SIZE)
    if params:
        made.params = params
    made.has_prior_focal_length = known
    return made


def views(photos: TwoPhotos, of: pycolmap.Camera | None = None) -> tuple[View, View]:
    """As a photo with these points as its features gives them."""
    of = of or camera()
    first, second = (two_view.view_of(of, np.asarray(of.img_from_cam(p))) for p in with_depth(photos))
    return first, second


def with_depth(photos: TwoPhotos) -> tuple[np.ndarray, np.ndarray]:
    one, two = (np.c_[p, np.ones(len(p))] for p in (photos.first, photos.second))
    return one, two


def every(count: int) -> np.ndarray:
    return np.repeat(np.arange(count, dtype=np.uint32)[:, None], 2, axis=1)


def verify(photos: TwoPhotos, rules: two_view.Rules = two_view.USUAL, *, known: bool = True, seed: int = 0) -> TwoView:
    first, second = views(photos, camera(known=known))
    return two_view.verify(first, second, every(len(photos.first)), (1, 2), rules=rules, seed=seed)


def score(kind: str, model: np.ndarray, photos: TwoPhotos) -> tuple[float, int]:
    scale, (one, two) = np.full(len(photos.first), PIXEL), map(np.ascontiguousarray, (photos.first, photos.second))
    return kernel.score(kind, model, one, scale, two, scale, every(len(scale)), 4.0)


def refine(kind: str, model: np.ndarray, photos: TwoPhotos, most_steps: int = 50) -> tuple[np.ndarray, float, int]:
    scale, (one, two) = np.full(len(photos.first), PIXEL), map(np.ascontiguousarray, (photos.first, photos.second))
    return kernel.refine(kind, model, one, scale, two, scale, every(len(scale)), 4.0, most_steps)
