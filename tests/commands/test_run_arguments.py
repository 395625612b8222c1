"""The words of `splatworker run`, as a job would have them."""

from __future__ import annotations

import pytest

from splatworker.commands.run_arguments import parser, recipe_of
from splatworker.contract.job import Recipe
from splatworker.errors import SplatError


def asked(*words: str) -> Recipe:
    return recipe_of(parser().parse_args(["photos", "-o", "out", *words]))


@pytest.mark.parametrize(
    ("assignment", "code", "word"),
    [
        ("iteratoins=1", "unknown_param", "'iterations'"),
        ("iterations=0", "invalid_param", "iterations"),
        ("iterations=true", "invalid_param", "iterations"),
        ("opacity_lr=NaN", "invalid_param", "opacity_lr"),
        ("opacity_lr=1e400", "invalid_param", "opacity_lr"),
        ("opacity_lr=false", "invalid_param", "opacity_lr"),
        ("iterations", "invalid_param", "NAME=VALUE"),
        ("iterations=" + "[" * 100_000, "invalid_param", "iterations"),
    ],
)
def test_bad_params(assignment: str, code: str, word: str) -> None:
    with pytest.raises(SplatError) as refused:
        asked("-p", assignment)
    assert refused.value.code == code
    assert word in f"{refused.value.message} {refused.value.hint}"


def test_lists_are_written_with_commas() -> None:
    params = asked("-p", "save_iterations=10,20", "-p", "iterations=30", "--eval").params
    assert (params.save_iterations, params.iterations, params.eval) == ([10, 20], 30, True)


def test_what_stages_are_asked_for_goes_on_to_them() -> None:
    recipe = asked("--frames", "80", "--start", "2", "--camera-model", "OPENCV_FISHEYE", "--mask-mode", "cutout")
    assert recipe.video.model_dump(exclude_unset=True) == {"frames": 80, "start": 2.0}
    assert recipe.sfm.model_dump(exclude_unset=True) == {"camera_model": "OPENCV_FISHEYE"}
    assert (recipe.mask_mode, recipe.subject) == ("cutout", "scene")


def test_nothing_said_is_a_jobs_default() -> None:
    assert asked() == Recipe()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--frames", "3"), "The option --frames is not valid: should be greater than or equal to 5 (it is 3)."),
        (("--min-registered", "1"), "The option --min-registered is not valid: should be greater"),
    ],
)
def test_an_option_is_named_as_it_was_written(words: tuple[str, str], said: str) -> None:
    with pytest.raises(SplatError) as caught:
        asked(*words)
    assert caught.value.message.startswith(said)


def test_the_help_says_what_is_taken() -> None:
    words = " ".join(parser().format_help().split())
    assert "by how far its picture moves. (at least 5 and at most 500)" in words
    assert "are an error. (photos, at least 3 and at most 500; default 5)" in words
