"""The matching kernel beside its plain twin, and what COLMAP makes of its matches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from splatworker.sfm import nearest

pytestmark = pytest.mark.skipif(not nearest.has_kernel(), reason="this installation has no matching kernel")


def descriptors(rng: np.random.Generator, count: int, length: float = 512.0) -> np.ndarray:
    """Like SIFT's: not negative, most entries small, all of one length."""
    raw = rng.gamma(0.6, 1.0, (count, 128))
    rounded: np.ndarray = np.round(raw / np.linalg.norm(raw, axis=1, keepdims=True) * length)
    return rounded.clip(0, 255).astype(np.uint8)


def seen_again(rng: np.random.Generator, first: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """The same points in another photo, in another order, with some that are new."""
    order = rng.permutation(len(first))
    moved = first[order] + rng.normal(0, noise, first.shape)
    moved = moved.clip(0, None) / np.linalg.norm(moved.clip(0, None), axis=1, keepdims=True) * 512
    again = np.round(moved).clip(0, 255).astype(np.uint8)
    return np.concatenate([again, descriptors(rng, len(first) // 3)]), order


@pytest.mark.parametrize("count", [1, 5, 31, 32, 33, 700, 1500])
def test_the_same_points_are_found_again(count: int) -> None:
    rng = np.random.default_rng(count)
    first = descriptors(rng, count)
    second, order = seen_again(rng, first, noise=8.0)
    found = nearest.match(first, second)
    assert found.dtype == np.uint32
    assert len(found) >= 0.97 * count
    assert np.array_equal(order[found[:, 1]], found[:, 0])
    assert np.all(np.diff(found[:, 0].astype(int)) > 0)


@pytest.mark.parametrize("noise", [15.0, 25.0, 35.0])
def test_the_kernel_agrees_with_its_plain_twin(noise: float) -> None:
    rng = np.random.default_rng(3)
    first = descriptors(rng, 900)
    second, _ = seen_again(rng, first, noise)
    kernel, plain = (
        {tuple(pair) for pair in how(first, second).tolist()} for how in (nearest.match, nearest.match_plainly)
    )
    assert len(plain) > 100
    assert len(kernel & plain) > 0.97 * len(kernel | plain)  # seven bits beside eight, at the edges of the thresholds


@pytest.mark.parametrize("count", [401, 1057])
def test_every_instruction_set_gives_the_same(tmp_path: Path, count: int) -> None:
    rng = np.random.default_rng(5)
    first = descriptors(rng, count)
    second, _ = seen_again(rng, first, 25.0)
    second[-40:] = first[:40]  # ties, whose first is the nearest
    np.savez(tmp_path / "photos.npz", first=first, second=second)
    code = (
        "import sys, numpy as np; from splatworker.sfm import nearest\n"
        "photos = np.load(sys.argv[1]); np.save(sys.argv[2], nearest.match(photos['first'], photos['second']))"
    )
    for isa in ("baseline", "avx2"):
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / "photos.npz", tmp_path / f"{isa}.npy"],
            env=dict(os.environ, SPLATWORKER_ISA=isa),
            check=True,
        )
        assert np.array_equal(np.load(tmp_path / f"{isa}.npy"), nearest.match(first, second))


def test_a_point_that_looks_like_two_is_not_matched() -> None:
    rng = np.random.default_rng(7)
    first = descriptors(rng, 40)
    twice = np.concatenate([first, first[:10]])
    assert nearest.match(first, twice)[:, 0].tolist() == list(range(10, 40))
    assert nearest.match(twice, first)[:, 1].tolist() == list(range(10, 40))


def test_photos_without_features_have_no_matches() -> None:
    some, none = descriptors(np.random.default_rng(1), 20), np.zeros((0, 128), np.uint8)
    for first, second in ((some, none), (none, some), (none, none)):
        assert nearest.match(first, second).shape == (0, 2)
        assert nearest.match_plainly(first, second).shape == (0, 2)


def test_more_descriptors_than_it_can_count_are_refused() -> None:
    with pytest.raises(ValueError, match="65504"):
        nearest.match(np.zeros((nearest.MOST + 1, 128), np.uint8), np.zeros((1, 128), np.uint8))
    with pytest.raises(TypeError):
        nearest.match(np.zeros((3, 64), np.uint8), np.zeros((3, 128), np.uint8))
