"""What the programs in bench/ measure by: the figures of splats and photos with a known answer."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from support.scene_folders import truth, write_scene

from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.scene import read_scene
from splatworker.render.backend import renderer_for
from splatworker.render.tensors import to_gaussians
from splatworker.train.options import Options

BENCH = Path(__file__).parents[1] / "bench"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def novel_views() -> ModuleType:
    return loaded("novel_views")


@pytest.fixture(scope="module")
def zoom() -> ModuleType:
    return loaded("zoom")


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


def test_a_filter_is_of_the_camera_that_sees_a_gaussian_finest(zoom: ModuleType) -> None:
    poses = [np.hstack([np.eye(3), [[0.0], [0.0], [back]]]) for back in (2.0, 0.0)]
    cameras = [Camera(64, 48, 60, 50, 32, 24, pose) for pose in poses]
    pixels = zoom.nearest_pixel(np.array([[0.0, 0, 3], [0, 0, -1], [0, 0, -5], [2.0, 0, 1]]), cameras)
    # Of the second both are behind but one, of the third both; the last lies beside the second's picture.
    np.testing.assert_allclose(pixels, [3 / 60, 1 / 60, np.inf, 3 / 60])


def test_a_filter_grows_and_takes_as_much_light(zoom: ModuleType) -> None:
    splat = discs([(0, 0, 3), (0, 0, -5)], 0.05)
    camera = Camera(64, 48, 60, 60, 32, 24, np.hstack([np.eye(3), np.zeros((3, 1))]))
    grown = zoom.with_filter(splat, [camera], 3.0)  # a pixel is 0.05 there: four times the variance
    np.testing.assert_allclose(grown.scales, [[0.1] * 3, [0.05] * 3], rtol=1e-5)
    np.testing.assert_allclose(grown.opacities, splat.opacities * [1 / 8, 1], rtol=1e-5)


def test_a_zoom_is_scored_on_halved_same_and_finer_photos(zoom: ModuleType, tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene", count=3, width=64, height=48)
    options = Options(source_path=scene, model_path=tmp_path / "model", resolution=2)
    renderer, truth_of_scene = renderer_for("cpu"), to_gaussians(truth())
    half, same, double = zoom.zoomed(truth_of_scene, read_scene(scene).photos, renderer, options)
    assert double[0] > 40  # the photos are drawn of it, at this size
    assert 20 < half[0] < same[0] < double[0]
