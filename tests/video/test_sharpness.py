"""How sharp a frame is, beside its neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from support import clips

from splatworker.video.sharpness import detail, relative_sharpness


def test_detail_falls_with_blur_and_not_with_the_exposure() -> None:
    def grey(**how: float) -> npt.NDArray[np.uint8]:
        return np.asarray(clips.window(120, blur=how.get("blur", 0.0)).mean(axis=2), dtype=np.uint8)

    sharp, smeared = detail(grey()), detail(grey(blur=2))
    assert smeared[0] < 0.6 * sharp[0]
    assert smeared[1] > 0.7 * sharp[1]
    darker = detail((grey() * 0.6).astype(np.uint8))
    assert darker[0] == pytest.approx(sharp[0], rel=0.15)
    relative = relative_sharpness(np.array([sharp] * 5 + [smeared] + [sharp] * 5), 5)
    assert relative.argmin() == 5
    assert relative[5] < 0.6
    assert relative[0] == pytest.approx(1)


def test_where_all_lines_are_upright_nothing_is_blurred_for_that() -> None:
    """Along them there is only what the codec leaves, of which some frames have ten times as much."""
    along = np.random.default_rng(0).choice([0.0, 0.0001, 0.001], 60)
    relative = relative_sharpness(np.stack([np.full(60, 0.3), along], axis=1), 45)
    assert relative == pytest.approx(np.ones(60))
    smeared = np.where(np.arange(60) == 7, 0.1, 0.3)
    assert relative_sharpness(np.stack([smeared, along], axis=1), 45)[7] < 0.5
