"""The match graph: what hangs together."""

from __future__ import annotations

from support.match_graphs import match_graph


def test_photos_that_hang_together() -> None:
    made = match_graph(7, {(1, 2): 90, (2, 3): 31, (4, 5): 200, (3, 4): 29})
    assert made.components() == [{1, 2, 3}, {4, 5}, {6}, {7}]
    assert made.components(15) == [{1, 2, 3, 4, 5}, {6}, {7}]
    assert made.neighbours()[2] == {1, 3}
    assert made.neighbours()[6] == set()
