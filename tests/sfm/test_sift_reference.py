"""The specification of SIFT: its arithmetic beside the C library's, and what it finds where the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from support.grey_photos import agreement, by_vlfeat, picture

from splatworker.sfm import sift_reference
from splatworker.sfm.sift_reference import decay, exponential, sine_and_cosine, turns_of


def test_exponentials_sines_and_directions_are_those_of_the_library() -> None:
    for x in np.linspace(-16, 2, 400).tolist():
        assert exponential(x) == pytest.approx(math.exp(x), rel=1e-10)
    for turn in [*np.linspace(0, 1, 1000).tolist(), 0.125, 0.375, 0.625, 0.875]:
        assert sine_and_cosine(turn) == pytest.approx(
            (math.sin(2 * math.pi * turn), math.cos(2 * math.pi * turn)), abs=1e-14
        )
    x = np.linspace(0, 80, 100_000, dtype=np.float32)
    assert np.max(np.abs(decay(x) / np.exp(-x.astype(float)) - 1)) < 3e-7

    random = np.random.default_rng(0)
    u, v = (random.normal(0, 1, 100_000).astype(np.float32) for _ in range(2))
    u[:4], v[:4] = [1, -1, 0, 0], [0, 0, 1, -1]
    u[4:6], v[4:6] = [1, 1], [-1e-30, 1e-30]
    turns = turns_of(v, u)
    assert turns.dtype == np.float32
    assert turns.min() >= 0
    assert turns.max() < 1
    apart = np.abs(turns - np.arctan2(v.astype(float), u.astype(float)) / (2 * np.pi) % 1)
    # The polynomial's own error and four roundings below 1, each of half of 2^-24.
    assert np.minimum(apart, 1 - apart).max() < 3e-8 + 4 * 2**-25
    assert turns_of(np.zeros(1, np.float32), np.zeros(1, np.float32)) == 0


def test_a_blur_is_scipys() -> None:
    image = picture(0, 40, 53).astype(np.float32) / np.float32(255)
    for sigma in (0.8, 1.52, 3.09):
        expected = gaussian_filter(image.astype(float), sigma, mode="nearest", radius=math.ceil(4 * sigma))
        assert np.abs(sift_reference.blur(image, sigma) - expected).max() < 1e-6


def test_a_blob_is_found_where_it_is_and_as_large_as_it_is() -> None:
    """A blob of standard deviation s is clearest at s (Lindeberg 1998); to a fifth, as levels are a quarter apart."""
    y, x = np.mgrid[:90, :100]
    for sigma, row, column in ((4.0, 40.3, 51.6), (7.0, 45.0, 50.25)):
        blob = 40 + 190 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * sigma**2))
        found = sift_reference.sift(np.round(blob).astype(np.uint8), 0, 1)
        at_x, at_y, scale, *_ = found.keypoints[0]
        assert math.hypot(at_x - 0.5 - column, at_y - 0.5 - row) < 0.1
        assert scale == pytest.approx(sigma, rel=0.2)


def test_the_features_are_those_of_vlfeat() -> None:
    grey = picture(3, 120, 150)
    found = sift_reference.sift(grey, 0, 100_000)
    alike = agreement(by_vlfeat(grey, 0), found.keypoints, found.descriptors)
    assert alike.found > 0.98
    assert alike.turned > 0.97
    assert alike.cosines[len(alike.cosines) // 20] > 0.999
