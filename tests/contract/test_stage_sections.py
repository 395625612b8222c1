"""What a job may say about single stages: the stages' own options, as words of their commands."""

from __future__ import annotations

from typing import get_args

import pytest

from splatworker.contract.stage_sections import JobSfmOptions, JobVideoOptions
from splatworker.sfm.options import CAMERA_MODELS, MATCHERS


def test_sfm_options_become_arguments() -> None:
    assert JobSfmOptions().arguments() == []
    options = JobSfmOptions.model_validate({"camera_model": "OPENCV", "max_num_features": 4096})
    assert options.arguments() == ["--camera-model", "OPENCV", "--max-num-features", "4096"]


def test_sfm_options_are_those_of_the_stage() -> None:
    fields = JobSfmOptions.model_fields
    assert set(get_args(fields["camera_model"].annotation)) <= set(CAMERA_MODELS)
    assert set(get_args(fields["matcher"].annotation)) == set(MATCHERS)


def test_what_is_not_said_is_left_to_the_stage() -> None:
    section = JobSfmOptions.model_validate({"keep_frame": False, "min_share": None, "matcher": "sequential"})
    assert section.arguments() == ["--matcher", "sequential"]
    assert JobSfmOptions.model_validate({"keep_frame": True}).arguments() == ["--keep-frame"]


def test_numbers_of_a_video_that_contradict_each_other_are_refused_by_their_names_in_a_job() -> None:
    with pytest.raises(ValueError, match="end") as refused:
        JobVideoOptions.model_validate({"start": 9.0, "end": 2.0})
    assert "--" not in str(refused.value)
