"""The matching kernel beside its plain twin, and what COLMAP makes of its matches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.many_threads import many_threads_gpu

from splatworker.sfm import nearest, sift

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


def photos_of_a_place(seed: int, counts: tuple[int, ...]) -> list[np.ndarray]:
    """So many descriptors a photo, many of them of the same points; ties within a photo and between photos."""
    rng = np.random.default_rng(seed)
    points = descriptors(rng, max(counts) + 1)
    photos = []
    for count in counts:
        again, _ = seen_again(rng, points, noise=20.0)
        photo = again[rng.permutation(len(again))[:count]]
        photo[count // 3 : count // 3 + count // 7] = photo[: count // 7]
        photo[-(count // 9) :] = points[: count // 9] if count >= 9 else photo[-(count // 9) :]
        photos.append(np.ascontiguousarray(photo))
    return photos


def demand_the_same_on_a_gpu(photos: list[np.ndarray]) -> int:
    """How many matches all pairs have, forth and back."""
    pairs = [(first, second) for first in range(len(photos)) for second in range(len(photos))]
    found = nearest.matcher_on_gpu(photos)(pairs)
    for (first, second), matches in zip(pairs, found, strict=True):
        assert matches.dtype == np.uint32
        np.testing.assert_array_equal(matches, nearest.match(photos[first], photos[second]))
    return sum(map(len, found))


@pytest.mark.gpu
@pytest.mark.skipif(not sift.has_gpu_kernel(), reason="there is no GPU, or there are no kernels for it")
def test_a_gpu_gives_the_very_matches_every_time() -> None:
    for seed, counts in enumerate([(0, 1, 63, 64, 65), (127, 128, 129, 700), (31, 2000, 4097, 3000), (12_288, 9000)]):
        photos = photos_of_a_place(seed, counts)
        assert len({demand_the_same_on_a_gpu(photos) for _ in range(2)}) == 1
    assert demand_the_same_on_a_gpu([np.zeros((3, 128), np.uint8), np.full((70, 128), 45, np.uint8)]) == 0
    with pytest.raises(ValueError, match="not there"):
        nearest.matcher_on_gpu([descriptors(np.random.default_rng(0), 5)])([(0, 1)])


ON_A_PROCESSOR = """
import numpy as np
from sfm.test_nearest import demand_the_same_on_a_gpu, photos_of_a_place
print(demand_the_same_on_a_gpu(photos_of_a_place(1, (0, 1, 9, 63, 64, 65, 127, 129, 300))))
print(demand_the_same_on_a_gpu([np.full((3, 128), 45, np.uint8), np.zeros((70, 128), np.uint8)]))
"""


def test_the_gpus_source_gives_the_very_matches_on_a_processor(tmp_path: Path) -> None:
    """Kernels and host code, beside a driver that runs a block's threads in turn, and knows the tensor cores' tile."""
    environment = many_threads_gpu(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ON_A_PROCESSOR], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    some, none = map(int, done.stdout.split())
    assert some > 500
    assert none == 0
