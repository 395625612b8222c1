"""More than the trainers can use becomes the most there is, with a word; what makes no sense is left to be refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from splatworker.contract.param_limits import LOWERED, NUMBERS, within_limits, without_nonsense


def test_no_number_of_the_originals_is_refused_for_its_size_but_two() -> None:
    """A product lets pass what it does not check: iterations it does, and of resolution some numbers mean something."""
    assert set(NUMBERS) - set(LOWERED) == {"iterations", "resolution"}


@pytest.mark.parametrize("name", LOWERED)
def test_too_much_becomes_the_most_and_is_told(name: str) -> None:
    most = LOWERED[name]
    assert most is not None
    params, (note,) = within_limits({name: most + 1})
    assert params == {name: most}
    assert f"'{name}' is above {most:g}" in note
    assert within_limits({name: most}) == ({name: most}, [])


@pytest.mark.parametrize("value", [-1, True, "9", None, math.nan, math.inf, [9]])
def test_what_is_no_number_or_too_small_is_left_as_it_is(value: object) -> None:
    given = {"sh_degree": value}
    assert within_limits(given) == (given, [])
    assert given == {"sh_degree": value}


def test_moments_that_no_training_reaches_are_left_out_without_a_word() -> None:
    assert within_limits({"save_iterations": [7000, 10**9, "x"]}) == ({"save_iterations": [7000, "x"]}, [])


@pytest.mark.parametrize(("given", "taken"), [([0.5], [1.0]), ([2.0, 1.0], [2.0, 1.0])])
def test_photos_are_not_enlarged(given: list[float], taken: list[float]) -> None:
    params, notes = within_limits({"resolution_scales": given})
    assert params == {"resolution_scales": taken}
    assert len(notes) == (given != taken)


@pytest.mark.parametrize("scales", [[0.0], [-1.0], ["x"], "x"])
def test_scales_that_make_no_sense_are_left_to_be_refused(scales: Any) -> None:
    assert within_limits({"resolution_scales": scales}) == ({"resolution_scales": scales}, [])


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_null_is_left_out_and_told(name: str) -> None:
    """As a page sends a field that somebody has emptied: NaN of JavaScript becomes null."""
    given = {name: None, "eval": True}
    assert without_nonsense(given) == ({"eval": True}, [f"The param '{name}' is null, and was left out."])
    assert given == {name: None, "eval": True}


@pytest.mark.parametrize("name", sorted(set(NUMBERS) & set(LOWERED)))
def test_less_than_there_can_be_is_left_out_and_told(name: str) -> None:
    params, (note,) = without_nonsense({name: -1})
    assert params == {}
    assert note == f"The param '{name}' is -1, less than it can be, and was left out."


@pytest.mark.parametrize(
    ("given", "taken", "words"),
    [
        ({"densification_interval": 0}, {}, "is 0, less"),
        ({"position_lr_final": 0}, {}, "is 0, less"),
        ({"feature_lr": 0}, {"feature_lr": 0}, ""),
        ({"densify_from_iter": 0}, {"densify_from_iter": 0}, ""),
        ({"sh_degree": 2.5}, {"sh_degree": 3}, "is 2.5, and 3 was taken"),
        ({"iterations": 7000.4}, {"iterations": 7000}, "7000 was taken"),
        ({"save_iterations": [0, 500, -3, "x"]}, {"save_iterations": [500, "x"]}, "below 1"),
    ],
)
def test_what_is_left_out_and_what_stays(given: dict[str, Any], taken: dict[str, Any], words: str) -> None:
    params, notes = without_nonsense(given)
    assert params == taken
    assert [words in note for note in notes] == [True] * bool(words)


@pytest.mark.parametrize(
    "given",
    [
        {"sh_degree": "2"},
        {"sh_degree": True},
        {"feature_lr": math.nan},
        {"iterations": -5},
        {"dropout": -1},
        {"max_gaussians": 0.5},
        {"max_gaussians": None},
        {"white_background": None},
        {"resolution_scales": None},
        {"iteratoins": None},
    ],
)
def test_whatever_else_is_wrong_is_left_to_be_refused(given: dict[str, Any]) -> None:
    assert without_nonsense(given) == (given, [])
