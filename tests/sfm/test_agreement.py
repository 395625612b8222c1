"""Cameras that their photos' matches contradict, and those that they do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import cloud, group, model, verified
from support.two_views import turned_by

from splatworker.sfm import agreement, gate
from splatworker.sfm.agreement import agreeing, by_frame, misplaced, read_verified, set_apart, shares
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import read_graph
from splatworker.sfm.workbench import Workbench

ARC = photo_sets.arc(12)


def placed_as(poses: Sequence[np.ndarray], *, points: bool = True) -> pycolmap.Reconstruction:
    """The sound model's photos and points, its cameras as they are said to stand."""
    made = model(ARC, cloud())
    for image_id, pose in enumerate(poses, 1):
        image = made.image(image_id)
        moved = pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:, :3]), pose[:, 3])
        made.frame(image.frame_id).set_cam_from_world(image.camera_id, moved)
    if not points:
        for point_id in list(made.points3D):
            made.delete_point3D(point_id)
    return made


def with_one(pose: np.ndarray, at: int = 4) -> list[np.ndarray]:
    return [*ARC[:at], pose, *ARC[at + 1 :]]


def turned(pose: np.ndarray, degrees: float) -> np.ndarray:
    """The camera turned where it stands."""
    return np.asarray(turned_by(np.radians(degrees) * np.array([0.6, 0.7, 0.4])) @ pose)


def moved(pose: np.ndarray, step: Sequence[float]) -> np.ndarray:
    return np.asarray(np.c_[pose[:, :3], pose[:, 3] - pose[:, :3] @ np.array(step)])


@pytest.mark.parametrize("points", [True, False], ids=["by points", "by rays"])
def test_sound_cameras_agree_with_all_matches(points: bool) -> None:
    sound = placed_as(ARC, points=points)
    votes = agreeing(sound, verified(model(ARC, cloud())))
    assert len(votes) == 12 * 11 // 2
    assert all(agree == matches > 30 for agree, matches in votes.values())
    assert misplaced(votes) == {}
    assert set_apart(votes) == set()


WRONG = {
    "turned by 2 degrees": turned(ARC[4], 2),
    "turned by 5 degrees": turned(ARC[4], 5),
    "turned by 20 degrees": turned(ARC[4], 20),
    "turned by 90 degrees": turned(ARC[4], 90),
    "moved": moved(ARC[4], [0.0, 0.2, 0.0]),
    "moved far": moved(ARC[4], [1.0, 2.0, -1.0]),
    "where another stands": ARC[9],
    "behind what it sees": np.diag([-1.0, 1.0, -1.0]) @ ARC[4],
}


@pytest.mark.parametrize("points", [True, False], ids=["by points", "by rays"])
@pytest.mark.parametrize("how", WRONG)
def test_a_misplaced_camera_is_found_and_no_other(how: str, points: bool) -> None:
    if how == "turned by 2 degrees" and not points:
        pytest.skip("where no point is known, 2 degrees are for most matches less than 8 pixels off their lines")
    votes = agreeing(placed_as(with_one(WRONG[how]), points=points), verified(model(ARC, cloud())))
    assert list(misplaced(votes)) == [5]
    assert set_apart(votes) <= {5}


def test_the_gate_tells_of_it_and_the_scene_stands() -> None:
    found = gate.inspect(placed_as(with_one(WRONG["turned by 20 degrees"])), [group()], verified(model(ARC, cloud())))
    assert found.faults == []
    assert list(found.implausible_images) == [5]
    assert "of its matches with other photos agree" in found.implausible_images[5]


def test_photos_taken_from_one_spot_agree_where_no_depth_is() -> None:
    spot = [np.c_[pose[:, :3], -pose[:, :3] @ [0.3, 1.1, 3.2]] for pose in ARC]
    points = cloud()
    seen = model(spot, points)
    matches = verified(seen)
    for point_id in list(seen.points3D):
        seen.delete_point3D(point_id)
    votes = agreeing(seen, matches)
    assert all(agree == total for agree, total in votes.values())


def test_a_few_wrong_matches_are_no_reason() -> None:
    of = verified(model(ARC, cloud()))
    rng = np.random.default_rng(0)
    for pair, matches in of.matches.items():
        wrong = rng.random(len(matches)) < 0.3
        matches[wrong, 1] = rng.permutation(matches[wrong, 1])
        assert pair
    votes = agreeing(placed_as(ARC), of)
    assert 0.65 < min(shares(votes).values()) < 0.9
    assert misplaced(votes) == {}


# --- by votes alone


def ring(count: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Photos of which each has matches with the next two on either side, nearly all agreeing."""
    pairs = ((a, (a + step - 1) % count + 1) for a in range(1, count + 1) for step in (1, 2))
    return {(min(pair), max(pair)): (95, 100) for pair in pairs}


def test_neighbours_of_a_misplaced_camera_are_not_blamed() -> None:
    """Of the matches of each neighbour a quarter disagree; of one with nothing but two such neighbours, half."""
    votes = {pair: (5, 100) if 4 in pair else vote for pair, vote in ring(12).items()}
    votes |= {(4, 20): (4, 100), (1, 20): (90, 100)}
    assert list(misplaced(votes)) == [4]


def test_a_group_set_apart_is_the_smaller_one() -> None:
    votes = {pair: (95, 100) for a in range(1, 9) for pair in [(a, a + 1)]}
    votes |= {pair: (95, 100) for a in range(21, 24) for pair in [(a, a + 1)]}
    votes[8, 21] = votes[9, 22] = (20, 100)
    assert misplaced(votes) == {}
    assert set_apart(votes) == {21, 22, 23, 24}
    votes[3, 24] = (60, 100)  # one pair that agrees, and it hangs together
    assert set_apart(votes) == set()


def test_too_few_matches_say_nothing() -> None:
    votes = ring(8) | {(1, 30): (3, 25)}
    assert misplaced(votes) == {}
    assert set_apart(votes) == set()
    assert misplaced({}) == {}
    assert set_apart({}) == set()


def test_views_of_a_panorama_are_judged_together() -> None:
    votes = {(1, 2): (5, 50), (1, 3): (40, 50), (2, 3): (1, 50), (3, 4): (20, 20)}
    assert by_frame(votes, {1: 1, 2: 1, 3: 3, 4: 4}) == {(1, 3): (41, 100), (3, 4): (20, 20)}


def test_verified_matches_are_those_of_the_database(misled_bench: Workbench) -> None:
    found = read_verified(misled_bench.database)
    assert {pair: len(matches) for pair, matches in found.matches.items()} == read_graph(misled_bench.database).inliers
    assert all(found.keypoints[image_id].shape[1] >= 2 for image_id in range(1, 11))
    assert agreement.LEAST_SHARE == 0.5


def test_a_database_of_nothing_has_none(tmp_path: Path) -> None:
    with pycolmap.Database.open(tmp_path / "database.db"):
        pass
    assert read_verified(tmp_path / "database.db").matches == {}
