"""Sentences for photos and jobs, from what is known of them; and a watched call that ends when asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import photo_sets

from splatworker.sfm import reasons
from splatworker.sfm.gate import Inspection
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.ladder import Attempt, best
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import PhotoHeader

NAMES = [f"{number}.jpg" for number in range(1, 11)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten sharp photos, of which the ninth is blurred and the tenth blank."""
    folder = tmp_path_factory.mktemp("photos")
    for number, name in enumerate(NAMES):
        picture = (photo_sets.texture(number, 256) * 255).astype(np.uint8)
        photo_sets.save(picture, folder / name, blur=8 if number == 8 else 0)
    photo_sets.save(np.full((256, 256, 3), 200, np.uint8), folder / "10.jpg")
    return folder


def evidence(
    folder: Path, inliers: dict[tuple[int, int], int], keypoints: dict[int, int] | None = None
) -> reasons.Evidence:
    photos = [PhotoHeader(name, 256, 256) for name in NAMES]
    counts = dict.fromkeys(range(1, 11), 2000) | (keypoints or {})
    graph = MatchGraph(tuple(range(1, 11)), inliers, {}, 45)
    return reasons.Evidence(photos, folder, counts, graph)


def attempt(
    others: Iterable[Any] = (), implausible_images: dict[int, str] | None = None, faults: Iterable[str] = ()
) -> Attempt:
    inspection = Inspection(implausible_images or {}, list(faults))
    return Attempt("fast", "incremental", None, tuple(map(frozenset, others)), inspection, 1.0)


def test_every_photo_that_was_left_out_gets_its_own_sentence(folder: Path) -> None:
    inliers = {(1, 2): 300, (2, 3): 300, (3, 4): 40, (5, 6): 90, (6, 7): 90, (1, 9): 40}
    told = reasons.why_left_out(
        evidence(folder, inliers, {8: 150}), attempt(implausible_images={2: "its lens came out as bent"}), kept={1, 3}
    )
    assert list(told) == ["2.jpg", "4.jpg", "5.jpg", "6.jpg", "7.jpg", "8.jpg", "9.jpg", "10.jpg"]
    assert told["2.jpg"] == "This photo was left out because its lens came out as bent."
    assert "overlaps with one other photo, but not enough" in told["4.jpg"]
    assert all("different scene" in told[name] and "2 other photos" in told[name] for name in NAMES[4:7])
    assert "150 points" in told["8.jpg"]
    assert told["9.jpg"] == "This photo is blurred."
    assert "blank" in told["10.jpg"]


def test_a_second_model_of_the_same_scene_is_not_called_a_different_one(folder: Path) -> None:
    inliers = {(1, 2): 300, (2, 3): 35, (3, 4): 300, (4, 5): 300, (6, 7): 20}
    told = reasons.why_left_out(evidence(folder, inliers), attempt(others=[{3, 4, 5}]), kept={1, 2})
    assert "not enough" in told["3.jpg"]
    assert "overlaps only with photos that could not be used either" in told["5.jpg"]
    assert told["6.jpg"] == "This photo does not overlap with any other photo."


def test_photos_with_nothing_in_them(folder: Path) -> None:
    error = reasons.why_no_features(evidence(folder, {}, dict.fromkeys(range(1, 10), 30)))
    assert error is not None
    assert error.code == "no_features"
    assert "1 of 10 are blank and 1 of 10 are blurred" in error.message
    assert reasons.why_no_features(evidence(folder, {}, dict.fromkeys(range(1, 9), 30))) is None


def test_photos_that_do_not_overlap(folder: Path) -> None:
    error = reasons.why_no_overlap(evidence(folder, {(1, 2): 100, (3, 4): 100}))
    assert error is not None
    assert error.code == "no_overlap"
    assert "among 10 photos no three" in error.message
    assert error.hint
    assert reasons.why_no_overlap(evidence(folder, {(1, 2): 100, (2, 3): 100})) is None


def test_no_camera_could_be_true(folder: Path) -> None:
    error = reasons.why_no_reconstruction(evidence(folder, {(1, 2): 99}), [attempt(faults=["the lens is bent"])])
    assert error is not None
    assert error.code == "no_reconstruction"
    assert "(the lens is bent)" in error.message


def test_among_attempts_without_a_model_the_first_is_the_best() -> None:
    first, second = attempt(), attempt()
    assert best([first, second]) is first
    assert not first.plausible


def test_a_photo_turned_on_the_spot(folder: Path) -> None:
    """Its homographies to the others are rotations, seen through the same lens."""
    lens = np.array([[300, 0, 128], [0, 300, 128], [0, 0, 1.0]])
    angle = np.radians(8)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    turned = lens @ turn @ np.linalg.inv(lens)
    known = evidence(folder, {(1, 4): 200, (2, 4): 200, (1, 2): 300})
    graph = dataclasses.replace(known.graph, homographies={(1, 4): turned, (2, 4): turned @ turned})
    told = reasons.why_left_out(dataclasses.replace(known, graph=graph), attempt(), kept={1, 2})
    assert "taken from one spot" in told["4.jpg"]
    aside = turned + np.array([[0, 0, 40], [0, 0, 0], [0, 0, 0]])
    graph = dataclasses.replace(known.graph, homographies={(1, 4): aside, (2, 4): turned @ aside})
    told = reasons.why_left_out(dataclasses.replace(known, graph=graph), attempt(), kept={1, 2})
    assert "not enough" in told["4.jpg"]


def test_a_lens_that_was_asked_for_is_named() -> None:
    assert "FULL_OPENCV was asked for" in reasons.asked_lens(SfmOptions(camera_model="FULL_OPENCV"))
    assert reasons.asked_lens(SfmOptions()) == ""
