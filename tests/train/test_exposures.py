"""Exposures learnt beside the splat: their steps and mean, what is delivered and scored, and what they contradict."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from support.heard import Heard
from support.passed import PASSED, one_thing, paint_squares
from support.scene_folders import write_scene

from splatworker.errors import InvalidScene
from splatworker.formats.camera import Camera
from splatworker.render.arrays import Device, to_device, to_numpy
from splatworker.render.backend import renderer_for
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import Ignored, View
from splatworker.render.opening import ARRAYS
from splatworker.stages.progress import Silent
from splatworker.train import cli, eval_cli
from splatworker.train.checkpoint import checkpoint_path, load_checkpoint
from splatworker.train.exposures import (
    NOTHING,
    Exposures,
    exposed,
    fitted,
    gains_of,
    in_light_of,
    of_right_half,
)
from splatworker.train.options import Options
from splatworker.train.schedule import exposure_rate
from splatworker.train.trainer import train

Make = Callable[..., Options]

WARM = np.array([[1.3, 0.1, -0.05, 0.02], [0.05, 0.9, 0.1, -0.01], [-0.1, 0.15, 0.6, 0.03]])
PHOTOS = 16


def in_random_light(images: Path) -> dict[str, float]:
    """Give every photo of a folder a light of its own; the gains by name."""
    dice, gains = np.random.default_rng(5), {}
    for path in sorted(images.iterdir()):
        gains[path.name] = dice.uniform(0.55, 1.3)
        pixels = np.asarray(Image.open(path)) * gains[path.name]
        Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)).save(path)
    return gains


class Lit(NamedTuple):
    scene: Path
    gains: dict[str, float]


@pytest.fixture(scope="module")
def lit(tmp_path_factory: pytest.TempPathFactory) -> Lit:
    """A scene whose photos are in random light."""
    scene = write_scene(tmp_path_factory.mktemp("lit") / "scene", PHOTOS, one_thing(), width=64, height=48)
    return Lit(scene, in_random_light(scene / "images"))


# Steps


@pytest.mark.parametrize("count", [1, 5])
def test_steps_are_adams_and_the_mean_changes_nothing(device: Device, count: int, tiny_options: Make) -> None:
    options = tiny_options(iterations=100, exposure_lr_init=0.05, exposure_lr_final=0.01)
    exposures = Exposures(options, count, device)
    given = torch.randn(12, count, 3, 4, generator=torch.Generator().manual_seed(1)).double()
    theirs = torch.tensor(np.tile(NOTHING, (count, 1, 1)), requires_grad=True)
    optimiser = torch.optim.Adam([theirs], lr=1.0, eps=1e-15)
    iteration = 0
    for gradients in given:
        for photo in torch.randperm(count).tolist():
            iteration += 1
            of = exposures.of(photo, iteration)
            np.testing.assert_allclose(to_numpy(of.matrix), exposures.matrices[photo], atol=1e-6)
            of.gradient[...] = to_device(gradients[photo].float().numpy(), device)
            exposures.after_step(iteration)
            theirs.grad = torch.zeros_like(theirs)
            theirs.grad[photo] = gradients[photo].float().double()
            optimiser.param_groups[0]["lr"] = exposure_rate(options, iteration)
            optimiser.step()
        with torch.no_grad():
            theirs -= theirs.mean(dim=0) - torch.tensor(NOTHING)
        np.testing.assert_allclose(exposures.matrices, theirs.detach().numpy(), atol=1e-12)
        assert abs(exposures.matrices.mean(axis=0) - NOTHING).max() < 1e-15
    assert count == 1 or abs(exposures.matrices - NOTHING).max() > 0.2


def test_a_photo_that_comes_again_before_its_round_is_over_is_learnt_from_before(tiny_options: Make) -> None:
    exposures = Exposures(tiny_options(), 3, "cpu")
    for iteration, photo in enumerate([0, 1, 0], start=1):
        of = exposures.of(photo, iteration)
        of.gradient[...] = np.float32(1 + photo)
        exposures.after_step(iteration)
        assert (exposures.matrices == NOTHING).all() == (iteration < 3)


def test_the_last_iteration_ends_a_round(tiny_options: Make) -> None:
    exposures = Exposures(tiny_options(iterations=30, densify_until_iter=20), 3, "cpu")
    exposures.of(1, 30).gradient[...] = np.float32(1)
    exposures.after_step(30)
    assert (exposures.matrices[1] < NOTHING).all()


# Fits and halves


def picture(height: int = 40, width: int = 60) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).uniform(0.1, 0.6, (3, height, width)).astype(np.float32)


def as_photo(shown: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return (shown * 255).round().clip(0, 255).astype(np.uint8)


def test_an_exposure_comes_out_of_a_fit() -> None:
    drawn = picture()
    photo = as_photo(exposed(drawn, WARM))
    assert fitted(drawn.reshape(3, -1), photo.reshape(3, -1)) == pytest.approx(WARM, abs=2e-3)


def test_where_colours_hardly_vary_a_fit_changes_little() -> None:
    grey = np.full((3, 50), 0.5, np.float32)
    found = fitted(grey, as_photo(1.2 * grey))
    assert exposed(grey[:, :, None], found)[:, 0, 0] == pytest.approx(0.6, abs=2e-3)
    assert abs(found - NOTHING).max() < 0.1
    assert (fitted(grey[:, :0], as_photo(grey[:, :0])) == NOTHING).all()


def test_a_picture_as_a_photo_was_taken_is_that_photo(tiny_options: Make) -> None:
    exposures = Exposures(tiny_options(), 2, "cpu")
    exposures.matrices[1] = 1.5 * WARM
    drawn = picture()
    photo = as_photo(exposed(drawn, 1.5 * WARM))
    assert photo.max() == 255  # some of it is cut off
    assert exposures.as_taken(1, drawn) == pytest.approx(photo / 255, abs=3e-3)
    assert exposures.as_taken(0, drawn) == pytest.approx(drawn, abs=1e-6)


def test_gains_are_those_of_a_grey() -> None:
    gains = gains_of(np.stack([NOTHING, 0.7 * NOTHING, WARM]))
    assert gains[0] == pytest.approx(1)
    assert gains[1] == pytest.approx(0.7)
    assert gains[2] == pytest.approx([1.35 + 0.04, 1.05 - 0.02, 0.65 + 0.06])


def seen(device: Device, photo: np.ndarray[Any, np.dtype[np.uint8]], ignored: Any = None) -> View:
    _, height, width = photo.shape
    camera = Camera(width, height, 50.0, 50.0, width / 2, height / 2, np.eye(3, 4))
    hidden = None if ignored is None else Ignored(to_device(ignored.astype(np.uint8), device), 1.5)
    return View(camera, to_device(photo, device), hidden)


def test_the_right_half_is_compared_in_the_light_of_the_left(device: Device) -> None:
    drawn = picture()
    photo = as_photo(exposed(drawn, WARM))
    view, image = of_right_half(seen(device, photo), to_device(drawn, device))
    assert (view.camera.width, view.camera.height, view.camera.cx) == (30, 40, 0.0)
    np.testing.assert_array_equal(to_numpy(view.photo), photo[:, :, 30:])
    assert to_numpy(image) == pytest.approx(photo[:, :, 30:] / 255, abs=5e-3)
    # What the right half shows has no part in the fit.
    other = photo.copy()
    other[:, :, 30:] = 255 - other[:, :, 30:]
    _, same = of_right_half(seen(device, other), to_device(drawn, device))
    np.testing.assert_array_equal(to_numpy(same), to_numpy(image))


def test_what_is_ignored_has_no_part_in_a_fit(device: Device) -> None:
    drawn = picture()
    photo, ignored = as_photo(exposed(drawn, WARM)), np.zeros((40, 60), bool)
    ignored[:, 10:45] = True
    photo[:, ignored] = 0
    view, image = of_right_half(seen(device, photo, ignored), to_device(drawn, device))
    assert view.ignored is not None
    np.testing.assert_array_equal(to_numpy(view.ignored.pixels), ignored[:, 30:])
    assert to_numpy(image)[:, :, 15:] == pytest.approx(photo[:, :, 45:] / 255, abs=1e-2)


def test_halves_of_which_one_says_nothing_are_compared_as_a_whole(device: Device) -> None:
    drawn = picture()
    photo, left = as_photo(exposed(drawn, WARM)), np.zeros((40, 60), bool)
    left[:, :30] = True
    view, image = of_right_half(seen(device, photo, left), to_device(drawn, device))
    assert view.camera.width == 60
    np.testing.assert_array_equal(to_numpy(image), drawn)  # nothing to fit to
    view, image = of_right_half(seen(device, photo, ~left), to_device(drawn, device))
    assert view.camera.width == 60
    assert to_numpy(image) == pytest.approx(photo / 255, abs=5e-3)
    narrow = seen(device, photo[:, :, :1])
    assert of_right_half(narrow, to_device(drawn[:, :, :1], device)).view is narrow


def test_a_photo_trained_on_is_compared_in_its_own_light(device: Device) -> None:
    drawn = picture()
    photo = as_photo(exposed(drawn, WARM))
    view, image = in_light_of(seen(device, photo), to_device(drawn, device), WARM)
    assert view.camera.width == 60
    assert to_numpy(image) == pytest.approx(photo / 255, abs=3e-3)


# Trainings


def trained(make: Make, scene: Path, folder: Path, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    heard = Heard()
    told = train(make(source_path=scene, model_path=folder, **changes), CpuRenderer(), heard)
    return told, heard.warnings


def test_photos_in_random_light_are_learnt_with_it(tiny_options: Make, lit: Lit, tmp_path: Path) -> None:
    plain, _ = trained(tiny_options, lit.scene, tmp_path / "plain", iterations=240)
    told, warnings = trained(tiny_options, lit.scene, tmp_path / "exposed", iterations=240, train_test_exp=True)
    assert warnings == []
    assert told["exposure"]["least"] < 0.8
    assert told["exposure"]["most"] > 1.2
    assert "exposure" not in plain
    assert not (tmp_path / "plain" / "exposure.json").exists()
    assert told["quality"]["train"]["psnr"] > plain["quality"]["train"]["psnr"] + 1
    assert told["quality"]["test"]["psnr"] > plain["quality"]["test"]["psnr"] + 1
    told_of = json.loads((tmp_path / "exposed" / "exposure.json").read_text())
    written = {name: np.array(matrix) for name, matrix in told_of.items()}
    assert set(written) == set(lit.gains) - {path.name for path in sorted((lit.scene / "images").iterdir())[::8]}
    assert abs(np.mean([*written.values()], axis=0) - NOTHING).max() < 1e-6
    true = np.array([lit.gains[name] for name in written])
    learnt = gains_of(np.stack([*written.values()])).mean(axis=1)
    assert np.corrcoef(learnt, true / true.mean())[0, 1] > 0.97
    assert "train_test_exp=True" in (tmp_path / "exposed" / "cfg_args").read_text()
    assert "train_test_exp=False" in (tmp_path / "plain" / "cfg_args").read_text()


def test_the_same_every_time_and_after_a_checkpoint_in_the_middle_of_a_round(
    device: Device, tiny_options: Make, lit: Lit, tmp_path: Path
) -> None:
    def run(name: str, **changes: Any) -> Path:
        options = tiny_options(source_path=lit.scene, model_path=tmp_path / name, train_test_exp=True, **changes)
        return Path(train(options, CpuRenderer(device=device), Silent())["ply"])

    straight, again = run("straight"), run("again", checkpoint_iterations=[47])
    resumed = run("resumed", start_checkpoint=checkpoint_path(tmp_path / "again", 47))
    assert straight.read_bytes() == again.read_bytes() == resumed.read_bytes()
    written = {(tmp_path / name / "exposure.json").read_bytes() for name in ("straight", "again", "resumed")}
    assert len(written) == 1
    *_, state = load_checkpoint(checkpoint_path(tmp_path / "again", 47), "cpu")
    assert state is not None
    assert len(state.seen) == 47 % 14  # photos, two being held out
    assert abs(state.matrices - NOTHING).max() > 0.01


def test_a_checkpoint_of_other_photos_or_without_exposures(tiny_options: Make, lit: Lit, tmp_path: Path) -> None:
    options = tiny_options(source_path=lit.scene, iterations=20, checkpoint_iterations=[20], train_test_exp=True)
    train(options, CpuRenderer(), Silent())
    start = checkpoint_path(options.model_path, 20)
    with pytest.raises(InvalidScene, match="exposures of 14 photos, and 16 are there"):
        trained(tiny_options, lit.scene, tmp_path / "a", train_test_exp=True, eval=False, start_checkpoint=start)
    told, warnings = trained(tiny_options, lit.scene, tmp_path / "b", start_checkpoint=start)
    assert "exposure" not in told
    assert ["exposures of photos, which are left out" in warning for warning in warnings] == [True]


def damaged(start: Path, path: Path, name: str, change: Callable[[Any], Any]) -> Path:
    with np.load(start) as archive:
        arrays = dict(archive)
    arrays[f"exposures.{name}"] = change(arrays[f"exposures.{name}"])
    np.savez(path, **arrays)
    return path


def test_exposures_that_no_training_has_written_are_no_checkpoint(tiny_options: Make, lit: Lit, tmp_path: Path) -> None:
    options = tiny_options(source_path=lit.scene, iterations=20, checkpoint_iterations=[20], train_test_exp=True)
    train(replace(options, iterations=21), CpuRenderer(), Silent())
    start = checkpoint_path(options.model_path, 20)
    *_, state = load_checkpoint(start, "cpu")
    assert state is not None
    assert len(state.seen) == 6
    wrong: list[tuple[str, Callable[[Any], Any]]] = [
        ("matrices", lambda array: array[:-1]),
        ("matrices", lambda array: array.astype(np.float32)),
        ("matrices", lambda array: array * np.nan),
        ("first", lambda array: array[..., None]),
        ("second", lambda array: array - 1),
        ("gradients", lambda array: array.astype(np.float64)),
        ("seen", lambda array: array + 100),
        ("seen", lambda array: array[:, :1]),
        ("seen", lambda array: array.astype(np.float64)),
        ("seen", lambda array: np.tile(array, (9, 1))),
        ("seen", lambda array: array[0]),
        ("seen", lambda array: array[0, 0]),
        ("matrices", lambda array: array[0, 0, 0]),
    ]
    for name, change in wrong:
        with pytest.raises(InvalidScene, match="not a checkpoint of this trainer"):
            load_checkpoint(damaged(start, tmp_path / "damaged.npz", name, change), "cpu")


def test_who_passes_is_found_in_random_light(tiny_options: Make, lit: Lit, tmp_path: Path) -> None:
    shutil.copytree(lit.scene, tmp_path / "scene")
    paint_squares(tmp_path / "scene" / "images")
    changes: dict[str, Any] = {"iterations": 300, "eval": False, "max_gaussians": 700, "densify_until_iter": 200}
    told, _ = trained(
        tiny_options, tmp_path / "scene", tmp_path / "m", passers_by="auto", train_test_exp=True, **changes
    )
    assert told["passers_by"]["photos"] == len(PASSED)


@pytest.mark.gpu
@pytest.mark.parametrize("arrays", ["torch", "own"])
def test_a_gpu_learns_what_a_cpu_learns_and_the_same_every_time(
    arrays: str, tiny_options: Make, lit: Lit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    monkeypatch.setenv(ARRAYS, arrays)

    def run(name: str, device: str) -> tuple[bytes, bytes, Any, dict[str, Any]]:
        options = tiny_options(
            source_path=lit.scene, model_path=tmp_path / name, iterations=240, train_test_exp=True, deterministic=True
        )
        told = train(options, renderer_for(device, deterministic=True), Silent())
        written = (tmp_path / name / "exposure.json").read_bytes()
        gains = gains_of(np.array([*json.loads(written).values()]))
        return Path(told["ply"]).read_bytes(), written, gains, told

    once, again, cpu = run("once", "cuda"), run("again", "cuda"), run("cpu", "cpu")
    assert once[:2] == again[:2]
    assert abs(once[2] - cpu[2]).mean() < 0.03
    assert once[3]["quality"]["test"]["psnr"] == pytest.approx(cpu[3]["quality"]["test"]["psnr"], abs=1.5)


# What they contradict


def test_transparent_photos_are_trained_without(tiny_options: Make, tiny_scene: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_scene, tmp_path / "scene")
    for path in (tmp_path / "scene" / "images").iterdir():
        picture = np.array(Image.open(path).convert("RGBA"))
        picture[..., 3] = np.where(picture[..., :3].max(axis=2) > 40, 255, 0)
        Image.fromarray(picture).save(path)
    told, warnings = trained(
        tiny_options, tmp_path / "scene", tmp_path / "m", iterations=20, densify_until_iter=10, train_test_exp=True
    )
    assert "exposure" not in told
    assert any("train_test_exp, since transparent" in warning for warning in warnings)


def test_one_thing_is_done_about_light(tiny_options: Make) -> None:
    with pytest.raises(ValueError, match="light common and train_test_exp both"):
        tiny_options(light="common", train_test_exp=True)
    tiny_options(light="auto", train_test_exp=True)


def quick(scene: Path, model: Path, *words: str) -> list[str]:
    return ["-s", str(scene), "-m", str(model), "--iterations", "5", "--device", "cpu", "--eval", "--json", *words]


def warnings_of(told: str) -> list[str]:
    events = [json.loads(line) for line in told.splitlines()]
    return [event["message"] for event in events if event.get("event") == "warning"]


def test_rates_of_exposures_that_are_not_learnt_are_named(
    lit: Lit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(quick(lit.scene, tmp_path / "a", "--exposure_lr_init", "0.02")) == 0
    assert warnings_of(capsys.readouterr().out) == ["Without effect unless train_test_exp is given: exposure_lr_init."]
    assert cli.main(quick(lit.scene, tmp_path / "b", "--exposure_lr_init", "0.02", "--train_test_exp")) == 0
    assert warnings_of(capsys.readouterr().out) == []


def test_several_gpus_learn_none(monkeypatch: pytest.MonkeyPatch, lit: Lit, tmp_path: Path) -> None:
    monkeypatch.setattr(cli, "is_started", lambda: True)
    heard, options = Heard(), Options(lit.scene, tmp_path / "m", train_test_exp=True)
    cli._demand_of_exposures(options, heard)
    assert heard.warnings == ["Without effect on several GPUs: train_test_exp."]
    assert not options.train_test_exp


def test_eval_scores_right_halves_as_the_trainer_did(
    lit: Lit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "m"
    assert cli.main(quick(lit.scene, model, "--train_test_exp", "--sh_degree", "0")) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert eval_cli.main([str(model), "-s", str(lit.scene), "-o", str(tmp_path / "pairs"), "--json"]) == 0
    told = capsys.readouterr().out
    scored = json.loads(told.splitlines()[-1])["result"]
    assert scored["photos"] == result["quality"]["test"]["photos"]
    assert any("its right half scored" in warning for warning in warnings_of(told))
    with Image.open(next((tmp_path / "pairs").glob("*.png"))) as pair:
        assert pair.size == (64, 48)  # two halves
