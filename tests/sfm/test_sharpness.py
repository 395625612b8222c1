"""Blurred and blank photos are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import photo_sets

from splatworker.sfm.sharpness import photo_quality


@pytest.mark.parametrize(("blur", "blurred"), [(0, False), (1, False), (8, True)])
def test_blur_is_seen(tmp_path: Path, blur: int, blurred: bool) -> None:
    picture = (photo_sets.texture(3) * 255).astype(np.uint8)
    photo_sets.save(picture, tmp_path / "a.jpg", blur=blur)
    look = photo_quality(tmp_path / "a.jpg")
    assert look.blurred == blurred
    assert not look.blank


def test_a_blank_photo_is_blank_and_not_blurred(tmp_path: Path) -> None:
    photo_sets.save(np.full((100, 120, 3), 90, np.uint8), tmp_path / "a.jpg")
    look = photo_quality(tmp_path / "a.jpg")
    assert look.blank
    assert not look.blurred
