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
        ({"threads": 10**30}, "--threads must be at most"),
        ({"max_num_features": 2**31}, "--max-num-features must be at most"),
        ({"max_image_size": 0}, "--max-image-size"),
    ],
)
def test_what_is_out_of_range_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SfmOptions(**wrong)


def test_no_lens_may_be_asked_for_that_does_not_undistort_to_a_pinhole() -> None:
    """A pinhole is each of them without its distortion; a fisheye is undistorted to what a pinhole can hold of it."""
    for name in CAMERA_MODELS:
        straight = name == "auto" or len(BY_NAME[name].none) == len(BY_NAME[name].distortion)
        assert straight or name == "OPENCV_FISHEYE"  # tests/sfm/test_lens.py undistorts those


def test_who_finds_the_cameras_is_ours_or_colmap() -> None:
    assert SfmOptions().engine == "own"
    assert SfmOptions(engine="colmap").engine == "colmap"
    with pytest.raises(ValueError, match="--engine"):
        SfmOptions(engine="glomap")  # type: ignore[arg-type]
