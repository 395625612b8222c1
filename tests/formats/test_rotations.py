"""Quaternions and matrices of the same rotations, beside SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from splatworker.formats import rotations

HALF_TURNS = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0.6, 0.8, 0], [0.6, 0, 0, -0.8]]


@pytest.fixture
def unit() -> np.ndarray:
    """(N, 4), those among them of which components are 0."""
    random = np.random.default_rng(0).normal(size=(200, 4))
    small = np.random.default_rng(1).normal(size=(50, 4)) * [1, 1e-9, 1e-5, 1e-12]
    every = np.concatenate([HALF_TURNS, random, small])
    return np.asarray(every / np.linalg.norm(every, axis=1, keepdims=True))


def test_matrices_are_scipys(unit: np.ndarray) -> None:
    theirs = Rotation.from_quat(unit, scalar_first=True).as_matrix()
    np.testing.assert_allclose(rotations.matrices(unit), theirs, atol=1e-15)
    np.testing.assert_allclose(rotations.matrices(unit.reshape(2, -1, 4)).reshape(theirs.shape), theirs, atol=1e-15)
    np.testing.assert_allclose(rotations.matrices(unit[7]), theirs[7], atol=1e-15)
    assert rotations.matrices(unit.astype(np.float32)).dtype == np.float64


def test_quaternions_are_scipys(unit: np.ndarray) -> None:
    for rotation in Rotation.from_quat(unit, scalar_first=True):
        found = rotations.quaternion(rotation.as_matrix())
        theirs = rotation.as_quat(scalar_first=True)
        np.testing.assert_allclose(found * np.sign(found @ theirs), theirs, atol=1e-15)
        assert found[np.abs(found).argmax()] > 0
