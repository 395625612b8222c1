"""What is told of a reconstruction that is delivered; most of it by whole runs of the stage, in the other files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from splatworker.sfm import gate, remarks
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.photo import PhotoHeader

PHOTOS = [PhotoHeader(f"{letter}.jpg", 640, 480) for letter in "abcdef"]


def attempt(bent: set[int], unused_pairs: int = 0) -> Attempt:
    return cast(Attempt, SimpleNamespace(inspection=gate.Inspection(bent=bent), unused_pairs=unused_pairs))


def test_of_a_bend_the_photos_of_the_smaller_part_are_named() -> None:
    (sentence,) = remarks.of_a_bend(PHOTOS, attempt({2, 3}))
    assert sentence.startswith("The scene may be bent: the cameras of 2 photos (b.jpg, c.jpg) fit each other, but not")
    (sentence,) = remarks.of_a_bend(PHOTOS, attempt({2, 3, 5, 6}))
    assert "4 photos (b.jpg, c.jpg, e.jpg, ...)" in sentence
    assert list(remarks.of_a_bend(PHOTOS, attempt(set()))) == []


def test_positions_that_were_not_used_are_told() -> None:
    (sentence,) = remarks.of_positions(PHOTOS, [4])
    assert sentence == "The position (GPS) of d.jpg is missing or contradicts that of all others; it was not used."
    assert list(remarks.of_positions(PHOTOS, [])) == []


def test_photos_that_lie_mirrored_are_told() -> None:
    (sentence,) = remarks.of_mirrored([*PHOTOS[:2], PhotoHeader("m.jpg", 640, 480, orientation=5)])
    assert sentence.startswith("The header (EXIF) of m.jpg says that the pixels lie mirrored")
    assert list(remarks.of_mirrored([PhotoHeader("t.jpg", 640, 480, orientation=6)])) == []


def test_a_loose_fit_is_told_of_photos_never() -> None:
    assert list(remarks.of_video(PHOTOS, 9.0)) == []


def test_pairs_that_were_not_used_are_counted() -> None:
    graph = MatchGraph((1, 2, 3), {(1, 2): 90, (2, 3): 80, (1, 3): 20}, {}, 3)
    (sentence,) = remarks.of_like_things(graph, attempt(set(), unused_pairs=1))
    assert sentence.startswith(
        "The matches of 1 of 3 pairs of photos contradict the cameras and were not used: parts of"
    )
    assert list(remarks.of_like_things(graph, attempt(set()))) == []
