"""What numpy and torch name differently does the same on either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support.kinds import numbers_on, on_either

from splatworker.render import arrays
from splatworker.render.arrays import Array, Device

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(7, 5)).astype(np.float32)
MASK = NUMBERS > 0
LOGITS = np.array([-200, -88, -8, -1e-3, 0, 3, 16, 200], np.float32)
PLACES = RANDOM.integers(0, 5, (7, 9))


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        (arrays.copied, [NUMBERS]),
        (arrays.contiguous, [NUMBERS.T]),
        (arrays.indices, [MASK[:, 0]]),
        (arrays.looked_up, [NUMBERS, PLACES]),
        (lambda array, mask: arrays.filled(array, mask, -2.5), [NUMBERS, MASK]),
        (lambda array, mask: arrays.filled(array, mask, -np.inf), [NUMBERS, MASK]),
        (lambda array: arrays.cast(array, "uint8"), [abs(NUMBERS) * 50]),
        (arrays.plus_product, [NUMBERS, NUMBERS[:, :1], NUMBERS[:1]]),
        (arrays.normalised, [np.vstack([NUMBERS, np.zeros((1, 5), np.float32)])]),
        (arrays.sigmoid, [LOGITS]),
        (arrays.logit, [np.array([1e-4, 0.3, 0.5, 0.999], np.float32)]),
        (lambda array: arrays.area_means(array, 4), [RANDOM.integers(0, 256, (9, 3)).astype(np.uint8)]),
        (lambda array: arrays.area_means(array, 4), [RANDOM.integers(0, 256, (64, 33)).astype(np.uint8)]),
        (lambda array: arrays.area_means(array, 3), [MASK]),
    ],
)  # fmt: skip
def test_both_do_the_same(operation: Callable[..., Array], given: list[np.ndarray[Any, Any]]) -> None:
    ours, theirs = operation(*given), operation(*map(torch.from_numpy, map(np.ascontiguousarray, given)))
    assert isinstance(ours, np.ndarray)
    assert isinstance(theirs, torch.Tensor)
    assert arrays.to_numpy(theirs).dtype == ours.dtype
    np.testing.assert_allclose(arrays.to_numpy(theirs), ours, rtol=1e-6, atol=1e-7)


@on_either
@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_the_largest_are_found(device: Device, count: int) -> None:
    found = arrays.indices_of_largest(numbers_on(device, NUMBERS[:, 0]), count)
    assert sorted(found.tolist()) == sorted(np.argsort(NUMBERS[:, 0])[7 - count :].tolist())


@on_either
def test_what_is_filled_in_place_is(device: Device) -> None:
    numbers, mask = numbers_on(device, NUMBERS), numbers_on(device, MASK, "bool")
    arrays.fill(numbers, mask, 3.0)
    assert (numbers[mask] == 3).all()
    assert arrays.to_numpy(numbers)[~MASK].tolist() == NUMBERS[~MASK].tolist()


@on_either
def test_rows_are_written_where_they_are_wanted(device: Device) -> None:
    numbers, out = numbers_on(device, NUMBERS), numbers_on(device, np.zeros((2, 5)))
    arrays.rows(numbers, numbers_on(device, [6, 0], "int64"), out)
    assert out.tolist() == NUMBERS[[6, 0]].tolist()
    with pytest.raises(IndexError):
        arrays.rows(numbers, numbers_on(device, [7, 0], "int64"), out)


@on_either
def test_an_array_comes_to_where_another_is(device: Device) -> None:
    for given in (NUMBERS, torch.from_numpy(NUMBERS)):
        beside = arrays.beside(given, numbers_on(device, [0]))
        assert arrays.device_of(beside) == device
        assert beside.tolist() == NUMBERS.tolist()
