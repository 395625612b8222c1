"""What may be asked of a reconstruction."""

from __future__ import annotations

from typing import Any

import pytest

from splatworker.formats.camera_models import BY_NAME
from splatworker.sfm.options import CAMERA_MODELS, SfmOptions


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"camera_model": "FISHEYE"}, "--camera-model"),
        ({"matcher": "vocabulary"}, "--matcher"),
        ({"min_registered": 0}, "--min-registered"),
        ({"min_share": 1.5}, "--min-share"),
        ({"threads": -1}, "--threads"),
        ({"max_image_size": 0}, "--max-image-size"),
    ],
)
def test_what_is_out_of_range_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SfmOptions(**wrong)


def test_no_lens_may_be_asked_for_that_does_not_undistort_to_a_pinhole() -> None:
    for name in CAMERA_MODELS:
        assert name == "auto" or len(BY_NAME[name].none) == len(BY_NAME[name].distortion)
