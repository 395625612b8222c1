"""An object stands on its base, with the origin below its middle, and its size as it was."""

from __future__ import annotations

import dataclasses

import pytest
from support.balls import ball, together

from splatworker.export.standing import bounds


def test_a_stray_gaussian_says_nothing_about_the_size() -> None:
    stray = ball((9, 9, 9), 0.01, count=1)
    low, high = bounds(together(ball((1, 2, 3), 0.5, count=3000), stray))
    assert low == pytest.approx([0.5, 1.5, 2.5], abs=0.12)
    assert high == pytest.approx([1.5, 2.5, 3.5], abs=0.12)


def test_what_is_transparent_counts_as_little_as_it_shows() -> None:
    solid, haze = ball((0, 0, 0), 0.5, count=1000), ball((5, 0, 0), 0.5, count=1000, opacity_logit=-9.0)
    assert bounds(together(solid, haze))[1][0] < 0.6
    assert bounds(together(solid, dataclasses.replace(haze, opacity_logits=solid.opacity_logits)))[1][0] > 5
