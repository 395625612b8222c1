"""Every kernel of our own arrays beside its twin in numpy. Not collected by itself: `test_gpu_array.py` runs it on a
GPU of one thread a block; and where there is a true one, on that:

    pytest tests/render/gpu_kernel_cases.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from render.test_exposure import kernels_are_numpys
from support.colmap_files import ring_cameras
from support.on_own_gpu import GPU, RANDOM, numbers, on_both, photo, same

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.scene import Photo
from splatworker.render import arrays, gpu_kernels
from splatworker.render.arrays import computable, empty_like_row, to_device, to_numpy
from splatworker.render.cpu import CpuRenderer
from splatworker.render.gpu_array import GpuArray
from splatworker.render.ignored import Uncounted, hides, left_out
from splatworker.render.interface import DensityStatistics, GaussianTensors, Ignored, View
from splatworker.render.metrics import psnr
from splatworker.render.own_cuda import OwnCudaRenderer
from splatworker.splat_files.clusters import palette
from splatworker.splat_files.constant_colour import constant_colours
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.train.density_facts import facts_of
from splatworker.train.falloff import Falloff
from splatworker.train.free_space import FreeSpace
from splatworker.train.model import Model
from splatworker.train.resolution import halved
from splatworker.train.silhouettes import Silhouettes
from splatworker.train.views import Views


@pytest.mark.parametrize("shape", [(), (3,), (15, 3), (0, 3)])
def test_rows_are_gathered(shape: tuple[int, ...]) -> None:
    given, index = numbers(50, *shape), RANDOM.integers(0, 50, 70)
    ours, out = to_device(given, GPU), np.empty((70, *shape), np.float32)
    arrays.rows(given, index, out)
    gathered = empty_like_row(ours, 70)
    arrays.rows(ours, arrays.index_of_rows(index, ours), gathered)
    same(gathered, out)
    for mine, theirs in zip(arrays.computable_rows([ours, ours[:50]], index), [out, out], strict=True):
        same(mine, theirs)


def test_what_density_control_has_to_know_of_each_gaussian() -> None:
    scales, norms, views = numbers(3000, 3), abs(numbers(3000)), RANDOM.integers(0, 4, 3000).astype(np.float32)
    scales[::7, 1], scales[3, 2], scales[5], scales[8, 0] = np.nan, np.inf, -np.inf, np.nan
    norms[::11], norms[1] = np.nan, np.inf
    limits = [float(np.float32(0.7)), 0.3, 0.8]
    norms[20], views[20], scales[20] = np.float32(0.7), 1, 0.3  # on the limits
    scales[21] = np.float32(0.8)
    theirs, ours = zip(*(on_both(array) for array in (norms, views, scales)), strict=True)
    facts = facts_of(DensityStatistics(*theirs[:2]), theirs[2], *limits)
    for mine, expected in zip(facts_of(DensityStatistics(*ours[:2]), ours[2], *limits), facts, strict=True):
        same(mine, expected)
        assert 0 < expected.sum() < 3000
    assert [bool(fact[20]) for fact in facts] == [True, True, True]
    assert not facts.fits[[3, 7, 8]].any()


def test_numbers_are_brought_between_bounds() -> None:
    given = np.append(numbers(500), np.array([np.nan, np.inf, -np.inf], np.float32))
    theirs, ours = on_both(given)
    same(ours.clip(-0.5, 0.5), theirs.clip(-0.5, 0.5))
    same(arrays.constant_like(ours, 2.5), arrays.constant_like(theirs, 2.5))


def cameras(count: int = 9) -> list[Camera]:
    return ring_cameras(count)


def test_free_space_is_numpys() -> None:
    points = numbers(400, 3)
    scene = [Photo("", Path(), camera) for camera in cameras()]
    known = Points(points.astype(np.float64), np.zeros((400, 3), np.uint8), np.full(400, 2))
    means = 4 * numbers(3000, 3)
    means[0] = np.nan
    theirs, ours = on_both(means)
    expected = FreeSpace(scene, known, "cpu").holds(theirs)
    same(FreeSpace(scene, known, GPU).holds(ours), expected)
    assert 0 < expected.sum() < 3000


@pytest.mark.parametrize("counted", [False, True])
def test_what_is_outside_of_silhouettes_is_numpys(counted: bool) -> None:
    side = 256
    opacity = RANDOM.random((9, side, side), np.float32)
    counts = RANDOM.random((9, side, side)) < 0.7 if counted else None
    means = 1.5 * numbers(3000, 3)
    theirs, ours = on_both(means)
    expected = Silhouettes(cameras(), opacity, 9, counts).outside(theirs)
    same(Silhouettes(cameras(), opacity, 9, counts, GPU).outside(ours), expected)
    assert 0 < expected.sum() < 3000


def views(width: int, height: int, masked: bool) -> tuple[View, View]:
    camera = Camera(width, height, 50.0, 50.0, width / 2, height / 2, np.eye(4)[:3])
    pixels, mask = on_both(photo(3, height, width)), on_both((photo(height, width) < 30).astype(np.uint8))
    mine, theirs = (
        View(camera, shown, Ignored(hidden, 1.2) if masked else None)
        for shown, hidden in zip(reversed(pixels), reversed(mask), strict=True)
    )
    return mine, theirs


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", [(64, 48), (33, 17), (2, 2)])
def test_halved_photos_are_numpys(size: tuple[int, int], masked: bool) -> None:
    mine, theirs = (halved(view) for view in views(*size, masked))
    same(mine.photo, theirs.photo)
    assert mine.camera.width == theirs.camera.width == size[0] // 2
    if masked:
        assert mine.ignored is not None
        assert theirs.ignored is not None
        same(mine.ignored.pixels, theirs.ignored.pixels)


@pytest.mark.parametrize("masked", [False, True])
def test_photos_over_another_colour_are_numpys(masked: bool) -> None:
    hole, colour = photo(48, 64), RANDOM.random(3, np.float32)
    mine, theirs = views(64, 48, masked)
    holes, colours = on_both(hole), on_both(colour)
    for background in (0, 255):
        here = Views([mine], None, [holes[1]], background)
        there = Views([theirs], None, [holes[0]], background)
        same(here.over(0, colours[1]).photo, there.over(0, colours[0]).photo)
    half, other = here.each(halved).hole(0), there.each(halved).hole(0)
    same(half, other)


def test_photos_in_another_light_are_numpys() -> None:
    gains = RANDOM.uniform(0.4, 2.5, (1, 3))
    mine, theirs = (Views([view]).divided(gains)[0] for view in views(64, 48, masked=False))
    same(mine.photo, theirs.photo)


def test_photos_without_their_lenss_fall_are_numpys() -> None:
    falloff, gains = Falloff(np.array([0.3, 0.1, 0.4])), RANDOM.uniform(0.4, 2.5, (1, 3))
    mine, theirs = (Views([view]).divided(gains, [falloff])[0] for view in views(64, 48, masked=True))
    same(mine.photo, theirs.photo)
    streamed = Views([views(64, 48, masked=False)[1]], GPU)
    plain = Views(list(streamed.as_kept)).divided(gains, [falloff])[0]
    same(streamed.divided(gains, [falloff])[0].photo, to_numpy(plain.photo))


def test_photos_in_main_memory_are_fetched() -> None:
    _, theirs = views(64, 48, masked=False)
    streamed = Views([theirs], GPU)
    assert streamed.streams
    same(streamed[0].photo, theirs.photo)
    same(streamed.each(halved)[0].photo, halved(theirs).photo)


@pytest.mark.parametrize("shape", [(9, 3), (64, 33), (300, 421)])
def test_means_over_areas_are_numpys(shape: tuple[int, int]) -> None:
    theirs, ours = on_both(photo(*shape) // 100)
    for not_zero in (False, True):
        expected = arrays.area_means(theirs, 4, not_zero=not_zero)
        same(arrays.area_means(ours, 4, not_zero=not_zero), expected)


def test_ignored_pixels_are_numpys() -> None:
    mine, theirs = views(64, 48, masked=True)
    assert mine.ignored is not None
    assert theirs.ignored is not None
    picture, ours = on_both(numbers(3, 48, 64))
    same(left_out(ours, mine.ignored, 1.3), left_out(picture, theirs.ignored, 1.3))
    means, on_gpu = on_both(numbers(500, 3) + np.array([0, 0, 1], np.float32))
    expected = hides(means, theirs.camera, theirs.ignored)
    found = hides(on_gpu, mine.camera, mine.ignored)
    same(found, expected)
    assert 0 < expected.sum() < 500
    before, now = numbers(500), numbers(500)
    statistics = [DensityStatistics(*(to_device(before, GPU) for _ in range(2))),
                  DensityStatistics(*(before.copy() for _ in range(2)))]  # fmt: skip
    for each, hidden in zip(statistics, (found, expected), strict=True):
        uncounted = Uncounted(each, hidden)
        for statistic in each:
            statistic[...] = now
        uncounted.put_back()
    for ours, picture in zip(*statistics, strict=True):
        same(ours, picture)


@pytest.mark.parametrize("masked", [False, True])
def test_psnr_is_numpys(masked: bool) -> None:
    mine, theirs = views(301, 203, masked)
    picture, ours = on_both(0.5 + 0.4 * numbers(3, 203, 301))
    hidden = [view.ignored and view.ignored.pixels for view in (mine, theirs)]
    assert psnr(ours, mine.photo, hidden[0]) == pytest.approx(psnr(picture, theirs.photo, hidden[1]), abs=1e-9)


# The model


def test_a_model_is_rebuilt_as_on_a_cpu() -> None:
    shapes = ((3,), (4,), (3,), (), (3,), (15, 3))
    given = [numbers(80, *shape) for shape in shapes]
    added = GaussianTensors(*(numbers(9, *shape) for shape in shapes))
    kept = np.flatnonzero(RANDOM.random(80) < 0.7)
    models = [Model(GaussianTensors(*(to_device(array.copy(), device) for array in given))) for device in (GPU, "cpu")]
    moments = [numbers(80, *shape) for shape in shapes]
    for model in models:
        for array, moment in zip(model.adam.first, moments, strict=True):
            array[...] = moment
        model.rebuild(kept, added)
        model.limit_opacity(0.2)
    mine, theirs = models
    assert len(mine) == len(theirs) == len(kept) + 9
    everything = zip(
        [*mine.parameters, *mine.adam.first, *mine.adam.second, *mine.statistics],
        [*theirs.parameters, *theirs.adam.first, *theirs.adam.second, *theirs.statistics],
        strict=True,
    )
    for ours, expected in everything:
        assert isinstance(ours, GpuArray)
        same(ours, expected)
        assert ours.address % 16 == 0
    assert computable(mine.parameters.means) is not mine.parameters.means


# Small files


def test_the_nearest_entries_are_numpys() -> None:
    for width, size in ((45, 70), (9, 64), (24, 1)):
        points, entries = numbers(700, width), numbers(size, width)
        found = to_numpy(gpu_kernels.nearest(to_device(points, GPU), to_device(entries, GPU)))
        distances = ((points[:, None].astype(np.float64) - entries) ** 2).sum(axis=2)
        lost = distances[np.arange(700), found] - distances.min(axis=1)
        assert lost.max() < 1e-4  # of two that are as near, either


def test_sums_are_the_same_in_any_order() -> None:
    points, masses, labels = (
        numbers(900, 45),
        RANDOM.gamma(1.0, 1.0, 900).astype(np.float32),
        RANDOM.integers(0, 7, 900),
    )
    there = [to_device(array, GPU) for array in (points, masses, labels.astype(np.int32))]
    found = gpu_kernels.sums_of_labels(there[0], there[1], there[2], 8, 2.0**40)
    for label in range(8):
        mine = labels == label
        expected = np.append((points[mine] * masses[mine, None]).sum(axis=0, dtype=np.float64), masses[mine].sum())
        np.testing.assert_allclose(found[label], expected, rtol=1e-5, atol=1e-5)
    order = RANDOM.permutation(900)
    again = [to_device(np.ascontiguousarray(array[order]), GPU) for array in (points, masses, labels.astype(np.int32))]
    np.testing.assert_array_equal(gpu_kernels.sums_of_labels(again[0], again[1], again[2], 8, 2.0**40), found)


def test_a_palette_is_as_good_as_on_a_cpu() -> None:
    vectors, weights = numbers(3000, 45), RANDOM.gamma(1.0, 1.0, 3000).astype(np.float32)
    lost = []
    for where in ("cpu", GPU):
        centroids, labels = palette(vectors, 128, 4, where, weights=weights)
        lost.append(float((weights[:, None] * (centroids[labels] - vectors) ** 2).mean()))
    assert lost[1] == pytest.approx(lost[0], rel=1e-3)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_constant_colours_are_numpys(degree: int) -> None:
    count, rest = 500, (degree + 1) ** 2 - 1
    shapes = ((3,), (4,), (3,), (), (3,), (rest, 3))
    splat = Gaussians(*(numbers(count, *shape) for shape in shapes))
    lines = LinesOfSight(4 * numbers(11, 3), RANDOM.gamma(1.0, 3.0, (11, count)).astype(np.float32))
    stored = splat.sh_rest + 0.1 * numbers(count, rest, 3)
    expected, found = (constant_colours(splat, stored, lines, where) for where in ("cpu", GPU))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 48), (37, 61), (301, 203)])
def test_exposures(size: tuple[int, int]) -> None:
    kernels_are_numpys(size)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_a_backdrop(degree: int) -> None:
    harmonics = 5 * numbers((degree + 1) ** 2, 3)
    nothing = GaussianTensors(*(numbers(0, *shape) for shape in ((3,), (4,), (3,), (), (3,), (0, 3))))
    theirs = GaussianTensors(*(to_device(array, GPU) for array in nothing))
    for camera in ring_cameras(3, 37, 61):
        expected = CpuRenderer(1).render(nothing, camera, harmonics, 0)
        image = to_numpy(OwnCudaRenderer(GPU).render(theirs, camera, to_device(harmonics, GPU), 0))
        assert expected.min() == 0 < expected.max()  # some of it is cut off
        assert np.allclose(image, expected, atol=1e-5)
