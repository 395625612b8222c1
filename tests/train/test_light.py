"""The light of photos, from the points they share: gains and dark corners that are known come out, and equal light is
left alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from support.dark_corners import corner, wall_cameras, write_wall
from support.heard import Heard
from support.passed import one_thing
from support.scene_folders import write_scene

from splatworker.formats.scene import read_scene
from splatworker.render.arrays import Device, to_numpy
from splatworker.render.cpu import CpuRenderer
from splatworker.stages.progress import Silent
from splatworker.train.dataset import Dataset, load_dataset
from splatworker.train.light import DARKEST, SAME, Light, gains
from splatworker.train.loading import Loading
from splatworker.train.options import Options
from splatworker.train.own_options import LightMode
from splatworker.train.sightings import Sightings
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
        correction = light.correction(mode, scene.photos)
        return None if correction is None else correction.gains

    assert gains_with("as_taken") is None
    assert gains_with("auto") is None
    common = gains_with("common")
    assert common is not None
    assert np.log(common[0, 0]) - np.log(common[8, 0]) == pytest.approx(0.6, rel=0.2)


def test_what_cameras_tell_ahead_changes_nothing(walls: dict[str, Path]) -> None:
    scene = read_scene(walls["changing"])
    found = []
    for ahead in (scene.photos, scene.photos[:5], []):
        light = Light(scene.observed)
        light.aim(ahead)
        for photo in scene.photos[:-1]:  # the last nobody looks at
            light.look(photo, np.ascontiguousarray(np.asarray(Image.open(photo.path)).transpose(2, 0, 1)))
        correction = light.correction("common", scene.photos)
        assert correction is not None
        assert correction.lenses
        assert correction.gains is not None
        found.append((correction.gains.tobytes(), correction.lenses))
    assert found[0] == found[1] == found[2]


def test_a_scene_that_does_not_say_who_sees_what_is_left_alone(
    tiny_options: Callable[..., Options], tiny_scene: Path, tmp_path: Path
) -> None:
    assert "light" not in train(
        tiny_options(light="common", iterations=2, densify_until_iter=1), CpuRenderer(), Silent()
    )
    assert Light(None).correction("common", read_scene(tiny_scene).photos) is None


@pytest.fixture(scope="module")
def walls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wall as it is, through a lens that darkens the corners, through that in light without rule, and with another
    lens's photos, that does not darken, in between.
    """
    made, cameras = tmp_path_factory.mktemp("walls"), wall_cameras(24)
    walls = {
        "plain": write_wall(made / "plain", cameras, 24 * [False]),
        "dark": write_wall(made / "dark", cameras, 24 * [True]),
    }
    walls["changing"] = shutil.copytree(walls["dark"], made / "changing")
    dice = np.random.default_rng(5)
    for path in sorted((walls["changing"] / "images").iterdir()):
        pixels = np.asarray(Image.open(path)) * np.exp(dice.uniform(-0.4, 0.3))
        Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)).save(path)
    other = wall_cameras(24, focal=110.0)
    mixed = [one for pair in zip(cameras[::2], other[1::2], strict=True) for one in pair]
    walls["mixed"] = write_wall(made / "mixed", mixed, 12 * [True, False])
    return walls


def as_trained_on(scene: Path, device: Device, **given: Any) -> tuple[Dataset, list[str]]:
    heard, options = Heard(), Options(source_path=scene, model_path=scene / "model", eval=True, **given)
    with Loading(options) as loading:
        return load_dataset(loading.loaded(), loading, options, device, heard), heard.warnings


def apart(dataset: Dataset, true: Path) -> float:
    """The mean difference in bytes of all photos from those of another scene that has no dark corners."""
    views, _ = as_trained_on(true, "cpu", light="as_taken")
    differences = [
        np.abs(to_numpy(one.photo).astype(float) - to_numpy(other.photo)).mean()
        for one, other in zip(dataset.views, views.views, strict=True)
    ]
    return float(np.mean(differences))


def test_photos_are_trained_on_and_scored_without_the_dark_corners_of_their_lens(
    walls: dict[str, Path], device: Device
) -> None:
    as_taken, _ = as_trained_on(walls["dark"], device, light="as_taken")
    for words in ({"light": "auto"}, {"light": "common"}, {"light": "auto", "train_test_exp": True}):
        dataset, (said,) = as_trained_on(walls["dark"], device, **words)
        assert said.startswith("The lens darkens the corners of 24 photos (by up to 5")
        assert dataset.correction is not None
        assert dataset.correction.gains is None
        (told,) = dataset.correction.in_figures()["vignetting"]
        assert told == {"photos": 24, "corner": pytest.approx(corner(wall_cameras(1)[0]), abs=0.04)}
        assert apart(dataset, walls["plain"]) < 1.0 < 10.0 < apart(as_taken, walls["plain"])


def test_dark_corners_and_changing_light_are_told_apart(walls: dict[str, Path], device: Device) -> None:
    as_taken, _ = as_trained_on(walls["changing"], device, light="as_taken")
    dataset, said = as_trained_on(walls["changing"], device, light="auto")
    assert [words.split()[0] for words in said] == ["The", "Light"]
    figures = dataset.correction.in_figures() if dataset.correction else {}
    assert figures["vignetting"][0]["corner"] == pytest.approx(corner(wall_cameras(1)[0]), abs=0.04)
    assert figures["light"]["least"] < 0.8
    assert figures["light"]["most"] > 1.2
    assert apart(dataset, walls["plain"]) < 0.35 * apart(as_taken, walls["plain"])


def test_gains_are_left_to_exposures_that_are_learnt_and_dark_corners_are_not(walls: dict[str, Path]) -> None:
    dataset, (said,) = as_trained_on(walls["changing"], "cpu", light="auto", train_test_exp=True)
    assert said.startswith("The lens")
    assert dataset.correction is not None
    assert dataset.correction.gains is None


def test_a_lens_without_dark_corners_keeps_its_photos_to_the_bit(walls: dict[str, Path]) -> None:
    as_taken, _ = as_trained_on(walls["mixed"], "cpu", light="as_taken")
    dataset, _ = as_trained_on(walls["mixed"], "cpu", light="auto")
    assert dataset.correction is not None
    ((photos, fall),) = dataset.correction.lenses
    assert photos == 12
    assert fall == pytest.approx(corner(wall_cameras(1)[0]), abs=0.05)
    for name, one, other in zip(dataset.names, dataset.views, as_taken.views, strict=True):
        assert (np.asarray(one.photo) == other.photo).all() == bool(int(name[5:8]) % 2)


def test_where_corners_are_as_bright_as_the_middle_nothing_is_done(walls: dict[str, Path]) -> None:
    for given in ("auto", "common"):
        dataset, said = as_trained_on(walls["plain"], "cpu", light=given)
        assert (dataset.correction, said) == (None, [])


def test_masked_and_shrunk_photos_lose_their_dark_corners_too(walls: dict[str, Path], tmp_path: Path) -> None:
    scene = shutil.copytree(walls["dark"], tmp_path / "masked")
    (scene / "masks").mkdir()
    for path in (scene / "images").iterdir():
        mask = np.full((72, 96), 255, np.uint8)
        mask[30:, 40:60] = 0
        Image.fromarray(mask).save(scene / "masks" / path.name)
    dataset, _ = as_trained_on(scene, "cpu", light="auto", resolution=2)
    plain, _ = as_trained_on(walls["plain"], "cpu", light="as_taken", resolution=2)
    assert dataset.correction is not None
    for one, other in zip(dataset.views, plain.views, strict=True):
        assert one.ignored is not None
        hidden = one.ignored.pixels != 0
        assert (one.photo[:, hidden] == 0).all()
        assert np.abs(one.photo[:, ~hidden].astype(float) - other.photo[:, ~hidden]).mean() < 1.5


def test_a_training_says_which_lenses_it_has_evened(
    tiny_options: Callable[..., Options], walls: dict[str, Path]
) -> None:
    brought, (said,), _ = trained(tiny_options, walls["dark"], "auto")
    assert said.startswith("The lens darkens")
    assert [sorted(told) for told in brought["vignetting"]] == [["corner", "photos"]]
    assert "light" not in brought


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
