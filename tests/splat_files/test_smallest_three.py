"""Rotations as their three smallest components, and back."""

from __future__ import annotations

import numpy as np
import pytest

from splatworker.splat_files.smallest_three import LARGEST_SMALL, pack, unpack


def test_a_rotation_comes_back_whatever_its_length_and_sign() -> None:
    quaternions = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32) * 3
    index, small = pack(list(quaternions.T))
    assert index.tolist() == np.abs(quaternions).argmax(axis=1).tolist()
    assert np.abs(small).max() <= LARGEST_SMALL + 1e-6
    unit = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    back = np.stack(unpack(index, small), axis=1)
    np.testing.assert_allclose(np.abs((unit * back).sum(axis=1)), 1, atol=1e-6)
    assert (back[np.arange(500), index] > 0).all()


@pytest.mark.parametrize("factor", [0.0, 1e-30, 1e30])
def test_quaternions_of_no_or_absurd_length_are_rotations(factor: float) -> None:
    index, small = pack(list(np.full((4, 1), factor, np.float32)))
    assert np.isfinite(small).all()
    assert index.tolist() == [0]
    np.testing.assert_allclose(small, 0 if factor == 0 else 0.5, atol=1e-6)
