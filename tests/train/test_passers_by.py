"""Who passes through a photo is left out of it and of the splat, and where nobody does photos stay as they are."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from support.colmap_files import ring_cameras
from support.heard import Heard
from support.passed import PASSED, SQUARE, SQUARES, one_thing, paint_squares
from support.scene_folders import write_scene

from splatworker.formats.camera import Camera
from splatworker.formats.ply import read_ply
from splatworker.render.arrays import Array, Device, to_device, to_numpy
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import GaussianTensors, Ignored, View
from splatworker.render.tensors import to_tensors
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.passers_by import LOOKS, PassersBy, enlarged, moments
from splatworker.train.trainer import train
from splatworker.train.views import Views

PHOTOS = 16

Make = Callable[..., Options]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A scene, and the same with a square on 3 of its 16 photos, at other places of each."""
    folder = tmp_path_factory.mktemp("scenes")
    clean = write_scene(folder / "clean", PHOTOS, one_thing(), width=64, height=48)
    shutil.copytree(clean, folder / "passed")
    paint_squares(folder / "passed" / "images")
    return {"clean": clean, "passed": folder / "passed"}


class Trained(NamedTuple):
    told: dict[str, Any]
    warnings: list[str]
    ply: bytes
    error: float
    """Where the squares were."""


@pytest.fixture(scope="module")
def trained(scenes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Trained]:
    """What comes of both scenes, by scene and mode."""
    results = {}
    for scene, mode in itertools.product(scenes, ("off", "auto")):
        heard = Heard()
        options = Options(
            source_path=scenes[scene], model_path=tmp_path_factory.mktemp(f"{scene}_{mode}") / "model",
            iterations=200, position_lr_max_steps=200, densify_from_iter=20, densify_until_iter=150,
            densification_interval=20, sh_degree=1, sh_degree_interval=60, max_gaussians=700, passers_by=mode,  # type: ignore[arg-type]
        )  # fmt: skip
        told = train(options, CpuRenderer(), heard)
        ply = Path(told["ply"])
        results[scene, mode] = Trained(
            told, heard.warnings, ply.read_bytes(), seen_in_the_squares(ply, scenes["clean"])
        )
    return results


def seen_in_the_squares(ply: Path, clean: Path) -> float:
    """The mean error of a splat where the squares were, in the photos that they were painted on."""
    renderer, splat = CpuRenderer(), to_tensors(read_ply(ply), "cpu")
    errors = []
    for index, camera in enumerate(ring_cameras(PHOTOS, width=64, height=48)):
        if index in SQUARES:
            image = renderer.render(splat, camera, np.zeros(3, np.float32), 1)
            photo = np.asarray(Image.open(clean / "images" / f"photo{index:03}.png")).transpose(2, 0, 1) / 255
            errors.append(np.abs(image - photo)[:, SQUARES[index][0], SQUARES[index][1]].mean())
    return float(np.mean(errors))


def test_a_square_on_three_photos_is_found_and_not_in_the_splat(trained: dict[tuple[str, str], Trained]) -> None:
    left_alone, left_out = trained["passed", "off"], trained["passed", "auto"]
    assert (left_alone.warnings, "passers_by" in left_alone.told) == ([], False)
    (said,) = left_out.warnings
    assert said.startswith("Somebody or something passed through photo002.png, photo007.png, photo011.png and was left")
    told = left_out.told["passers_by"]
    assert told["photos"] == len(PASSED)
    squares = len(PASSED) * SQUARE**2 / (PHOTOS * 64 * 48)
    assert 0.8 * squares < told["share"] < 2.5 * squares  # with the margin around them
    # 0.2 to 0.3 of what the squares leave in the splat is left; the rest is what a photo with a hole in it teaches less
    clean = trained["clean", "off"].error
    assert left_out.error - clean < 0.6 * (left_alone.error - clean)


def test_a_scene_through_which_nobody_passes_is_trained_to_the_same_bytes(
    trained: dict[tuple[str, str], Trained],
) -> None:
    off, auto = trained["clean", "off"], trained["clean", "auto"]
    assert auto.warnings == []
    assert auto.told["passers_by"] == {"share": 0.0, "photos": 0}
    assert auto.ply == off.ply


def test_nobody_is_looked_for_in_photos_of_one_thing_alone_nor_in_very_few(tiny_options: Make) -> None:
    views = some_views("cpu")
    hole = np.zeros((48, 64), np.uint8)
    options = tiny_options(passers_by="auto", iterations=200, densify_until_iter=150)
    for given, looks in (
        (views, LOOKS - 1),  # the first would be before every photo was seen often enough
        (Views(list(views), holes=[hole] * len(views)), 0),
        (views[:3], 0),
    ):
        renderer, black = CpuRenderer(), np.zeros(3, np.float32)
        assert len(PassersBy(options, given, renderer, len(given) * [black])._moments) == looks
        assert PassersBy(tiny_options(passers_by="off"), given, renderer, len(given) * [black])._moments == []


def test_looks_begin_after_the_coarsest_part_and_a_resumed_training_takes_one_at_once(tiny_options: Make) -> None:
    options = tiny_options(passers_by="on", iterations=900, coarse_iterations=300, densify_until_iter=600)
    assert moments(options, PHOTOS) == [150, 375, 600]
    assert moments(options, 60) == [375, 600]
    assert moments(tiny_options(iterations=90, densify_until_iter=600), 4) == [22, 55, 89]
    resumed = PassersBy(options, some_views("cpu"), CpuRenderer(), [np.zeros(3, np.float32)], first=400)
    assert resumed._moments == [401, 600]


class Recording(CpuRenderer):
    """Draws, and remembers on what."""

    def __init__(self) -> None:
        super().__init__()
        self.backgrounds: list[npt.NDArray[np.float32]] = []

    def render(self, gaussians: GaussianTensors, camera: Camera, background: Array, sh_degree: int) -> Array:
        self.backgrounds.append(to_numpy(background).copy())
        return super().render(gaussians, camera, background, sh_degree)


def test_a_look_draws_each_photo_on_its_own_background(tiny_options: Make) -> None:
    options = tiny_options(passers_by="on", iterations=900, coarse_iterations=300, densify_until_iter=600, sh_degree=0)
    own = [np.full(3, index / PHOTOS, np.float32) for index in range(PHOTOS)]
    ball = Model(GaussianTensors(*(tensor.numpy() for tensor in one_thing())))
    renderer = Recording()
    PassersBy(options, some_views("cpu"), renderer, own).after_step(150, ball)
    assert np.array_equal(renderer.backgrounds[:PHOTOS], own)


def some_views(device: Device) -> Views:
    cameras = ring_cameras(PHOTOS, width=64, height=48)
    photo = to_device(np.full((3, 48, 64), 200, np.uint8), device)
    return Views([View(camera, photo) for camera in cameras])


def test_photos_with_masks_are_black_there_and_the_others_as_they_were(device: Device) -> None:
    views = some_views(device)
    mask = np.zeros((48, 64), bool)
    mask[:, :16] = True
    changed = views.ignoring({5: mask})
    assert changed[4] is views[4]
    assert (to_numpy(views[5].photo) == 200).all()
    assert (to_numpy(changed[5].photo)[:, mask] == 0).all()
    assert (to_numpy(changed[5].photo)[:, ~mask] == 200).all()
    ignored = changed.ignored(5)
    assert ignored is not None
    assert ignored.weight == pytest.approx(4 / 3)
    assert ((to_numpy(ignored.pixels) != 0) == mask).all()


def test_masks_of_a_caller_stay(device: Device) -> None:
    corner = np.zeros((48, 64), np.uint8)
    corner[40:] = 255
    camera = ring_cameras(1, width=64, height=48)[0]
    photo = to_device(np.full((3, 48, 64), 200, np.uint8), device)
    views = Views([View(camera, photo, Ignored(to_device(corner, device), 1.2))])
    mask = np.zeros((48, 64), bool)
    mask[:, :16] = True
    both = views.ignoring({0: mask}).ignored(0)
    assert both is not None
    assert ((to_numpy(both.pixels) != 0) == (mask | (corner != 0))).all()


def test_photos_that_stay_in_main_memory_stay_there() -> None:
    cpu = torch.device("cpu")
    views = Views([View(ring_cameras(1, width=64, height=48)[0], torch.full((3, 48, 64), 9, dtype=torch.uint8))], cpu)
    mask: npt.NDArray[np.bool_] = np.ones((48, 64), bool)
    mask[0] = False
    changed = views.ignoring({0: mask})
    assert changed.streams
    assert int(changed[0].photo.sum()) == 3 * 64 * 9


@pytest.mark.parametrize(("height", "halvings"), [(97, 1), (131, 2), (1583, 3)])
def test_a_mask_is_enlarged_to_where_its_pixels_came_from(height: int, halvings: int) -> None:
    small = height >> halvings
    mask = np.zeros((small, 70), bool)
    mask[3] = mask[-1] = True
    large = enlarged(mask, height, 70 << halvings)
    side = 1 << halvings
    assert large.shape == (height, 70 << halvings)
    rows = np.flatnonzero(large[:, 0])
    assert rows.tolist() == [*range(3 * side, 4 * side), *range((small - 1) * side, height)]
