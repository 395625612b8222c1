"""More than the trainers can use becomes the most there is, with a word; what makes no sense is left to be refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from splatworker.contract.param_limits import LOWERED, within_limits


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
