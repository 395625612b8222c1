"""The SIFT kernel: its specification's bytes, VLFeat's features, and no picture that it dies of."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.grey_photos import agreement, by_vlfeat, picture
from support.one_thread import one_thread_gpu

from splatworker.sfm import sift_reference
from splatworker.sfm.sift import LONGEST, Features, grey_of, has_gpu_kernel, has_kernel, sift, sift_on_gpu
from splatworker.stages.file_names import find_files

pytestmark = pytest.mark.skipif(not has_kernel(), reason="this installation has no SIFT kernel")

EVERYTHING = 100_000


def same(a: Features, b: Features) -> bool:
    return np.array_equal(a.keypoints, b.keypoints) and np.array_equal(a.descriptors, b.descriptors)


@pytest.mark.parametrize(
    ("seed", "height", "width", "first_octave"),
    [(0, 101, 150, 0), (1, 64, 64, -1), (2, 33, 200, 0), (3, 129, 31, 0), (4, 40, 47, -1)],
)
def test_the_kernel_gives_its_specifications_very_bytes(seed: int, height: int, width: int, first_octave: int) -> None:
    grey = picture(seed, height, width)
    found = sift(grey, first_octave, EVERYTHING)
    assert len(found.keypoints) > 20
    assert same(found, sift_reference.sift(grey, first_octave, EVERYTHING))


@pytest.mark.parametrize(("height", "width"), [(3, 90), (90, 3), (4, 8), (9, 16), (17, 10), (24, 7)])
def test_the_same_of_small_and_narrow_pictures(height: int, width: int) -> None:
    for seed in range(3):
        grey = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
        for first_octave in (0, -1):
            found = sift(grey, first_octave, EVERYTHING)
            assert same(found, sift_reference.sift(grey, first_octave, EVERYTHING))


@pytest.mark.parametrize("first_octave", [0, -1])
def test_the_features_are_those_of_vlfeat(first_octave: int) -> None:
    grey = picture(7, 240, 320)
    found = sift(grey, first_octave, EVERYTHING)
    alike = agreement(by_vlfeat(grey, first_octave), found.keypoints, found.descriptors)
    assert alike.found > 0.99
    assert alike.turned > 0.98
    assert alike.cosines.mean() > 0.999
    assert alike.cosines[len(alike.cosines) // 20] > 0.999
    assert abs(alike.more) < 0.02


@pytest.mark.real
@pytest.mark.parametrize("name", ["fox", "sceaux", "banana", "conch", "brighton", "lund", "sacre_coeur"])
@pytest.mark.parametrize("first_octave", [0, -1])
def test_the_features_of_real_photos_are_those_of_vlfeat(
    real_set: Callable[[str], Path], name: str, first_octave: int
) -> None:
    with Image.open(find_files(real_set(name)).files[3]) as photo:
        photo.thumbnail((1000, 1000))
        grey = np.asarray(photo.convert("L"))
    found = sift(grey, first_octave, EVERYTHING)
    alike = agreement(by_vlfeat(grey, first_octave), found.keypoints, found.descriptors)
    assert alike.found > 0.99
    assert alike.turned > 0.98
    assert alike.cosines.mean() > 0.999
    assert alike.cosines[len(alike.cosines) // 20] > 0.999


def test_a_number_of_features_is_exactly_that_and_the_coarsest() -> None:
    grey = picture(5, 150, 200)
    everything = sift(grey, 0, EVERYTHING)
    count = len(everything.keypoints)
    assert count > 150
    for most in (1, 2, 99, 100, count - 1, count, count + 1):
        some = sift(grey, 0, most)
        assert len(some.keypoints) == min(most, count)
        assert same(some, Features(everything.keypoints[:most], everything.descriptors[:most]))
    scales = everything.keypoints[:, 2]
    # A level's scales are within 2^(1.5/3) of its own, so those of a level three below are smaller than all of it.
    assert scales[: count // 10].min() > scales[-count // 10 :].max()


def test_threads_and_runs_change_nothing() -> None:
    pictures = [picture(seed, 120, 160) for seed in range(4)] * 3
    one_by_one = [sift(grey, -1, 500) for grey in pictures]
    for threads in (2, 7):
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda grey: sift(grey, -1, 500), pictures))
        assert all(same(a, b) for a, b in zip(found, one_by_one, strict=True))


def test_every_instruction_set_gives_the_same(tmp_path: Path) -> None:
    grey = picture(11, 203, 301)
    np.save(tmp_path / "grey.npy", grey)
    code = (
        "import sys, numpy as np; from splatworker import _features; from splatworker.sfm.sift import sift\n"
        "assert _features.instruction_set() == 'baseline'\n"
        "found = sift(np.load(sys.argv[1]), -1, 5000)\n"
        "np.savez(sys.argv[2], keypoints=found.keypoints, descriptors=found.descriptors)"
    )
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "grey.npy", tmp_path / "plain.npz"],
        env=dict(os.environ, SPLATWORKER_ISA="baseline"),
        check=True,
    )
    plain, found = np.load(tmp_path / "plain.npz"), sift(grey, -1, 5000)
    assert len(found.keypoints) > 500
    assert same(found, Features(plain["keypoints"], plain["descriptors"]))


@pytest.mark.parametrize(("first_octave", "digest"), [(0, "c6d059c0fdba1fcd"), (-1, "495fd4305de54dee")])
def test_the_bytes_are_those_that_every_processor_gave(first_octave: int, digest: str) -> None:
    """x86-64 with AVX2, without, and arm64. Whoever changes what is found, and so the specification, changes these."""
    rng = np.random.default_rng(0)
    layers = [np.kron(rng.integers(0, 256, (200 // n, 300 // n)), np.ones((n, n), int))[:160, :240] for n in (4, 9, 20)]
    found = sift((np.sum(layers, axis=0) // 3).astype(np.uint8), first_octave, 700)
    assert len(found.keypoints) > 200
    data = found.keypoints.astype("<f4").tobytes() + found.descriptors.tobytes()
    assert hashlib.sha256(data).hexdigest()[:16] == digest


def odd_pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    return {
        "one pixel": np.full((1, 1), 200, np.uint8),
        "a row": rng.integers(0, 256, (1, 500), dtype=np.uint8),
        "a column": rng.integers(0, 256, (500, 1), dtype=np.uint8),
        "two rows": rng.integers(0, 256, (2, 77), dtype=np.uint8),
        "a long strip": rng.integers(0, 256, (3, LONGEST), dtype=np.uint8),
        "a tall strip": rng.integers(0, 256, (LONGEST, 3), dtype=np.uint8),
        "black": np.zeros((70, 90), np.uint8),
        "white": np.full((70, 90), 255, np.uint8),
        "noise": rng.integers(0, 256, (97, 113), dtype=np.uint8),
        "black and white noise": (rng.integers(0, 2, (90, 90)) * 255).astype(np.uint8),
        "a chessboard": ((y // 8 + x // 8) % 2 * 255).astype(np.uint8),
        "a chessboard of pixels": ((y + x) % 2 * 255).astype(np.uint8),
        "a slope": (x * 4).astype(np.uint8),
        "one dot": np.where((y == 31) & (x == 31), 255, 0).astype(np.uint8),
        "dots at the corners": np.where((y % 63 == 0) & (x % 63 == 0), 255, 0).astype(np.uint8),
    }


@pytest.mark.parametrize("name", odd_pictures())
@pytest.mark.parametrize("first_octave", [0, -1])
def test_an_odd_picture_has_features_or_none_and_numbers_in_any_case(name: str, first_octave: int) -> None:
    grey = odd_pictures()[name]
    found = sift(grey, first_octave, EVERYTHING)
    x, y, scale, cosine, sine = found.keypoints.T
    assert np.isfinite(found.keypoints).all()
    assert len(found.keypoints) == len(found.descriptors)
    assert np.all((x >= 0.5) & (x <= grey.shape[1] + 0.5) & (y >= 0.5) & (y <= grey.shape[0] + 0.5))
    assert np.all((scale > 0.8) & (scale < 64))
    assert np.allclose(cosine**2 + sine**2, 1, atol=1e-6)
    lengths = np.linalg.norm(found.descriptors.astype(float), axis=1)
    # A rounding error of up to half in each of 128 entries; entries above 255 are cut off.
    assert np.all((lengths < 512 + 6) & ((lengths > 512 - 6) | (found.descriptors == 255).any(axis=1)))
    if name in ("one pixel", "a row", "a column", "black", "white"):
        assert len(x) == 0


def test_grey_is_rec_709s() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (50, 61, 3), dtype=np.uint8)
    weighed = rgb.astype(float) @ [0.2126, 0.7152, 0.0722]
    assert np.abs(grey_of(rgb) - weighed).max() < 0.5 + 0.003  # rounded; weights are off by 1 / 131072 at most
    assert grey_of(np.full((1, 1, 3), 255, np.uint8)) == 255


def test_transposed_and_strided_arrays_are_taken_as_they_look() -> None:
    grey = picture(2, 100, 140)
    assert same(sift(np.asfortranarray(grey), 0, 300), sift(grey, 0, 300))
    assert same(sift(np.repeat(grey, 2, axis=1)[:, ::2], 0, 300), sift(grey, 0, 300))


@pytest.mark.parametrize(
    ("shape", "first_octave", "most", "message"),
    [
        ((0, 10), 0, 1, "pixels"),
        ((10, 0), 0, 1, "pixels"),
        ((1, LONGEST + 1), 0, 1, "pixels"),
        ((10, 10), 1, 1, "octave"),
        ((10, 10), -2, 1, "octave"),
        ((10, 10), 0, 0, "feature"),
    ],
)
def test_what_cannot_be_is_refused(shape: tuple[int, int], first_octave: int, most: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sift(np.zeros(shape, np.uint8), first_octave, most)
    with pytest.raises(TypeError):
        sift(np.zeros((10, 10), np.float32), 0, 1)


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu_kernel(), reason="there is no GPU, or there are no kernels for it")
@pytest.mark.parametrize("first_octave", [0, -1])
def test_a_gpu_gives_the_very_bytes_every_time(first_octave: int) -> None:
    for seed, (height, width) in enumerate([(240, 320), (101, 150), (33, 200), (3, 90), (1, 1), (1067, 1600)]):
        grey = picture(seed, height, width)
        for most in (EVERYTHING, 77):
            expected = sift(grey, first_octave, most)
            assert all(same(sift_on_gpu(grey, first_octave, most), expected) for _ in range(3))
    with ThreadPoolExecutor(4) as pool:
        pictures = [picture(seed, 120, 160) for seed in range(8)]
        found = pool.map(lambda grey: sift_on_gpu(grey, first_octave, 500), pictures)
        assert all(same(some, sift(grey, first_octave, 500)) for some, grey in zip(found, pictures, strict=True))


ON_ONE_THREAD = """
import sys, numpy as np
from splatworker.sfm.sift import has_gpu_kernel, sift, sift_on_gpu
assert has_gpu_kernel()
for grey in np.load(sys.argv[1]).values():
    for first_octave, most in ((0, 100_000), (-1, 100_000), (-1, 37)):
        ours, theirs = sift(grey, first_octave, most), sift_on_gpu(grey, first_octave, most)
        assert np.array_equal(ours.keypoints, theirs.keypoints)
        assert np.array_equal(ours.descriptors, theirs.descriptors)
        print(len(ours.keypoints))
"""


def test_the_gpus_source_gives_the_very_bytes_on_a_processor(tmp_path: Path) -> None:
    """Kernels and host code, beside a driver that runs a thread a block; how many run at once is left to a real GPU."""
    environment = one_thread_gpu(tmp_path)
    shapes = [(101, 150), (64, 64), (33, 200), (3, 90), (90, 3), (5, 7), (1, 1)]
    np.savez(tmp_path / "pictures.npz", *(picture(seed, *shape) for seed, shape in enumerate(shapes)))
    done = subprocess.run(
        [sys.executable, "-c", ON_ONE_THREAD, tmp_path / "pictures.npz"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sum(map(int, done.stdout.split())) > 500
