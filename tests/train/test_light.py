"""The light of photos, from the points they share: gains that are known come out, and equal light is left alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from support.passed import one_thing
from support.scene_folders import write_scene

from splatworker import _cpu
from splatworker.formats.scene import read_scene
from splatworker.render.cpu import CpuRenderer
from splatworker.stages.progress import Silent
from splatworker.train.light import DARKEST, SAME, Light, Overlap, Sightings, gains, sample
from splatworker.train.options import Options
from splatworker.train.own_options import LightMode
from splatworker.train.trainer import train

Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A scene in one light, and the same in light that differs from photo to photo, which held-out photos keep."""
    even = write_scene(tmp_path_factory.mktemp("even") / "scene", 16, one_thing(), observed=True, width=64, height=48)
    changed = tmp_path_factory.mktemp("changed") / "scene"
    shutil.copytree(even, changed)
    dice = np.random.default_rng(5)
    for index, path in enumerate(sorted((changed / "images").iterdir())):
        if index % 8:
            gains = np.exp(dice.uniform(-0.5, 0.5) + dice.uniform(-0.1, 0.1, 3))
            pixels = np.asarray(Image.open(path)) * gains
            Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)).save(path)
    return {"even": even, "changed": changed}


def trained(tiny_options: Callable[..., Options], scene: Path, light: str) -> tuple[dict[str, Any], list[str], bytes]:
    heard = Heard()
    options = tiny_options(source_path=scene, model_path=scene.parent / light, light=light)
    result = train(options, CpuRenderer(), heard)
    return result, heard.warnings, Path(result["ply"]).read_bytes()


class Heard(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)


def test_photos_in_light_without_rule_are_brought_into_one(
    tiny_options: Callable[..., Options], scenes: dict[str, Path]
) -> None:
    as_taken, silent, _ = trained(tiny_options, scenes["changed"], "as_taken")
    brought, (said,), _ = trained(tiny_options, scenes["changed"], "auto")
    assert silent == []
    assert said.startswith("Light differs between the photos (0.")
    assert brought["light"]["least"] < 0.8
    assert brought["light"]["most"] > 1.2
    assert brought["quality"]["test"]["psnr"] > as_taken["quality"]["test"]["psnr"] + 0.7
    assert "light" not in as_taken


def test_photos_in_one_light_are_trained_on_as_they_are(
    tiny_options: Callable[..., Options], scenes: dict[str, Path]
) -> None:
    _, _, as_taken = trained(tiny_options, scenes["even"], "as_taken")
    told, warnings, auto = trained(tiny_options, scenes["even"], "auto")
    assert auto == as_taken
    assert (warnings, "light" in told) == ([], False)


def test_light_that_follows_the_camera_is_left_alone_unless_asked(scenes: dict[str, Path], tmp_path: Path) -> None:
    def gains_with(mode: LightMode) -> Array | None:
        scene = read_scene(scenes["even"])
        light = Light(scene.observed)
        for index, photo in enumerate(scene.photos):  # brighter to one side of the ring
            factor = np.exp(0.3 * np.cos(2 * np.pi * index / len(scene.photos)))
            pixels = np.asarray(Image.open(photo.path)).transpose(2, 0, 1) * factor
            light.look(photo, pixels.clip(0, 255).astype(np.uint8))
        return light.gains(mode, [photo.name for photo in scene.photos])

    assert gains_with("as_taken") is None
    assert gains_with("auto") is None
    common = gains_with("common")
    assert common is not None
    assert np.log(common[0, 0]) - np.log(common[8, 0]) == pytest.approx(0.6, rel=0.2)


def test_a_scene_that_does_not_say_who_sees_what_is_left_alone(
    tiny_options: Callable[..., Options], tiny_scene: Path, tmp_path: Path
) -> None:
    assert "light" not in train(
        tiny_options(light="common", iterations=2, densify_until_iter=1), CpuRenderer(), Silent()
    )
    assert Light(None).gains("common", ["a", "b"]) is None


def sightings(
    log_gains: Array, seen_by: int = 4, seed: int = 0, noise: float = 0.03, wrong: float = 0.0
) -> list[Sightings]:
    """400 points a photo, each seen by neighbours alone; a share of the sightings shows something else."""
    dice, count = np.random.default_rng(seed), len(log_gains)
    total = 400 * count // seen_by
    first, colour = dice.integers(0, count, total), dice.uniform(0.2, 0.5, (total, 3))
    photos = []
    for photo, gain in enumerate(log_gains):
        points = np.flatnonzero((photo - first) % count < seen_by)
        seen = colour[points] * np.exp(gain + noise * dice.standard_normal((len(points), 3)))
        others = dice.random(len(points)) < wrong
        seen[others] = dice.uniform(0.05, 0.95, (int(others.sum()), 3))
        photos.append(Sightings(points.astype(np.uint64), np.clip(seen, 0, 1)))
    return photos


@pytest.mark.parametrize("wrong", [0.0, 0.25])
@pytest.mark.parametrize("count", [5, 40])
def test_known_gains_come_out(count: int, wrong: float) -> None:
    truth = np.random.default_rng(count).uniform(-0.3, 0.3, (count, 3))
    truth -= truth.mean(axis=0)
    found = np.log(gains(sightings(truth, wrong=wrong)))
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.1 * 0.17  # of gains whose root mean square is 0.17


def test_gains_that_creep_from_photo_to_photo_come_out_whole() -> None:
    """As in a walk along a wall, where only neighbours share anything."""
    truth = np.repeat(np.linspace(-0.4, 0.4, 60)[:, None], 3, axis=1)
    seen = sightings(truth)
    # The last do not see what the first see.
    seen = [Sightings(s.points + np.uint64(10**6 * (n < 8)), s.colours) for n, s in enumerate(seen)]
    found = np.log(gains(seen))
    assert np.corrcoef(found[8:, 0], truth[8:, 0])[0, 1] > 0.99
    assert found[-1, 0] - found[8, 0] == pytest.approx(truth[-1, 0] - truth[8, 0], rel=0.15)


def test_the_same_light_is_left_alone() -> None:
    assert (gains(sightings(np.zeros((20, 3)))) == 1).all()
    slight = np.where(np.arange(20) % 2, 0.5, -0.5)[:, None] * SAME * np.ones(3)
    assert (gains(sightings(slight)) == 1).all()


def test_what_cannot_be_told_is_one() -> None:
    assert gains([]).shape == (0, 3)
    none = Sightings(np.zeros(0, np.uint64), np.zeros((0, 3)))
    assert (gains([none, none]) == 1).all()
    truth = np.array([[0.3] * 3, [-0.3] * 3, [0.2] * 3, [-0.2] * 3])
    alone = Sightings(np.arange(10**7, 10**7 + 500).astype(np.uint64), np.full((500, 3), 0.9))  # shares no point
    few = Sightings(np.arange(20).astype(np.uint64), np.full((20, 3), 0.5))
    black = Sightings(np.arange(500).astype(np.uint64), np.full((500, 3), DARKEST / 2))
    found = gains([*sightings(truth, seen_by=3), alone, few, black])
    assert (found[4:] == 1).all()
    assert np.log(found[:4]) == pytest.approx(truth, abs=0.05)


def test_colours_are_means_around_the_place() -> None:
    pixels = np.zeros((3, 6, 8), np.uint8)
    pixels[0, 2:5, 3:6] = 255
    pixels[1] = 51
    seen = sample(pixels, np.array([[4.5, 3.5], [2.5, 3.5], [0.0, 0.0], [7.99, 5.99]]), np.arange(4).astype(np.uint64))
    assert seen.colours[:, 0] == pytest.approx([1, 1 / 3, 0, 0])
    assert seen.colours[:, 1] == pytest.approx(0.2)
    assert sample(pixels, np.array([[1e300, -1e300]]), np.zeros(1, np.uint64)).colours[0, 1] == pytest.approx(0.2)
    assert (sample(pixels, np.array([[-50.0, 900.0]]), np.zeros(1, np.uint64)).colours[0, 2]) == 0


def test_what_photos_share_is_the_sum_over_points_of_products() -> None:
    dice, photos, points = np.random.default_rng(0), 7, 40
    photo, point = dice.integers(0, photos, 300), dice.integers(0, points - 1, 300)  # many twice; the last point never
    point[0] = points - 1
    weight, scale = dice.integers(1, 9, 300).astype(float), dice.integers(1, 9, points).astype(float)
    sees = np.zeros((points, photos))
    np.add.at(sees, (point, photo), weight)
    overlap = Overlap(photo, point, photos)
    np.testing.assert_array_equal(overlap.shared(weight, scale), sees.T @ np.diag(scale) @ sees)  # whole numbers
    np.testing.assert_array_equal(overlap.shared(weight), sees.T @ sees)
    nobody = Overlap(photo[:0], point[:0], photos)
    np.testing.assert_array_equal(nobody.shared(weight[:0]), np.zeros((photos, photos)))


def test_photos_that_are_not_there_are_not_written_to() -> None:
    shared, one = np.zeros((2, 2)), np.ones(1)
    for photo, first in (([2], [0, 1]), ([-1], [0, 1]), ([0], [0, 2]), ([0], [1, 0])):
        with pytest.raises(ValueError, match=r"not there|in order"):
            _cpu.shared_weights(np.array(photo), one, np.array(first), one, shared)
    assert not shared.any()
