"""SPZ and SOG for known cameras: no larger than without, and the pictures stay."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.gaussian_scenes import random_gaussians
from support.kinds import with_either

from splatworker.export.orient import HALF_TURN_ABOUT_Z, rotate
from splatworker.export.pictures import SplatRenderer
from splatworker.export.subject import Subject
from splatworker.export.visibility import measure_visibility
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take
from splatworker.render.arrays import mean_square_difference
from splatworker.render.interface import SH_C0, Renderer
from splatworker.render.spherical_harmonics import basis
from splatworker.render.tensors import to_gaussians, to_tensors
from splatworker.splat_files.constant_colour import INERTIA, constant_colours
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.registry import read_any, write_any
from splatworker.splat_files.spz import write_spz
from splatworker.splat_files.spz_for_views import write_spz_for_views
from splatworker.splat_files.spz_reader import read_spz


def with_harmonics(gaussians: Gaussians, degree: int, scale: float) -> Gaussians:
    """Colours that change a lot with the view, as those of a splat that was trained for long."""
    shape = (len(gaussians), (degree + 1) ** 2 - 1, 3)
    rest = np.random.default_rng(1).normal(scale=scale, size=shape).astype(np.float32)
    return dataclasses.replace(gaussians, sh_rest=rest)


def many(count: int) -> Gaussians:
    """Enough that a palette must be shared, and that planes compress."""
    return to_gaussians(random_gaussians(count, sh_degree=0, seed=3, spread=0.6, log_scale=-3.5, opacity_logit=1.0))


def likeness(first: Gaussians, second: Gaussians, subject: Subject, renderer: Renderer) -> float:
    """PSNR in dB of the pictures from all cameras."""
    splat_renderers = [SplatRenderer(gaussians, renderer, subject.background) for gaussians in (first, second)]
    errors = [
        mean_square_difference(splat_renderers[0].image(photo.camera), splat_renderers[1].image(photo.camera))
        for photo in subject.photos
    ]
    return float(-10 * np.log10(np.mean(errors)))


def lines_to(gaussians: Gaussians, subject: Subject, renderer: Renderer) -> LinesOfSight:
    return measure_visibility(
        renderer, to_tensors(gaussians, renderer.device), [photo.camera for photo in subject.trained]
    ).lines


def test_smaller_and_nearer_than_by_rounding(subject: Subject, renderer: Renderer, tmp_path: Path) -> None:
    splat = with_harmonics(many(20_000), 3, 0.1)
    write_spz(tmp_path / "plain.spz", splat)
    write_spz_for_views(tmp_path / "views.spz", splat, lines_to(splat, subject, renderer))
    plain, views = (read_spz(tmp_path / f"{name}.spz") for name in ("plain", "views"))
    write_any(tmp_path / "a.ply", splat)
    ply = (tmp_path / "a.ply").stat().st_size
    assert 10 < ply / (tmp_path / "views.spz").stat().st_size < 12
    assert ply / (tmp_path / "plain.spz").stat().st_size < 10.6
    assert likeness(views, splat, subject, renderer) > likeness(plain, splat, subject, renderer) + 6


def test_harmonics_for_which_there_is_room_are_kept(subject: Subject, renderer: Renderer, tmp_path: Path) -> None:
    splat = with_harmonics(subject.gaussians, 3, 0.004)
    write_spz_for_views(tmp_path / "a.spz", splat, lines_to(splat, subject, renderer))
    write_spz(tmp_path / "finest.spz", splat, step=1)
    stored, finest = (read_spz(tmp_path / f"{name}.spz") for name in ("a", "finest"))
    assert likeness(stored, splat, subject, renderer) > likeness(finest, splat, subject, renderer) - 1


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_any_degree_and_nothing_but_colours_changes(
    degree: int, subject: Subject, renderer: Renderer, tmp_path: Path
) -> None:
    splat = with_harmonics(subject.gaussians, degree, 0.1)
    write_spz_for_views(tmp_path / "a.spz", splat, lines_to(splat, subject, renderer))
    write_spz(tmp_path / "plain.spz", splat)
    stored, plain = read_spz(tmp_path / "a.spz"), read_spz(tmp_path / "plain.spz")
    assert stored.sh_degree == degree
    first, second = (np.lexsort(gaussians.means.T) for gaussians in (stored, plain))
    for field in ("means", "quaternions", "log_scales", "opacity_logits"):
        np.testing.assert_array_equal(getattr(stored, field)[first], getattr(plain, field)[second])
    assert likeness(stored, splat, subject, renderer) > 30


def test_one_gaussian(subject: Subject, renderer: Renderer, tmp_path: Path) -> None:
    splat = take(subject.gaussians, np.array([0]))
    write_spz_for_views(tmp_path / "a.spz", splat, lines_to(splat, subject, renderer))
    assert len(read_spz(tmp_path / "a.spz")) == 1


def test_a_palette_for_what_shows_and_constant_colours_beside_it(
    subject: Subject, renderer: Renderer, tmp_path: Path
) -> None:
    splat = with_harmonics(many(5000), 3, 0.1)
    lines = lines_to(splat, subject, renderer)
    write_any(tmp_path / "plain.sog", splat, "cpu")
    write_any(tmp_path / "views.sog", splat, "cpu", lines)
    plain, views = (read_any(tmp_path / f"{name}.sog") for name in ("plain", "views"))
    sizes = [(tmp_path / f"{name}.sog").stat().st_size for name in ("views", "plain")]
    assert sizes[0] < 1.03 * sizes[1]
    assert likeness(views, splat, subject, renderer) > likeness(plain, splat, subject, renderer) + 1.5


def test_files_for_viewers_with_y_down_know_the_cameras_too(
    subject: Subject, renderer: Renderer, tmp_path: Path
) -> None:
    splat = with_harmonics(subject.gaussians, 2, 0.1)
    lines = lines_to(splat, subject, renderer)
    write_any(tmp_path / "up.sog", splat, "cpu", lines)
    write_any(tmp_path / "down.sog", rotate(splat, HALF_TURN_ABOUT_Z), "cpu", lines.turned(HALF_TURN_ABOUT_Z))
    up, down = (read_any(tmp_path / f"{name}.sog") for name in ("up", "down"))
    back = rotate(down, HALF_TURN_ABOUT_Z)
    assert likeness(back, splat, subject, renderer) == pytest.approx(likeness(up, splat, subject, renderer), abs=1)


@with_either
def test_constant_colours_are_the_best_beside_wrong_harmonics(subject: Subject, renderer: Renderer) -> None:
    """The error is a parabola in each colour, and so both neighbours of the least must be worse.

    With W pixels of weight it grows by (W + INERTIA) (SH_C0 d)^2 at a distance d, whatever the scene: a neighbour at
    0.001 is worse as long as what was found is within half of that of the least. Arithmetic in 32 bits errs by 3e-7
    here (colours up to 2.6, of which an ulp is 2.4e-7): a margin of a thousand.
    """
    splat = with_harmonics(subject.gaussians, 2, 0.2)
    lines = lines_to(splat, subject, renderer)
    wrong = np.zeros_like(splat.sh_rest)
    found = constant_colours(splat, wrong, lines, renderer.device).astype(float)
    means, centers = torch.from_numpy(splat.means).double(), torch.from_numpy(lines.centers).double()
    values = basis(F.normalize(means - centers[:, None], dim=-1), 2).numpy()

    def error(sh_dc: np.ndarray) -> np.ndarray:
        lost = np.concatenate([(sh_dc - splat.sh_dc)[:, None], wrong - splat.sh_rest], axis=1)
        seen = (lines.weights[..., None] * np.einsum("vnk,nkc->vnc", values, lost) ** 2).sum(axis=0)
        return np.asarray(seen + INERTIA * (SH_C0 * lost[:, 0]) ** 2)

    assert (lines.weights.sum(axis=0) > 100).sum() > 50
    for change in (-0.001, 0.001):
        assert (error(found) < error(found + change)).all()
    np.testing.assert_array_equal(constant_colours(splat, splat.sh_rest, lines, renderer.device), splat.sh_dc)
