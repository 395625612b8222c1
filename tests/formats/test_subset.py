"""Some of a splat's Gaussians, and which of them are made of numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import finite, joined, take


def splat(count: int = 5) -> Gaussians:
    shapes = ((3,), (4,), (3,), (), (3,), (3, 3))
    return Gaussians(*(np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32) for shape in shapes))


def test_a_mask_and_indices_take_the_same_rows_of_every_array() -> None:
    gaussians = splat()
    by_mask = take(gaussians, np.array([True, False, True, False, False]))
    by_index = take(gaussians, np.array([2, 0]))
    for name in ("means", "quaternions", "opacity_logits", "sh_rest"):
        np.testing.assert_array_equal(getattr(by_mask, name), getattr(gaussians, name)[[0, 2]])
        np.testing.assert_array_equal(getattr(by_index, name), getattr(gaussians, name)[[2, 0]])


def test_some_and_both_are_drawn_as_the_whole_is() -> None:
    with_antialiasing = dataclasses.replace(splat(), antialiased=True)
    assert take(with_antialiasing, np.array([1])).antialiased
    assert joined(with_antialiasing, splat()).antialiased
    assert not take(splat(), np.array([1])).antialiased
    assert not joined(splat(), splat()).antialiased


def test_two_are_joined_in_their_order() -> None:
    first, more = take(splat(), np.array([4, 3])), take(splat(), np.array([0]))
    both = joined(first, more)
    for name in ("means", "quaternions", "opacity_logits", "sh_rest"):
        np.testing.assert_array_equal(getattr(both, name), getattr(splat(), name)[[4, 3, 0]])


@pytest.mark.parametrize("name", ["means", "quaternions", "log_scales", "opacity_logits", "sh_dc", "sh_rest"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_found_and_an_infinite_logit_is_one(name: str, value: float) -> None:
    gaussians = splat()
    getattr(gaussians, name).reshape(5, -1)[3, -1] = value
    counts = name == "opacity_logits" and np.isinf(value)
    assert finite(gaussians).tolist() == [True, True, True, counts, True]


def test_a_gaussian_without_a_rotation_is_left_out() -> None:
    gaussians = splat()
    gaussians.quaternions[1] = 0
    assert finite(gaussians).tolist() == [True, False, True, True, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [("means", -1e38), ("log_scales", 100.0), ("log_scales", -1e38), ("sh_dc", 1e20), ("sh_rest", 3e38)],
)
def test_a_number_too_large_to_be_squared_is_none(name: str, value: float) -> None:
    gaussians = splat()
    getattr(gaussians, name).reshape(5, -1)[3, -1] = value
    assert finite(gaussians).tolist() == [True, True, True, False, True]


def test_quaternions_of_any_length_and_any_logits_are_numbers() -> None:
    gaussians = splat()
    gaussians.quaternions[1], gaussians.quaternions[2] = 1e38, 1e-40
    gaussians.opacity_logits[3], gaussians.log_scales[4] = -3e38, -1e14
    assert finite(gaussians).all()
