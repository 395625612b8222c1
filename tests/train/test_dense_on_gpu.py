"""Dense start points by a GPU's kernels: the same bits as by processors.

Here on stand-ins for a GPU: of many threads below, for sweeps; of one thread a block in `own_gpu_cases.py`, for all.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import painted_plane
from support.many_threads import many_threads_gpu
from train.test_plane_sweep import OTHERS, textured

from splatworker.formats.colmap import Points
from splatworker.render.arrays import to_device
from splatworker.render.gpu_array import OwnGpu
from splatworker.render.interface import Ignored, View
from splatworker.train import dense_points
from splatworker.train.neighbours import searches
from splatworker.train.plane_sweep import UNKNOWN, Picture, depth_map, planned

FEW = [((7, 7), [0]), ((41, 9), [1, 2, 3]), ((83, 62), [0, 1])]
MORE = [*FEW, ((8, 23), [3]), ((64, 48), [4]), ((39, 23), [0, 1, 3, 4]), ((320, 210), [0, 1, 2, 3])]
"""The size of a picture, and which of `OTHERS` it is compared with."""


def pictures_of(size: tuple[int, int], chosen: Sequence[int], seed: int) -> list[Picture]:
    """A picture, and behind it those that it is compared with."""
    others = [textured(*OTHERS[of][:2], seed + 1 + of, *OTHERS[of][2:], "cpu") for of in chosen]
    return [textured(*size, seed, 0.0, 0.0, "cpu"), others[0]._replace(grey=others[0].grey + 0.3), *others[1:]]


def sweeps_are_processors(cases: Sequence[tuple[tuple[int, int], list[int]]], seeds: Sequence[int]) -> None:
    """Sweeps of several photos in one go, by the GPU's kernel, have the bits of the kernel for processors."""
    from splatworker import _cuda

    gpu, near, far = OwnGpu(0), 0.9, 8.0
    given: list[Any] = []
    sweeps: list[Any] = []
    kept, expected = [], []
    for size, chosen in cases:
        for seed in seeds:
            one, *others = pictures_of(size, chosen, seed)
            first = len(given)
            for picture in (one, *others):
                shape = picture.grey.shape
                arrays = [to_device(picture.grey, gpu)]
                arrays += [to_device(np.full(shape, value, np.float32), gpu) for value in (1.0, UNKNOWN)]
                arrays += [to_device(np.zeros(shape, np.uint8), gpu)]
                kept.append(arrays)
                grey, *found = (array.address for array in arrays)
                given.append((*shape, grey, 0, *found))
            plan = planned(one.camera, [other.camera for other in others], near, far)
            moves = [(first + 1 + index, move.numbers) for index, move in enumerate(plan.moves)]
            begin, second = plan.inverse[:2].tolist()
            sweeps.append((first, moves, plan.depths.tolist(), begin, second - begin))
            expected.append((first, depth_map(one, others, near, far)))
    _cuda.plane_sweep(0, given, sweeps)
    for first, theirs in expected:
        for ours, processors in zip(kept[first][1:], theirs, strict=True):
            np.testing.assert_array_equal(ours.numpy(), processors)
    assert any((theirs.score > UNKNOWN).any() for _, theirs in expected)


def scene(size: tuple[int, int], seed: int) -> tuple[list[View], Points]:
    """Photos of a painted plane, one with a part ignored, one that looks away, one of another size; its points."""
    dice = np.random.default_rng(seed)
    places = [(-0.6, 0.0), (-0.2, 0.1), (0.2, -0.1), (0.6, 0.05), (0.0, 0.3)]
    cameras = [painted_plane.camera(x, y, *size) for x, y in places]
    cameras += [
        painted_plane.camera(0.1, 0.1, *size, turn=np.pi),
        painted_plane.camera(0.3, 0.2, size[0] - 11, size[1]),
    ]
    larger = max(size) / 80  # as wide an angle for every size
    views = []
    for index, camera in enumerate(replace(one, fx=larger * one.fx, fy=larger * one.fy) for one in cameras):
        photo = painted_plane.photo(camera).astype(np.float64)
        photo = (photo + dice.normal(0, 6, photo.shape)).clip(0, 255).astype(np.uint8)
        hidden = np.zeros(photo.shape[1:], np.uint8)
        hidden[:, size[0] // 2 :] = 1
        views.append(View(camera, photo, Ignored(hidden, 2.0) if index == 1 else None))
    xyz = painted_plane.points(seed=seed)
    return views, Points(xyz, np.zeros((len(xyz), 3), np.uint8), np.full(len(xyz), 2))


def on_gpu(views: Sequence[View]) -> list[View]:
    """The same in a GPU's memory of our own."""
    gpu = OwnGpu(0)
    return [
        View(
            view.camera,
            to_device(view.photo, gpu),
            view.ignored and view.ignored._replace(pixels=to_device(view.ignored.pixels, gpu)),
        )
        for view in views
    ]


def never(sentence: str) -> None:
    raise AssertionError(sentence)


def start_points_are_processors(size: tuple[int, int], seed: int) -> None:
    """All that leads to dense start points on a GPU has the bits of processors."""
    views, points = scene(size, seed)
    found = []
    for those in (views, on_gpu(views)):
        small = dense_points._smaller(those)
        judged = dense_points._judged(small, searches([view.camera for view in small], points.xyz), never)
        found.append((judged, dense_points.dense_points(those, points, 400, never)))
    (theirs, their_points), (ours, our_points) = found
    assert [one is None for one in ours] == [one is None for one in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        if mine is not None and other is not None:
            for of in ("depth", "two_view", "believed", "fresh"):
                np.testing.assert_array_equal(getattr(mine, of), getattr(other, of))
    fresh = [one.fresh.sum() / max(1, one.believed.sum()) for one in theirs if one is not None]
    assert fresh[0] == 1 > min(fresh)
    np.testing.assert_array_equal(our_points.points.xyz, their_points.points.xyz)
    np.testing.assert_array_equal(our_points.points.rgb, their_points.points.rgb)
    assert our_points[1:] == their_points[1:]
    assert our_points.coverage > 0.1
    assert len(our_points.points.xyz) == 400


def test_sweeps_of_many_threads(tmp_path: Path) -> None:
    """All threads of a block, one after the other, on a stand-in for a GPU: what they tell each other is in time."""
    told = f"from train.test_dense_on_gpu import sweeps_are_processors\nsweeps_are_processors({FEW}, [0])"
    done = subprocess.run(
        [sys.executable, "-c", told], env=many_threads_gpu(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.gpu
def test_sweeps_of_a_gpu() -> None:
    demand_gpu()
    sweeps_are_processors(MORE, [0, 1, 2])


@pytest.mark.gpu
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("size", [(80, 60), (97, 131), (640, 480), (901, 677)])
def test_start_points_of_a_gpu(size: tuple[int, int], seed: int) -> None:
    demand_gpu()
    start_points_are_processors(size, seed)


def demand_gpu() -> None:
    from splatworker.render.backend import cuda_refusal

    if cuda_refusal()[0]:
        pytest.skip("no NVIDIA GPU here")
