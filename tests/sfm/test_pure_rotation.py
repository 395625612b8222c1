"""Turning on the spot, and a flat subject, which looks much like it."""

from __future__ import annotations

import numpy as np
from support import photo_sets
from support.match_graphs import match_graph
from support.reconstructions import SIZE

from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.pure_rotation import taken_from_one_spot


def homography(pose_1: np.ndarray, pose_2: np.ndarray, focal: float, plane: np.ndarray | None = None) -> np.ndarray:
    """Pixels of photo 2 from those of photo 1: of a turn, or of the plane n . x = 1 in the first camera's frame."""
    k = np.array([[focal, 0, 320], [0, focal, 240], [0, 0, 1.0]])
    rotation = pose_2[:, :3] @ pose_1[:, :3].T
    step = pose_2[:, 3] - rotation @ pose_1[:, 3]
    inner = rotation if plane is None else rotation + np.outer(step, plane)
    return np.asarray(0.7 * k @ inner @ np.linalg.inv(k))


def test_turning_on_the_spot_is_told_from_a_flat_subject() -> None:
    photos = [PhotoHeader(f"{n}.jpg", *SIZE) for n in range(6)]
    poses = photo_sets.arc(6)
    pairs = [(first, second) for first in range(1, 7) for second in range(first + 1, 7)]
    count = dict.fromkeys(pairs, 100)
    turned = {(a, b): homography(poses[a - 1], poses[b - 1], 800) for a, b in pairs}
    flat = {(a, b): homography(poses[a - 1], poses[b - 1], 800, np.array([0.1, 0.2, 0.3])) for a, b in pairs}
    assert taken_from_one_spot(match_graph(6, count, turned), photos)
    assert not taken_from_one_spot(match_graph(6, count, flat), photos)
    assert not taken_from_one_spot(match_graph(6, count, dict(list(turned.items())[:5])), photos)
    assert not taken_from_one_spot(match_graph(6, {}, {}), photos)
