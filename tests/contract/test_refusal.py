"""A refusal names the field and says what to write; no name that a stranger chose gets into it as it was."""

from __future__ import annotations

import pytest

from splatworker.contract.job import Job, parse
from splatworker.contract.params import Params
from splatworker.contract.refusal import shown, unknown_name
from splatworker.contract.stage_sections import JobSfmOptions
from splatworker.errors import InputError, InvalidJob, UnknownParam


def test_unknown_names_are_answered_with_the_nearest() -> None:
    error = unknown_name("iterations_", Params)
    assert isinstance(error, UnknownParam)
    assert (error.message, error.hint) == ("The param 'iterations_' is not known.", "Did you mean 'iterations'?")
    error = unknown_name("image_url", Job)
    assert isinstance(error, InvalidJob)
    assert error.hint == "Did you mean 'image_urls'?"


def test_a_param_beside_params_is_told_where_it_belongs() -> None:
    for section in (Job, JobSfmOptions):
        assert unknown_name("iterations", section).hint == "It is a param: put it into 'params'."


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\nb", "x" * 5000])
def test_a_strangers_name_is_fit_to_be_printed(name: str) -> None:
    assert shown(name).isprintable()
    assert len(shown(name)) <= 400


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        *(({field: []}, "should be an object, {...}.") for field in ("params", "sfm", "video", "outputs")),
        ({"params": {"preview": 0}}, "The default is true."),
    ],
)
def test_it_is_said_in_the_words_of_json(wrong: dict[str, object], said: str) -> None:
    photos = [f"https://example.com/{number}.jpg" for number in range(5)]
    with pytest.raises(InputError) as caught:
        parse({"image_urls": photos, "upload_url": "https://example.com/splat.ply", **wrong})
    assert f"{caught.value.message} {caught.value.hint}".rstrip().endswith(said)
