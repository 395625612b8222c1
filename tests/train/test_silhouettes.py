"""Photos that are partly transparent, in training: what they lie on, and where Gaussians may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.kinds import numbers_on
from support.photo_sets import look_at

from splatworker.errors import InvalidMasks
from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.scene import Photo
from splatworker.render.arrays import Array, Device, to_device, to_numpy
from splatworker.render.interface import View
from splatworker.render.tensors import to_tensors
from splatworker.train.initial import gaussians_from_points
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.photos import load_views
from splatworker.train.resolution import Pyramid
from splatworker.train.silhouettes import Silhouettes
from splatworker.train.views import Views

SIDE = 96


def camera(angle: float) -> Camera:
    pose = look_at(np.array([4 * np.sin(angle), 0.0, 4 * np.cos(angle)]), np.zeros(3))
    return Camera(SIDE, SIDE, 100.0, 100.0, SIDE / 2, SIDE / 2, pose)


CAMERAS = [camera(angle) for angle in np.linspace(0, 2 * np.pi, 6, endpoint=False)]


def hole(device: Device) -> Array:
    """Transparent but for a disk in the middle, of a radius that a unit at the origin has."""
    x, y = np.meshgrid(np.arange(SIDE) + 0.5 - SIDE / 2, np.arange(SIDE) + 0.5 - SIDE / 2)
    return to_device((np.hypot(x, y) > 25).astype(np.uint8) * 255, device)


def views(device: Device, holes: list[Array | None], background: int = 0) -> Views:
    black = to_device(np.zeros((3, SIDE, SIDE), np.uint8), device)
    return Views([View(one, black) for one in CAMERAS], None, holes, background)


def test_only_what_most_photos_are_opaque_at_is_the_subjects(device: Device) -> None:
    silhouettes = Silhouettes.of(CAMERAS, views(device, [hole(device)] * 6))
    assert silhouettes is not None
    means = numbers_on(device, [[0, 0, 0], [0.8, 0, 0], [0, -0.8, 0], [0, 1.6, 0], [0, -2, 0], [0, 500, 0]])
    assert silhouettes.outside(means).tolist() == [False, False, False, True, True, True]
    assert silhouettes.count == 6


def test_photos_without_alpha_have_a_say_too(device: Device) -> None:
    silhouettes = Silhouettes.of(CAMERAS, views(device, [hole(device), None, None, None, None, None]))
    assert silhouettes is not None
    assert silhouettes.outside(numbers_on(device, [[0, 1.2, 0.0]])).tolist() == [False]


def test_without_transparency_there_are_no_silhouettes(device: Device) -> None:
    assert Silhouettes.of(CAMERAS, views(device, [None] * 6)) is None


def test_cutouts_that_agree_on_hardly_anything_are_refused(device: Device) -> None:
    xyz = np.random.default_rng(0).normal(0, 0.2, (60, 3))
    points = Points(xyz, np.zeros((60, 3), np.uint8), np.full(60, 2))
    model = Model(to_tensors(gaussians_from_points(points, 0), device))
    silhouettes = Silhouettes.of(CAMERAS, views(device, [hole(device)] * 6))
    assert silhouettes is not None
    silhouettes.demand_subject(model)
    model.parameters.means[1:] += numbers_on(device, [0, 30.0, 0])
    with pytest.raises(InvalidMasks, match="1 of 60 Gaussians lie where most of them keep something"):
        silhouettes.demand_subject(model)


def test_gaussians_outside_are_taken_away_and_never_all(device: Device) -> None:
    rng = np.random.default_rng(0)
    xyz = rng.normal(0, 0.2, (40, 3))
    xyz[20:, 1] += 3
    points = Points(xyz, np.zeros((40, 3), np.uint8), np.full(40, 2))
    model = Model(to_tensors(gaussians_from_points(points, 0), device))
    silhouettes = Silhouettes.of(CAMERAS, views(device, [hole(device)] * 6))
    assert silhouettes is not None
    silhouettes.clear(model)
    assert len(model) == 20
    model.parameters.means[:] += numbers_on(device, [0, 30.0, 0])
    silhouettes.clear(model)
    assert len(model) == 20


@pytest.fixture
def half(tmp_path: Path) -> list[Photo]:
    """A photo whose left half is opaque, its right half transparent, and its middle column in between."""
    pixels = np.full((64, 64, 4), 255, np.uint8)
    pixels[:, :, 0] = 200
    pixels[:, 32:, 3] = 0
    pixels[:, 31, 3] = 128
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return [Photo("a.png", tmp_path / "a.png", Camera(64, 64, 60.0, 60.0, 32.0, 32.0, np.eye(3, 4)))]


@pytest.mark.parametrize("white", [False, True])
@pytest.mark.parametrize("coarse", [0, 10])
def test_a_photo_lies_on_whatever_colour_is_behind(
    half: list[Photo], tmp_path: Path, white: bool, coarse: int, device: Device
) -> None:
    options = Options(source_path=tmp_path, model_path=tmp_path, resolution=1, white_background=white)
    loaded = load_views(half, options, device)
    pyramid = Pyramid(loaded, 0)
    background = 255 if white else 0
    assert pyramid.view(0, 1).photo[:, 5, 50].tolist() == [background] * 3
    over = pyramid.view(0, 1, numbers_on(device, [0.2, 0.4, 1.0])).photo
    assert over[:, 5, 50].tolist() == [51, 102, 255]
    assert over[:, 5, 10].tolist() == [200, 255, 255]
    expected = np.array([200, 255, 255]) * 128 / 255 + np.array([51, 102, 255]) * 127 / 255
    assert abs(to_numpy(over[:, 5, 31]) - expected).max() <= 1.5


def test_halved_photos_lie_on_it_too(half: list[Photo], tmp_path: Path, device: Device) -> None:
    pixels = np.asarray(Image.open(half[0].path).resize((256, 256), Image.Resampling.NEAREST))
    Image.fromarray(pixels).save(half[0].path)
    photo = Photo("a.png", half[0].path, Camera(256, 256, 240.0, 240.0, 128.0, 128.0, np.eye(3, 4)))
    loaded = load_views([photo], Options(source_path=tmp_path, model_path=tmp_path, resolution=1), device)
    over = Pyramid(loaded, 100).view(0, 1, numbers_on(device, [1.0, 0.0, 0.0])).photo
    assert over.shape == (3, 64, 64)
    assert over[:, 5, 50].tolist() == [255, 0, 0]
    assert loaded[:1].hole(0) is not None
    assert loaded.at([0]).hole(0) is not None
