"""Codebooks and palettes: nearest entries, and nothing lost where there is room for all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from support.kinds import on_either

from splatworker import _cpu
from splatworker.render.arrays import Device
from splatworker.splat_files.clusters import CODEBOOK_SIZE, codebook, palette


def test_few_numbers_are_all_in_the_codebook() -> None:
    values = np.array([[-1.0, 0.0], [2.0, 0.0]], np.float32)
    entries, index = codebook(values)
    assert entries.shape == (CODEBOOK_SIZE,)
    assert (np.diff(entries) >= 0).all()
    np.testing.assert_allclose(entries[index], values, atol=1e-4)


def test_one_number_is_every_entry() -> None:
    entries, index = codebook(np.full(5, 3.5, np.float32))
    assert (entries == 3.5).all()
    assert not index.any()


def test_every_value_gets_its_nearest_entry_and_the_mean_error_is_small() -> None:
    values = np.random.default_rng(0).normal(size=20_000).astype(np.float32)
    entries, index = codebook(values)
    errors = np.abs(values[:, None] - entries[None])
    np.testing.assert_allclose(np.abs(values - entries[index]), errors.min(axis=1), atol=1e-6)
    assert np.sqrt(np.mean((values - entries[index]) ** 2)) < 0.01


@on_either
def test_a_palette_as_large_as_its_vectors_has_them_all(device: Device) -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 9)).astype(np.float32)
    centroids, labels = palette(vectors, 40, 3, device)
    np.testing.assert_allclose(centroids[labels], vectors, atol=1e-6)


@on_either
def test_what_counts_more_is_met_better(device: Device) -> None:
    vectors = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    weights = np.where(np.arange(400) < 40, 100.0, 0.01).astype(np.float32)
    centroids, labels = palette(vectors, 40, 5, device, weights=weights)
    lost = np.linalg.norm(centroids[labels] - vectors, axis=1)
    assert lost[:40].mean() < 0.3 * lost[40:].mean()
    again, same = palette(vectors, 40, 5, device, weights=weights)
    np.testing.assert_array_equal(labels, same)
    np.testing.assert_array_equal(centroids, again)


def test_both_kinds_of_arrays_give_the_same_palette() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(3000, 45)).astype(np.float32)
    weights = random.gamma(1.0, 1.0, 3000).astype(np.float32)
    ours, theirs = (palette(vectors, 128, 4, device, weights=weights) for device in ("cpu", torch.device("cpu")))
    assert (ours[1] == theirs[1]).mean() > 0.999  # a tie may end either way, by the last bits of a sum
    np.testing.assert_allclose(ours[0], theirs[0], atol=0.01)


def distances(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    return np.asarray(((points[:, None].astype(float) - centroids) ** 2).sum(axis=2))


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize(
    ("points", "centroids", "width"), [(1, 1, 1), (7, 5, 3), (50, 33, 9), (65, 64, 24), (301, 130, 45), (0, 3, 3)]
)
def test_the_nearest_is_the_nearest(
    points: int, centroids: int, width: int, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATWORKER_ISA", isa)
    random = np.random.default_rng(points)
    some, others = (random.normal(size=(count, width)).astype(np.float32) for count in (points, centroids))
    found = [np.full(points, -1, np.int32) for _ in range(2)]
    for labels, threads in zip(found, (1, 3), strict=True):
        _cpu.nearest(some, others, threads, labels)
    np.testing.assert_array_equal(found[0], found[1])
    every = distances(some, others)
    np.testing.assert_allclose(every[np.arange(points), found[0]], every.min(axis=1, initial=np.inf), atol=1e-4)


def test_of_equally_near_ones_the_first_is_taken() -> None:
    centroids = np.ones((70, 4), np.float32)
    centroids[:3] = 5.0
    labels = np.empty(13, np.int32)
    _cpu.nearest(np.zeros((13, 4), np.float32), centroids, 2, labels)
    assert (labels == 3).all()


@pytest.mark.parametrize(
    ("points", "centroids", "labels"),
    [
        ((4, 3), (0, 3), (4,)),
        ((4, 3), (2, 4), (4,)),
        ((4, 3), (2, 3), (3,)),
        ((4, 2000), (2, 2000), (4,)),
        ((4,), (4,), (4,)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    points: tuple[int, ...], centroids: tuple[int, ...], labels: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        _cpu.nearest(np.zeros(points, np.float32), np.zeros(centroids, np.float32), 1, np.zeros(labels, np.int32))


def test_what_fills_up_the_kernels_rows_is_nearest_to_nothing() -> None:
    """Vectors whose squares are beyond float32 are nearest to some centroid, too: what comes out is an index."""
    for value in (1e20, -1e38, np.inf, np.nan):
        points, centroids = np.full((7, 9), value, np.float32), np.full((3, 9), value, np.float32)
        found = np.full(7, -1, np.int32)
        _cpu.nearest(points, centroids, 1, found)
        assert ((found >= 0) & (found < 3)).all(), value


@pytest.mark.parametrize(("rows", "labels", "width"), [(0, 3, 2), (1, 1, 1), (50, 7, 1), (3000, 40, 45)])
def test_sums_are_those_of_a_product_of_matrices(rows: int, labels: int, width: int) -> None:
    """Bit for bit SciPy's, and numpy's: each sum goes in the order of the rows, whatever lies between."""
    random = np.random.default_rng(rows)
    some = (random.normal(size=(rows, width)) * 10.0 ** random.integers(-6, 6, (rows, 1))).astype(np.float32)
    kinds = random.integers(0, labels, rows).astype(np.int32)
    sums, plain = np.full((labels, width), np.nan, np.float32), np.zeros((labels, width), np.float32)
    _cpu.sums_of_labels(some, kinds, sums)
    np.add.at(plain, kinds, some)
    whose = sparse.csc_array((np.ones(rows, np.float32), kinds, np.arange(rows + 1)), shape=(labels, rows))
    np.testing.assert_array_equal(sums, whose @ some)
    np.testing.assert_array_equal(sums, plain)


@pytest.mark.parametrize(
    ("rows", "labels", "sums"),
    [
        ((4, 3), [0, 1, 2, 0], (2, 3)),
        ((4, 3), [0, -1, 1, 0], (2, 3)),
        ((4, 3), [0, 1, 0], (2, 3)),
        ((1, 3), [0], (2, 2)),
    ],
)
def test_sums_of_what_does_not_fit_are_refused(rows: tuple[int, int], labels: list[int], sums: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"."):
        _cpu.sums_of_labels(np.zeros(rows, np.float32), np.array(labels, np.int32), np.zeros(sums, np.float32))
