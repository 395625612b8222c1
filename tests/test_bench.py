"""What the programs in bench/ measure by: the figures of splats and photos with a known answer."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.render.backend import renderer_for

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module")
def novel_views() -> ModuleType:
    spec = importlib.util.spec_from_file_location("novel_views", BENCH / "novel_views.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def discs(places: list[tuple[float, float, float]], radius: float) -> Gaussians:
    """Opaque grey balls."""
    count = len(places)
    return Gaussians(
        np.array(places, np.float32).reshape(count, 3),
        np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        np.full((count, 3), np.log(radius), np.float32),
        np.full(count, 6, np.float32),
        np.zeros((count, 3), np.float32),
        np.zeros((count, 0, 3), np.float32),
    )


def test_floaters_are_what_stands_before_everything_that_is_known(novel_views: ModuleType) -> None:
    camera = Camera(64, 48, 60, 60, 32, 24, np.hstack([np.eye(3), np.zeros((3, 1))]))
    points = np.random.default_rng(0).uniform([-2, -1.5, 9], [2, 1.5, 11], (200, 3))
    renderer = renderer_for("cpu")

    def share(splat: Gaussians) -> float | None:
        told: float | None = novel_views.floaters(splat, camera, points, renderer)
        return told

    assert share(discs([(0, 0, 10), (1, 0, 9.5)], 0.5)) == 0  # the scene itself
    assert share(discs([(0, 0, -3)], 0.5)) == 0  # behind the camera
    small, large = share(discs([(0, 0, 10), (0, 0, 3)], 0.2)), share(discs([(0, 0, 10), (0, 0, 3)], 0.8))
    assert small is not None
    assert large is not None
    # Half opaque to 1.18 standard deviations, of 0.2 and 0.8 at depth 3: circles of 4.7 and 18.8 pixels' radius.
    assert small == pytest.approx(np.pi * 4.7**2 / (64 * 48), rel=0.25)
    assert large == pytest.approx(np.pi * 18.8**2 / (64 * 48), rel=0.25)
    assert novel_views.floaters(discs([(0, 0, 3)], 1), camera, points[:5], renderer) is None  # too few points to tell


def test_a_photos_own_light_is_forgiven(novel_views: ModuleType) -> None:
    truth = np.random.default_rng(1).uniform(0.2, 0.6, (3, 24, 32))
    gains, offsets = np.array([1.3, 0.8, 1.1])[:, None, None], np.array([0.05, 0.1, -0.1])[:, None, None]
    image = (truth - offsets) / gains
    assert novel_views.psnr(image, truth) < 25
    assert novel_views.psnr(novel_views.colour_corrected(image, truth), truth) > 100
    flat = np.full_like(truth, 0.5)
    assert np.isfinite(novel_views.colour_corrected(flat, truth)).all()
    assert novel_views.psnr(truth, truth) == pytest.approx(120)
