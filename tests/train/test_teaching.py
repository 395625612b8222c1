"""Trainings with teachers, from end to end on a small scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.heard import Heard
from support.scene_folders import write_scene

from splatworker.formats.ply import read_ply
from splatworker.render.cpu import CpuRenderer
from splatworker.render.pictures import to_picture
from splatworker.stages.progress import Silent
from splatworker.train.loading import Loading
from splatworker.train.optimisation import Optimisation
from splatworker.train.options import Options
from splatworker.train.preparation import prepare
from splatworker.train.teaching import teach
from splatworker.train.trainer import train


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene")


def options(scene: Path, model: Path, **others: Any) -> Options:
    values = {"iterations": 60, "teachers": 2, "teacher_iterations": 40, "taught_views": 3, "resolution": 4}
    return Options(scene, model, **(values | others))


def test_the_student_is_another_one_and_repeats_itself(scene: Path, tmp_path: Path) -> None:
    heard = Heard()
    told = train(options(scene, tmp_path / "taught"), CpuRenderer(), heard)
    assert told["teachers"] == {"count": 2, "iterations": 40, "views": 3}
    assert told["iterations"] == 60
    assert heard.fractions == sorted(heard.fractions)
    train(options(scene, tmp_path / "again"), CpuRenderer(), Silent())
    alone = train(options(scene, tmp_path / "alone", teachers=0), CpuRenderer(), Silent())
    assert "teachers" not in alone
    splats = {
        name: read_ply(tmp_path / name / "point_cloud" / "iteration_60" / "point_cloud.ply")
        for name in ("taught", "again", "alone")
    }
    assert np.array_equal(splats["taught"].means, splats["again"].means)
    assert not np.array_equal(splats["taught"].means, splats["alone"].means)


def test_each_teacher_begins_with_the_first_gaussians_and_the_views_are_what_they_show(
    scene: Path, tmp_path: Path
) -> None:
    given = options(scene, tmp_path / "model")
    renderer = CpuRenderer()
    with Loading(given) as loading:
        training = prepare(given, renderer, Silent(), None, loading)
    first = np.array(training.optimisation.model.parameters.means)
    begun: list[np.ndarray] = []

    def shift(teacher: Optimisation) -> None:
        """What a teacher of one colour learns."""
        begun.append(np.array(teacher.model.parameters.means))
        teacher.model.parameters.means[...] += 0.1
        teacher.model.parameters.sh_dc[...] = 1.0 if len(begun) == 1 else -1.0

    teach(training, shift)
    assert [np.array_equal(means, first) for means in begun] == [True, True]
    student = training.optimisation
    assert np.array_equal(student.model.parameters.means, first)
    photos = len(training.dataset.train)
    assert {student.random.next_photo() for _ in range(photos + 3)} == set(range(photos + 3))
    view = student.step(photos, 60).view
    shifted = student.model.copied()
    shifted.parameters.means[...] += 0.1
    pictures = []
    for colour in (1.0, -1.0):
        shifted.parameters.sh_dc[...] = colour
        drawn = renderer.render(shifted.parameters, view.camera, training.beginnings.colour, given.sh_degree)
        pictures.append(to_picture(drawn).transpose(2, 0, 1).astype(np.uint16))
    assert np.array_equal(view.photo, (pictures[0] + pictures[1] + 1) // 2)


def test_where_photos_are_transparent_so_is_what_is_taught(scene: Path, tmp_path: Path) -> None:
    """Nothing is at the edges of what a teacher shows, and the student sees another colour there each time."""
    from PIL import Image

    for path in sorted((scene / "images").iterdir()):
        photo = Image.open(path).convert("RGB")
        alpha = np.zeros((photo.height, photo.width), np.uint8)
        alpha[photo.height // 4 : -photo.height // 4, photo.width // 4 : -photo.width // 4] = 255
        photo.putalpha(Image.fromarray(alpha))
        photo.save(path, format="PNG")
    given = options(scene, tmp_path / "model")
    with Loading(given) as loading:
        training = prepare(given, CpuRenderer(), Silent(), None, loading)
    teach(training, lambda teacher: None)
    student, photos = training.optimisation, len(training.dataset.train)
    one, other = (np.array(student.step(photos, 60).view.photo) for _ in range(2))
    assert (one != other).any()


def test_a_training_that_goes_on_is_not_taught_again(scene: Path, tmp_path: Path) -> None:
    train(options(scene, tmp_path / "first", checkpoint_iterations=[30]), CpuRenderer(), Silent())
    checkpoint = tmp_path / "first" / "chkpnt30.npz"
    told = train(options(scene, tmp_path / "next", start_checkpoint=checkpoint), CpuRenderer(), Silent())
    assert "teachers" not in told


def test_where_nothing_is_shown_nothing_is_taught(scene: Path, tmp_path: Path) -> None:
    told = train(options(scene, tmp_path / "model", taught_views=0), CpuRenderer(), Silent())
    assert told["teachers"]["views"] == 0
