"""Every random number of a run, from one seed."""

from __future__ import annotations

import torch

from splatworker.train.randomness import Randomness

CPU = torch.device("cpu")


def drawn(randomness: Randomness, count: int) -> list[int]:
    return [randomness.next_photo() for _ in range(count)]


def test_every_photo_comes_once_before_one_comes_again() -> None:
    order = drawn(Randomness(0, 10, CPU), 30)
    assert [sorted(order[start : start + 10]) for start in (0, 10, 20)] == [list(range(10))] * 3
    assert order[:10] != order[10:20]


def test_the_same_seed_is_the_same_order_and_another_is_not() -> None:
    assert drawn(Randomness(3, 50, CPU), 50) == drawn(Randomness(3, 50, CPU), 50) != drawn(Randomness(4, 50, CPU), 50)


def test_a_run_goes_on_where_its_state_was_taken() -> None:
    first, second = Randomness(0, 10, CPU), Randomness(7, 10, CPU)
    drawn(first, 4)
    second.restore(first.state())
    assert drawn(first, 20) == drawn(second, 20)
    assert torch.equal(first.background(), second.background())
    assert torch.equal(torch.rand(3, generator=first.density), torch.rand(3, generator=second.density))
