"""Which of COLMAP's cameras are pinhole cameras by another name."""

from __future__ import annotations

import math

import pytest

from splatworker.errors import InvalidScene
from splatworker.formats.camera_models import BY_NAME, LONGEST_SIDE, MODELS, pinhole

SIZE = (400, 300)
MIDDLE = (200.0, 150.0)


def test_a_models_parameters_are_focals_center_and_distortion() -> None:
    assert [BY_NAME[name].parameters for name in ("SIMPLE_PINHOLE", "PINHOLE", "OPENCV", "FULL_OPENCV")] == [
        3,
        4,
        8,
        12,
    ]
    assert sorted(MODELS) == list(range(18))


@pytest.mark.parametrize("name", [name for name, model in BY_NAME.items() if "FISHEYE" not in name and model.focals])
def test_a_lens_that_does_not_distort_is_a_pinhole(name: str) -> None:
    model = BY_NAME[name]
    focals = (500.0,) * model.focals
    assert pinhole("Camera 1", model, *SIZE, (*focals, *MIDDLE, *model.none)) == (*SIZE, 500.0, 500.0, *MIDDLE)


@pytest.mark.parametrize(("k", "is_pinhole"), [(1e-6, True), (0.05, False), (-0.05, False)])
def test_distortion_counts_where_it_moves_a_pixel(k: float, is_pinhole: bool) -> None:
    parameters = (500.0, *MIDDLE, k)
    if is_pinhole:
        assert pinhole("Camera 1", BY_NAME["SIMPLE_RADIAL"], *SIZE, parameters).fx == 500.0
    else:
        with pytest.raises(InvalidScene, match=r"Camera 1 is SIMPLE_RADIAL.*its lens distorts") as refused:
            pinhole("Camera 1", BY_NAME["SIMPLE_RADIAL"], *SIZE, parameters)
        assert "image_undistorter" in refused.value.hint


@pytest.mark.parametrize("name", ["SIMPLE_FISHEYE", "OPENCV_FISHEYE", "EQUIRECTANGULAR"])
def test_a_fisheye_never_is(name: str) -> None:
    model = BY_NAME[name]
    with pytest.raises(InvalidScene, match=name):
        pinhole("Camera 1", model, *SIZE, (500.0,) * model.focals + MIDDLE + (0.0,) * len(model.distortion))


@pytest.mark.parametrize(
    ("size", "focal"), [((0, 300), 500.0), ((400, LONGEST_SIDE + 1), 500.0), (SIZE, 0.0), (SIZE, math.nan)]
)
def test_impossible_numbers_are_refused(size: tuple[int, int], focal: float) -> None:
    with pytest.raises(InvalidScene, match="Camera 1"):
        pinhole("Camera 1", BY_NAME["SIMPLE_PINHOLE"], *size, (focal, *MIDDLE))


@pytest.mark.parametrize(
    ("focal", "middle"),
    [(1e9, MIDDLE), (1e300, MIDDLE), (0.01, MIDDLE), (500.0, (1e9, 150.0)), (500.0, (200.0, -1e300))],
)
def test_a_camera_that_nobody_has_is_broken(focal: float, middle: tuple[float, float]) -> None:
    with pytest.raises(InvalidScene, match="Camera 1 is broken"):
        pinhole("Camera 1", BY_NAME["SIMPLE_PINHOLE"], *SIZE, (focal, *middle))


@pytest.mark.parametrize(("focal", "middle"), [(4e6, MIDDLE), (0.04, MIDDLE), (500.0, (-3000.0, 4000.0))])
def test_a_telescope_and_a_part_of_a_picture_are_cameras(focal: float, middle: tuple[float, float]) -> None:
    assert pinhole("Camera 1", BY_NAME["SIMPLE_PINHOLE"], *SIZE, (focal, *middle))[2:] == (focal, focal, *middle)
