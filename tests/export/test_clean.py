"""Cleaning takes what no training photo supports, never more than it may, and no photo looks worse for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.gaussian_scenes import concatenate, random_gaussians
from support.kinds import with_either

from splatworker.export import clean as cleaning
from splatworker.export.clean import Cleaning, clean
from splatworker.export.comparison import compare
from splatworker.export.pictures import SplatRenderer
from splatworker.export.subject import Subject
from splatworker.export.visibility import measure_visibility
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take
from splatworker.render.interface import GaussianTensors, Renderer
from splatworker.render.tensors import to_gaussians, to_tensors

pytestmark = with_either


def extras(means: np.ndarray, log_scale: float, opacity_logit: float) -> GaussianTensors:
    """Grey Gaussians at given places."""
    count = len(means)
    return GaussianTensors(
        torch.tensor(means, dtype=torch.float32),
        torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1),
        torch.full((count, 3), log_scale),
        torch.full((count,), opacity_logit),
        torch.zeros(count, 3),
        torch.zeros(count, 3, 3),
    )


def cleaned(subject: Subject, renderer: Renderer, more: GaussianTensors) -> tuple[Gaussians, Cleaning]:
    splat = to_gaussians(concatenate(to_tensors(subject.gaussians, torch.device("cpu")), more))
    tensors, cameras = to_tensors(splat, renderer.device), [photo.camera for photo in subject.trained]
    visibility = measure_visibility(renderer, tensors, cameras)
    done = clean(splat, visibility, subject.trained, subject.points, renderer, subject.background)
    return splat, done


def psnr(subject: Subject, renderer: Renderer, splat: Gaussians) -> float:
    splat_renderer = SplatRenderer(splat, renderer, subject.background)
    return float(np.mean([shown.psnr for shown in compare(splat_renderer, subject.held_out, set())]))


def test_what_no_camera_sees_goes_and_the_subject_stays(subject: Subject, renderer: Renderer) -> None:
    unseen = np.random.default_rng(0).uniform([-3, 20, -3], [3, 30, 3], size=(50, 3))  # far above all cameras
    splat, done = cleaned(subject, renderer, extras(unseen, -2, 2))
    assert not done.keep[400:].any()
    assert done.removed["never seen"] >= 50
    assert done.count == sum(done.removed.values())
    assert np.count_nonzero(done.keep[:400]) > 300  # all but those that others hide from every camera
    assert psnr(subject, renderer, take(splat, done.keep)) >= psnr(subject, renderer, splat) - 0.01


def test_a_floater_before_a_camera_goes(subject: Subject, renderer: Renderer) -> None:
    camera = subject.trained[3].camera
    floater = camera.center + 0.2 * camera.camera_from_world[2, :3]
    splat, done = cleaned(subject, renderer, extras(floater[None], -3.5, 0))
    assert not done.keep[400]
    assert done.removed["floater"] == 1
    assert psnr(subject, renderer, take(splat, done.keep)) >= psnr(subject, renderer, splat) - 0.01


def test_haze_that_spoils_the_photos_goes(subject: Subject, renderer: Renderer) -> None:
    splat, done = cleaned(subject, renderer, extras(np.zeros((3, 3)), 1.5, -3))
    assert not done.keep[400:].any()
    assert done.removed["haze"] == 3
    assert psnr(subject, renderer, take(splat, done.keep)) > psnr(subject, renderer, splat) + 1


def test_haze_that_the_photos_show_stays(subject: Subject, renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    """To cleaning, every Gaussian of the subject is haze now; the photos want them all."""
    monkeypatch.setattr(cleaning, "HAZE_EXTENT", 0.0)
    monkeypatch.setattr(cleaning, "HAZE_OPACITY", 2.0)
    _, done = cleaned(subject, renderer, extras(np.full((1, 3), 30.0), -2, 2))
    assert "haze" not in done.removed
    assert done.spared["haze"] > 50


def test_never_more_than_a_share_goes_and_the_faintest_first(subject: Subject, renderer: Renderer) -> None:
    places = np.random.default_rng(0).uniform([-3, 20, -3], [3, 30, 3], size=(600, 3))
    splat, done = cleaned(subject, renderer, extras(places, -2, 2))
    assert done.capped
    assert done.count == int(cleaning.MOST_REMOVED * len(splat))
    assert np.count_nonzero(done.keep[:400]) > 300


def test_a_clean_splat_stays_as_it_is(renderer: Renderer, subject: Subject) -> None:
    """Nothing is removed for its looks: only what the photos do not miss."""
    splat, done = cleaned(subject, renderer, random_gaussians(0, sh_degree=1))
    assert set(done.removed) <= {"never seen"}
    assert done.count < 0.2 * len(splat)
    assert abs(psnr(subject, renderer, take(splat, done.keep)) - psnr(subject, renderer, splat)) < 0.01
