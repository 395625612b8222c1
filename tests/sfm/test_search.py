"""When a closer look at the photos is wanted."""

from __future__ import annotations

from support.match_graphs import match_graph

from splatworker.sfm.search import is_thin


def test_thin_matches_ask_for_a_closer_look() -> None:
    pairs = [(first, second) for first in range(1, 6) for second in range(first + 1, 6)]
    assert is_thin(match_graph(5, dict.fromkeys(pairs, 60)))
    assert not is_thin(match_graph(5, dict.fromkeys(pairs, 160)))
