"""A job's fields, made from what the stages declare of their options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from pydantic import ValidationError, create_model

from splatworker.contract import declared
from splatworker.stages.options import InJob, Option, Range


@dataclass
class Paint:
    """Options of a painter."""

    at_home: Annotated[int, Option("Where it is done.")] = 1
    coats: Annotated[
        int,
        Option("How many coats.", Range(1, 9), unit="coats", advice="Two do.", whose="ours", job=InJob(clamped=True)),
    ] = 2
    colour: Annotated[
        Literal["red", "blue"],
        Option("Of what colour.", job=InJob(default=None, null=True)),
    ] = "red"
    days: Annotated[list[int], Option("When.", Range(1, 5), job=InJob(longest=2))] = field(default_factory=lambda: [3])


OPTIONS = {known.name: known for known in declared.known_to_jobs((Paint,))}


def model() -> Any:
    fields: dict[str, Any] = dict(declared.fields_of(list(OPTIONS.values())))
    return create_model("Job", **fields)


def test_options_that_are_not_for_jobs_are_no_fields() -> None:
    assert list(OPTIONS) == ["coats", "colour", "days"]


def test_a_description_says_what_a_schema_has_no_word_for() -> None:
    described = declared.description_of(OPTIONS["coats"])
    assert described == (
        "How many coats. Two do. Unit: coats. More than the maximum becomes the maximum, with a warning. "
        "Unknown to the original trainer."
    )


def test_whole_numbers_may_come_with_a_point() -> None:
    assert model()(coats=3.0).coats == 3
    assert model()(days=[1.0]).days == [1]
    assert declared.whole(3.5) == 3.5
    assert declared.whole("3") == "3"


@pytest.mark.parametrize(
    "wrong", [{"coats": 0}, {"coats": 10}, {"days": [1, 2, 3]}, {"days": [6]}, {"colour": "green"}]
)
def test_limits_are_the_options_own(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model()(**wrong)


def test_null_leaves_it_to_the_stage_where_that_is_said() -> None:
    assert model()(colour=None).colour is None
    with pytest.raises(ValidationError):
        model()(coats=None)
