"""Bent models: parts that fit in themselves and not closely with each other, and sound ones, which stay whole."""

from __future__ import annotations

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import cloud, group, model, verified
from support.two_views import turned_by

from splatworker.sfm import agreement, bend, gate
from splatworker.sfm.bend import bent, parts
from splatworker.sfm.colmap import pycolmap

ARC = photo_sets.arc(12)

Votes = dict[tuple[int, int], tuple[int, int]]


def votes_of(first: int, second: int, *, within: int, across: int) -> Votes:
    """All pairs of two groups of photos; of 100 matches so many agree."""
    every = range(1, first + second + 1)
    return {(a, b): (within if (a <= first) == (b <= first) else across, 100) for a in every for b in every if a < b}


@pytest.mark.parametrize(("within", "across"), [(95, 40), (95, 5), (60, 20), (99, 0)])
def test_two_groups_are_parts_and_the_smaller_one_is_named(within: int, across: int) -> None:
    votes = votes_of(6, 5, within=within, across=across)
    assert parts(votes) == [{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11}]
    assert bent(votes) == {7, 8, 9, 10, 11}


@pytest.mark.parametrize(("within", "across"), [(95, 75), (60, 42), (30, 30)])
def test_what_agrees_about_as_well_is_whole(within: int, across: int) -> None:
    """Also where all agree badly: a lens that the model cannot tell is no bend."""
    votes = votes_of(6, 5, within=within, across=across)
    assert parts(votes) == [set(range(1, 12))]
    assert bent(votes) == set()


def test_one_pair_that_agrees_by_chance_joins_nothing() -> None:
    votes = votes_of(6, 5, within=95, across=20)
    votes[6, 7] = (90, 100)
    assert bent(votes) == {7, 8, 9, 10, 11}


def test_hard_pairs_within_a_sound_model_part_nothing() -> None:
    votes = votes_of(11, 0, within=95, across=0)
    votes |= {(a, b): (10, 40) for a, b in votes if b - a > 6}
    assert bent(votes) == set()


def test_what_few_matches_join_is_not_judged() -> None:
    votes = {(1, 2): (95, 100), (2, 3): (95, 100), (3, 4): (2, 29), (4, 5): (90, 100)}
    assert parts(votes) == [{1, 2, 3}, {4, 5}]
    assert bent(votes) == set()
    assert parts({}) == []
    assert bent({}) == set()


def half_turned(degrees: float) -> pycolmap.Reconstruction:
    """The sound model, five cameras of it turned about its middle, and no points: rays are asked."""
    made = model(ARC, cloud())
    for point_id in list(made.points3D):
        made.delete_point3D(point_id)
    turn, middle = turned_by(np.radians(degrees) * np.array([0.0, 0.0, 1.0])), np.array([0.0, 0.6, -0.3])
    for image_id in range(1, 6):
        pose = ARC[image_id - 1]
        rotation = pose[:, :3] @ turn.T
        center = middle + turn @ (-pose[:, :3].T @ pose[:, 3] - middle)
        image = made.image(image_id)
        moved = pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), -rotation @ center)
        made.frame(image.frame_id).set_cam_from_world(image.camera_id, moved)
    return made


@pytest.mark.parametrize("degrees", [4, 10, -5])
def test_a_bend_of_a_model_is_found_and_no_fault(degrees: float) -> None:
    matches = verified(model(ARC, cloud()))
    bent_model = half_turned(degrees)
    assert bent(agreement.agreeing(bent_model, matches, bend.CLOSE_PX)) == {1, 2, 3, 4, 5}
    assert bent(agreement.agreeing(half_turned(0.01), matches, bend.CLOSE_PX)) == set()


def test_the_gate_tells_of_a_bend_as_of_something_that_is_no_fault() -> None:
    matches = verified(model(ARC, cloud()))
    sound = gate.inspect(model(ARC, cloud()), [group()], matches)
    assert sound.bent == set()
    made = model(ARC, cloud())
    for image_id in range(1, 6):  # the points of these photos are where the others have them: few pixels off
        image = made.image(image_id)
        pose = image.cam_from_world()
        turned = pycolmap.Rigid3d(pycolmap.Rotation3d(turned_by(np.radians([0, 0.6, 0]))), np.zeros(3)) * pose
        made.frame(image.frame_id).set_cam_from_world(image.camera_id, turned)
    found = gate.inspect(made, [group()], matches)
    assert found.faults == []
    assert found.implausible_images == {}
    assert found.bent == {1, 2, 3, 4, 5}
