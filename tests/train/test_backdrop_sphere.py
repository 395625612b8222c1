"""A backdrop as Gaussians: a sphere that has its colours, far behind the scene."""

from __future__ import annotations

import numpy as np
import pytest
from support.bluish_wall import HARMONICS, behind_all
from support.colmap_files import ring_cameras

from splatworker.render.cpu import CpuRenderer
from splatworker.render.tensors import to_tensors
from splatworker.train.backdrop_sphere import GAUSSIANS, sphere


def test_it_shows_the_backdrop_and_hides_what_is_beyond() -> None:
    renderer = CpuRenderer(1)
    cameras = ring_cameras(8, 80, 60)
    behind = sphere(HARMONICS, cameras, np.zeros((5, 3)), 4.0, sh_degree=3)
    assert len(behind) == GAUSSIANS
    green = np.array([0, 1, 0], np.float32)
    for camera in cameras[::3]:
        image = renderer.render(to_tensors(behind, renderer.device), camera, green, 3)
        assert np.abs(image - behind_all(camera)).max() < 0.06  # a camera is a tenth of the radius from the middle
        assert np.abs(image - behind_all(camera)).mean() < 0.02


def test_it_has_the_degree_of_its_harmonics() -> None:
    cameras = ring_cameras(8, 80, 60)
    even = sphere(HARMONICS[:1], cameras, np.zeros((5, 3)), 4.0, sh_degree=0)
    assert np.ptp(even.sh_dc, axis=0) == pytest.approx(np.zeros(3), abs=1e-6)
    assert np.ptp(sphere(HARMONICS[:4], cameras, np.zeros((5, 3)), 4.0, sh_degree=0).sh_dc[:, 0]) > 0.1


def test_it_lies_behind_all_but_strays() -> None:
    far = np.zeros((10_000, 3))
    far[:, 0] = np.linspace(0, 500, len(far))
    cameras = ring_cameras(8, 80, 60)
    center = np.mean([camera.center for camera in cameras], axis=0)
    behind = sphere(HARMONICS, cameras, far, 4.0, sh_degree=0)
    assert np.linalg.norm(behind.means - center, axis=1) == pytest.approx(np.full(GAUSSIANS, 1.2 * 500), rel=0.01)
