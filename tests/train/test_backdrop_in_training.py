"""What is behind everything, in whole trainings: they are over it, and deliver it as their last Gaussians."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.bluish_wall import HARMONICS
from support.gaussian_scenes import random_gaussians
from support.heard import Heard
from support.passed import one_thing
from support.scene_folders import write_scene

from splatworker.export.clean import clean
from splatworker.export.subject import read_subject
from splatworker.export.visibility import measure_visibility
from splatworker.formats.ply import read_ply
from splatworker.formats.scene import read_scene
from splatworker.render.arrays import to_numpy
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import SH_C0
from splatworker.render.tensors import to_tensors
from splatworker.stages.progress import Reporter, Silent
from splatworker.train.backdrop_sphere import GAUSSIANS
from splatworker.train.loading import Loading
from splatworker.train.options import Options
from splatworker.train.preparation import prepare
from splatworker.train.trainer import train


@pytest.fixture(scope="module")
def plain_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something in the middle before a plain wall, which points tell nothing of."""
    thing = random_gaussians(30, 0, seed=3, spread=0.3, log_scale=-1.5, opacity_logit=2.0)
    return write_scene(tmp_path_factory.mktemp("scenes") / "plain", 8, thing, background=torch.from_numpy(HARMONICS))


Trained = Callable[..., tuple[dict[str, object], Path]]


@pytest.fixture
def trained(plain_scene: Path, tmp_path: Path) -> Trained:
    def run(report: Reporter | None = None, **given: object) -> tuple[dict[str, object], Path]:
        model = tmp_path / f"model{len(list(tmp_path.iterdir()))}"
        asked = {"iterations": 60, "densify_until_iter": 40, "densify_from_iter": 10, "sh_degree": 1} | given
        told = train(Options(source_path=plain_scene, model_path=model, **asked), CpuRenderer(), report or Silent())  # type: ignore[arg-type]
        return told, model

    return run


def test_a_training_delivers_it_as_its_last_gaussians(trained: Trained, plain_scene: Path) -> None:
    told, model = trained(backdrop="auto", eval=True)
    figures = told["backdrop"]
    assert isinstance(figures, dict)
    assert figures["gaussians"] == GAUSSIANS
    assert figures["explained"] > 0.4  # the thing reaches farther than its points
    splat = read_ply(Path(str(told["ply"])))
    assert told["gaussians"] == len(splat)
    assert np.ptp(np.linalg.norm(splat.means[-GAUSSIANS:] - splat.means[-GAUSSIANS:].mean(axis=0), axis=1)) < 0.1
    assert f"backdrop_gaussians={GAUSSIANS}" in (model / "cfg_args").read_text()
    subject = read_subject(model, plain_scene)
    assert subject.behind == GAUSSIANS
    red, _, blue = subject.around  # what a page has about its picture
    assert (red, blue) == pytest.approx((0.5 + SH_C0 * splat.sh_dc[-GAUSSIANS:, ::2].mean(axis=0)).tolist())
    assert blue > red + 0.1
    plain, _ = trained(backdrop="off", eval=True)
    assert "backdrop" not in plain
    better, worse = (float(re.findall(r"'psnr': ([\d.]+)", str(one["quality"]))[0]) for one in (told, plain))
    assert better > worse + 1  # 60 iterations do not learn a wall


@pytest.fixture(scope="module")
def tourists_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something in the middle, in light that differs from photo to photo, before a sky that does so by itself."""
    folder = tmp_path_factory.mktemp("scenes") / "tourists"
    write_scene(folder, 12, one_thing(), observed=True, width=64, height=48)
    dice = np.random.default_rng(5)
    for path in sorted((folder / "images").iterdir()):
        thing, sky = np.asarray(Image.open(path)), dice.uniform(80, 250, 3)
        lit = (thing * np.exp(dice.uniform(-0.5, 0.5))).clip(0, 255)
        Image.fromarray(np.where(thing.any(axis=2, keepdims=True), lit, sky).round().astype(np.uint8)).save(path)
    return folder


def test_a_training_draws_each_photo_over_its_own_and_delivers_what_is_common(
    tourists_scene: Path, tmp_path: Path
) -> None:
    asked = Options(source_path=tourists_scene, model_path=tmp_path / "own", iterations=120, densify_until_iter=80)
    crowd = replace(asked, light="auto", backdrop="auto")
    with Loading(crowd) as loading:
        training = prepare(crowd, CpuRenderer(), Silent(), None, loading)
    backdrop = training.splat.backdrop
    assert backdrop is not None
    assert backdrop.own is not None
    for photo in (0, 7):
        assert np.array_equal(to_numpy(training.optimisation.step(photo, 1).background), backdrop.own[photo])
    assert np.abs(backdrop.own - backdrop.harmonics).max() > 0.1
    told = train(crowd, CpuRenderer(), Silent())
    figures = told["backdrop"]
    assert figures["photos"] == 12
    splat = read_ply(Path(told["ply"]))
    mean = np.asarray(0.5 + SH_C0 * splat.sh_dc[-GAUSSIANS:].mean(axis=0))
    assert mean == pytest.approx(0.5 + backdrop.harmonics[0] * SH_C0, abs=0.05)
    one_sky = replace(crowd, model_path=tmp_path / "one", light="as_taken", backdrop="on")
    assert "photos" not in train(one_sky, CpuRenderer(), Silent())["backdrop"]


def test_what_no_photo_looked_at_stays(trained: Trained, plain_scene: Path) -> None:
    renderer = CpuRenderer(1)
    _, model = trained(backdrop="on")
    subject = read_subject(model, plain_scene)
    cameras = [photo.camera for photo in subject.trained]
    visibility = measure_visibility(renderer, to_tensors(subject.gaussians, renderer.device), cameras)
    for behind in (0, subject.behind):
        done = clean(subject.gaussians, visibility, subject.trained, subject.points, renderer, subject.background,
                     behind=behind)  # fmt: skip
        assert done.keep[-GAUSSIANS:].all() == (behind > 0)


def test_it_counts_among_the_most(trained: Trained) -> None:
    told, _ = trained(backdrop="on", max_gaussians=GAUSSIANS + 70, densification_interval=10, densify_grad_threshold=0)
    assert told["gaussians"] == GAUSSIANS + 70


def test_a_training_that_goes_on_finds_it_again(trained: Trained, plain_scene: Path) -> None:
    whole, _ = trained(backdrop="on", checkpoint_iterations=[30])
    (checkpoint,) = Path(str(whole["model_path"])).glob("chkpnt30.*")
    resumed, _ = trained(backdrop="on", start_checkpoint=checkpoint)
    assert Path(str(resumed["ply"])).read_bytes() == Path(str(whole["ply"])).read_bytes()


def test_a_cut_out_subject_has_nothing_behind_it(plain_scene: Path, trained: Trained, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    for photo in read_scene(plain_scene).photos:
        mask = np.zeros((photo.camera.height, photo.camera.width), np.uint8)
        mask[8:-8, 8:-8] = 255
        Image.fromarray(mask).save(masks / f"{Path(photo.name).stem}.png")
    told, _ = trained(backdrop="on", masks=masks, mask_mode="cutout", report=(heard := Heard()))
    assert "backdrop" not in told
    assert any("There is no backdrop, which was asked for" in said for said in heard.warnings)
