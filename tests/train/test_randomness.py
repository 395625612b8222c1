"""Every random number of a run, from one seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.kinds import on_either

from splatworker.render.arrays import Device, to_numpy
from splatworker.train.randomness import Randomness, normal


def drawn(randomness: Randomness, count: int) -> list[int]:
    return [randomness.next_photo() for _ in range(count)]


@on_either
def test_every_photo_comes_once_before_one_comes_again(device: Device) -> None:
    order = drawn(Randomness(0, 10, device), 30)
    assert [sorted(order[start : start + 10]) for start in (0, 10, 20)] == [list(range(10))] * 3
    assert order[:10] != order[10:20]


@on_either
def test_the_same_seed_is_the_same_order_and_another_is_not(device: Device) -> None:
    one, same, other = (drawn(Randomness(seed, 50, device), 50) for seed in (3, 3, 4))
    assert one == same != other


@on_either
def test_a_run_goes_on_where_its_state_was_taken(device: Device) -> None:
    first, second = Randomness(0, 10, device), Randomness(7, 10, device)
    drawn(first, 4)
    normal((5,), first.density)
    second.restore(first.state())
    assert drawn(first, 20) == drawn(second, 20)
    assert first.background().tolist() == second.background().tolist()
    assert normal((3,), first.density).tolist() == normal((3,), second.density).tolist()


@on_either
def test_the_numbers_are_of_the_normal_distribution(device: Device) -> None:
    numbers = to_numpy(normal((1000, 100), Randomness(0, 1, device).density))
    assert numbers.dtype == np.float32
    assert abs(numbers.mean()) < 0.02  # six standard deviations
    assert numbers.var() == pytest.approx(1, abs=0.03)
    assert (abs(numbers) > 3).mean() == pytest.approx(0.0027, abs=0.001)


@pytest.mark.parametrize("there", ["cpu", torch.device("cpu")], ids=["numpy", "torch"])
def test_the_state_of_another_kind_of_generator_is_refused(there: Device) -> None:
    here: Device = torch.device("cpu") if isinstance(there, str) else "cpu"
    with pytest.raises(ValueError, match=r".*"):
        Randomness(0, 10, here).restore(Randomness(0, 10, there).state())
