"""Which photos look alike: one vector a photo, pooled from the descriptors that are there already.

VLAD (Jegou et al. 2010, "Aggregating local descriptors into a compact image representation"): descriptors are
assigned to the nearest of a few visual words, and their residuals summed a word. Words are learned from the photos
themselves, so nothing is downloaded; residuals are normalised a word (Arandjelovic & Zisserman 2013, "All about
VLAD"), which keeps one repeated texture from drowning the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.sfm.colmap import pycolmap

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_WORDS = 64
_TRAINING_DESCRIPTORS = 20_000
_ITERATIONS = 8
_PER_PHOTO = 2_000
"""Descriptors of a photo that enter its vector: more change it little."""


def read_descriptors(database: Path, most: int = _PER_PHOTO) -> list[Bytes]:
    """Descriptors, (n, 128), of each photo in the order of ids; at most `most` of them, evenly spread."""
    result = []
    with pycolmap.Database.open(database) as opened:
        for image_id in sorted(image.image_id for image in opened.read_all_images()):
            stored = np.asarray(opened.read_descriptors(image_id).data)
            chosen = stored[np.linspace(0, len(stored) - 1, min(most, len(stored))).astype(int)]
            result.append(chosen.reshape(-1, 128))
    return result


def similarities(descriptors: Sequence[Bytes], seed: int = 0, threads: int = 1) -> Floats:
    """(N, N) cosine similarities of N photos' VLAD vectors; 0 for photos without descriptors."""
    everything = np.concatenate(list(descriptors))
    if not len(everything):
        return np.zeros((len(descriptors), len(descriptors)), np.float32)
    words = _learn_words(everything, np.random.default_rng(seed))
    with ThreadPoolExecutor(threads) as pool:
        vectors = np.stack(list(pool.map(lambda photo: _vlad(_unit_rows(photo), words), descriptors)))
    vectors = _unit_rows(vectors - vectors.mean(axis=0))  # what all photos share tells none apart
    return np.asarray(vectors @ vectors.T, dtype=np.float32)


def _learn_words(descriptors: Bytes, rng: np.random.Generator) -> Floats:
    """(K, 128) centers of K-means on a sample (Lloyd's iteration; an empty cluster keeps its center)."""
    sample = _unit_rows(descriptors[rng.permutation(len(descriptors))[:_TRAINING_DESCRIPTORS]])
    words = sample[: min(_WORDS, len(sample))].copy()
    for _ in range(_ITERATIONS):
        nearest = _nearest_word(sample, words)
        for word in range(len(words)):
            if (members := sample[nearest == word]).size:
                words[word] = members.mean(axis=0)
    return words


def _nearest_word(descriptors: Floats, words: Floats) -> npt.NDArray[np.intp]:
    return np.asarray((descriptors @ words.T - 0.5 * (words**2).sum(axis=1)).argmax(axis=1))


def _vlad(descriptors: Floats, words: Floats) -> Floats:
    """(K * 128,) residual sums, normalised a word."""
    sums = np.zeros_like(words)
    nearest = _nearest_word(descriptors, words)
    order = np.argsort(nearest, kind="stable")
    ordered = nearest[order]
    if len(begins := np.flatnonzero(np.diff(ordered, prepend=-1))):  # in a sixth of the time that `add.at` takes
        sums[ordered[begins]] = np.add.reduceat((descriptors - words[nearest])[order], begins, axis=0)
    return _unit_rows(sums).ravel()


def _unit_rows(rows: Floats | Bytes) -> Floats:
    rows = rows.astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)
