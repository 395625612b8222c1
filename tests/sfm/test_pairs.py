"""Which pairs are matched, and how alike photos are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np

from splatworker.sfm.options import Matcher
from splatworker.sfm.pairs import all_pairs, choose_pairs, look_alikes, neighbours


def never() -> NoReturn:
    raise AssertionError("similarities were not needed")


def any_similarities(rng: np.random.Generator, count: int) -> Callable[[], np.ndarray]:
    return lambda: rng.random((count, count), np.float32)


def test_few_photos_are_matched_all_with_all() -> None:
    assert choose_pairs(4, "auto", False, never) == [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    assert len(choose_pairs(60, "auto", False, never)) == 60 * 59 // 2
    assert len(choose_pairs(100, "auto", True, never)) == 100 * 99 // 2
    assert choose_pairs(150, "exhaustive", False, never) == all_pairs(150)
    assert choose_pairs(1, "auto", False, never) == []


def test_pairs_of_many_photos_grow_with_their_number() -> None:
    rng = np.random.default_rng(0)
    counts = {}
    for count in (200, 400):
        for matcher in ("auto", "sequential"):
            pairs = choose_pairs(count, matcher, True, any_similarities(rng, count))
            assert pairs == sorted(set(pairs))
            assert all(1 <= first < second <= count for first, second in pairs)
            assert set(neighbours(count, 4)) <= set(pairs)
            counts[matcher, count] = len(pairs)
    assert counts["auto", 400] < 2.2 * counts["auto", 200]
    assert counts["sequential", 400] < 2.2 * counts["sequential", 200]


def test_look_alikes_are_the_most_similar() -> None:
    alike = np.array([[1, 0.9, 0.1, 0.2], [0.9, 1, 0.3, 0.1], [0.1, 0.3, 1, 0.8], [0.2, 0.1, 0.8, 1]], np.float32)
    assert look_alikes(alike, 1) == {(1, 2), (3, 4)}
    assert look_alikes(alike, 9) == set(all_pairs(4))


def test_views_of_one_panorama_are_never_matched_with_each_other() -> None:
    frames = [1, 1, 1, 4, 4, 4, 7]
    pairs = choose_pairs(7, "exhaustive", False, never, frames)
    assert len(pairs) == 21 - 6
    assert all(frames[first - 1] != frames[second - 1] for first, second in pairs)
    many = [1 + 5 * (number // 5) for number in range(150)]
    alike = np.random.default_rng(0).random((150, 150), np.float32)
    matchers: tuple[Matcher, ...] = ("retrieval", "sequential")
    for matcher in matchers:
        pairs = choose_pairs(150, matcher, False, lambda: alike, many)
        assert pairs == sorted(set(pairs))
        assert all(many[first - 1] != many[second - 1] for first, second in pairs)
        near = {(many[first - 1], many[second - 1]) for first, second in pairs}
        assert all((one, one + 5) in near for one in range(1, 141, 5)), "neighbours are panoramas"
        assert len(pairs) < 150 * 40
