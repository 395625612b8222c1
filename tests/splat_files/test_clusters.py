"""Codebooks and palettes: nearest entries, and nothing lost where there is room for all."""

from __future__ import annotations

import numpy as np
import torch

from splatworker.splat_files.clusters import CODEBOOK_SIZE, codebook, palette

CPU = torch.device("cpu")


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


def test_a_palette_as_large_as_its_vectors_has_them_all() -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 9)).astype(np.float32)
    centroids, labels = palette(vectors, 40, 3, CPU)
    np.testing.assert_allclose(centroids[labels], vectors, atol=1e-6)


def test_what_counts_more_is_met_better() -> None:
    vectors = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    weights = np.where(np.arange(400) < 40, 100.0, 0.01).astype(np.float32)
    centroids, labels = palette(vectors, 40, 5, CPU, weights=weights)
    lost = np.linalg.norm(centroids[labels] - vectors, axis=1)
    assert lost[:40].mean() < 0.3 * lost[40:].mean()
    again, same = palette(vectors, 40, 5, CPU, weights=weights)
    np.testing.assert_array_equal(labels, same)
    np.testing.assert_array_equal(centroids, again)
