"""Pictures are drawn one ahead, in their order."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from support.gaussian_scenes import look_at_camera

from splatworker.export.pictures import SplatRenderer
from splatworker.export.side_by_side import RELATIVE_SECONDS, _one_ahead
from splatworker.formats.camera import Camera
from splatworker.splat_files.records import FORMATS


class Noted:
    """Draws a picture of a camera's width, but not of a width of 3."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def picture(self, camera: Camera) -> np.ndarray:
        self.asked.append(camera.width)
        if camera.width == 3:
            raise ValueError("three")
        return np.full((1, 1, 3), camera.width, np.uint8)


def test_every_view_is_drawn_once_and_comes_in_its_turn() -> None:
    noted = Noted()
    views = [look_at_camera(width, 1) for width in (5, 2, 9)]
    pictures = _one_ahead(cast(SplatRenderer, noted), views)
    assert next(pictures)[0, 0, 0] == 5
    assert [int(picture[0, 0, 0]) for picture in pictures] == [2, 9]
    assert noted.asked == [5, 2, 9]


def test_a_view_that_cannot_be_drawn_ends_it() -> None:
    pictures = _one_ahead(cast(SplatRenderer, Noted()), [look_at_camera(width, 1) for width in (5, 3)])
    with pytest.raises(ValueError, match="three"):
        list(pictures)


def test_every_format_has_a_time() -> None:
    assert RELATIVE_SECONDS.keys() >= FORMATS.keys()
