"""What is due after which iteration."""

from __future__ import annotations

from collections.abc import Callable

from splatworker.train.milestones import Due, due_after
from splatworker.train.options import Options


def test_what_was_asked_for_is_due_when_it_was_and_a_splat_at_the_end(tiny_options: Callable[..., Options]) -> None:
    options = tiny_options(
        iterations=30, save_iterations=[10, 99], checkpoint_iterations=[10, 20], test_iterations=[20, 30]
    )
    due = {iteration: due_after(options, iteration) for iteration in range(1, 31)}
    assert {iteration: what for iteration, what in due.items() if any(what)} == {
        10: Due(splat=True, checkpoint=True, scores=False),
        20: Due(splat=False, checkpoint=True, scores=True),
        30: Due(splat=True, checkpoint=False, scores=False),  # the last scores are the training's end
    }
