"""Photos of one place are more alike than those of another."""

from __future__ import annotations

import numpy as np

from splatworker.sfm.retrieval import similarities


def test_photos_of_one_place_are_more_alike_than_those_of_another() -> None:
    rng = np.random.default_rng(1)
    places = [rng.random((300, 128)).astype(np.float32) for _ in range(3)]
    photos = []
    for number in range(9):
        seen = places[number % 3][rng.permutation(300)[:150]] + 0.05 * rng.random((150, 128), np.float32)
        photos.append((seen * 240).astype(np.uint8))
    photos.append(np.zeros((0, 128), np.uint8))
    alike = similarities(photos)
    assert alike.shape == (10, 10)
    for number in range(9):
        others = np.delete(np.arange(9), number)
        assert {int(other) % 3 for other in others[np.argsort(-alike[number, others])[:2]]} == {number % 3}
    assert np.array_equal(alike, similarities(photos))


def test_photos_in_which_nothing_is_found_are_like_none() -> None:
    assert np.array_equal(similarities([np.zeros((0, 128), np.uint8)] * 3), np.zeros((3, 3)))
