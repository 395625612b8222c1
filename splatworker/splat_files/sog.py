"""SOG, version 2: PlayCanvas's splat as a zip of lossless WebP images, a fifteenth to a twentieth of the PLY.

The specification is https://developer.playcanvas.com/user-manual/gaussian-splatting/formats/sog/. A pixel is a
Gaussian, row by row:

    means_l, means_u        low and high byte of a 16-bit position, in sign(x) log(1 + |x|) between mins and maxs
    quats                   the three smaller of w, x, y, z, from -1/sqrt(2) to 1/sqrt(2); alpha: 252 + which is largest
    scales                  three indices into a codebook of 256 log scales
    sh0                     three indices into a codebook of 256 sh_dc, and opacity
    shN_labels              low and high byte of an index into a palette of harmonics
    shN_centroids           the palette, 64 entries a row: a pixel a coefficient, its three indices into a codebook

A splat that is to be drawn with antialiasing says so as its `model` in meta.json, which PlayCanvas's tools read.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.formats.atomic import atomic_file
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Device
from splatworker.render.device import is_gpu
from splatworker.splat_files import smallest_three
from splatworker.splat_files.clusters import codebook, palette
from splatworker.splat_files.constant_colour import constant_colours
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.morton import morton_order
from splatworker.splat_files.sog_reader import (  # noqa: F401 - both ways by one name
    ANTIALIASED,
    QUATERNION_TAG,
    VERSION,
    read_sog,
)

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]

PALETTE_ROW = 64
LARGEST_PALETTE = 65_536
LEAST_PALETTE = 1024

GPU_ROUNDS = 10
CPU_ROUNDS = 4
CPU_DISTANCES = 2e9
"""How many distances the clustering may take in all on a CPU: some seconds on two cores. The palette shrinks for it."""

UNSEEN_WEIGHT = 1e-3
"""Pixels: how much a Gaussian that nobody sees counts in the palette."""

GAUSSIANS_AN_ENTRY = 32
"""Gaussians that share an entry of the palette, on average: the file is then a sixteenth of the PLY."""


def write_sog(
    path: Path, gaussians: Gaussians, device: Device, stage: str = "export", *, lines: LinesOfSight | None = None
) -> None:
    """Write finite Gaussians, at least one, whole or not at all, in Z order.

    Args:
        device: where the harmonics are clustered: seconds on a GPU; on a CPU a smaller palette, and a coarser file.
        lines: from where they are seen, and how much of each, if that is known: what shows much gets the entries of the
            palette, and the constant colours make up for what the harmonics lose towards the cameras.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    order = morton_order(gaussians.means)
    gaussians, lines = take(gaussians, order), lines.of(order) if lines is not None else None
    count, sh_dc = len(gaussians), gaussians.sh_dc
    harmonics = _harmonics(gaussians, device, lines) if gaussians.sh_degree else None
    if harmonics is not None and lines is not None:
        sh_dc = constant_colours(gaussians, harmonics.stored, lines, device)
    low, high, positions = _positions(gaussians.means)
    scale_values, scales = codebook(gaussians.log_scales)
    colour_values, colours = codebook(sh_dc)
    largest, small = smallest_three.pack(list(gaussians.quaternions.T))
    rotations = _to_bytes(small.T * smallest_three.LARGEST_SMALL + np.float32(0.5))
    pixels: dict[str, ByteArray] = {
        "means_l": (positions & 255).astype(np.uint8),
        "means_u": (positions >> 8).astype(np.uint8),
        "scales": scales,
        "quats": np.concatenate([rotations, largest[:, None] + np.uint8(QUATERNION_TAG)], axis=1),
        "sh0": np.concatenate([colours, _to_bytes(gaussians.opacities[:, None])], axis=1),
    }
    meta: dict[str, Any] = {
        "version": VERSION,
        "asset": {"generator": "splatworker"},
        "count": count,
        **({"model": ANTIALIASED} if gaussians.antialiased else {}),
        "means": {"mins": low.tolist(), "maxs": high.tolist(), "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": scale_values.tolist(), "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": colour_values.tolist(), "files": ["sh0.webp"]},
    }
    images = {}
    if harmonics is not None:
        meta["shN"] = harmonics.description | {"files": ["shN_centroids.webp", "shN_labels.webp"]}
        pixels["shN_labels"], images["shN_centroids"] = harmonics.labels, harmonics.picture
    width = 4 * math.ceil(math.sqrt(count) / 4)
    images |= {name: _rows(values, width) for name, values in pixels.items()}
    with ThreadPoolExecutor(available_cpus()) as pool:
        encoded = list(pool.map(_webp, images.values()))
    members = {"meta.json": json.dumps(meta).encode()}
    members |= {f"{name}.webp": data for name, data in zip(images, encoded, strict=True)}
    with atomic_file(path, stage) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as bundle:
        for name, data in members.items():
            bundle.writestr(zipfile.ZipInfo(name), data)  # a fixed date: the same splat gives the same file


def _positions(means: FloatArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.uint16]]:
    """Least and greatest of the logarithmic positions, (3,) each, and (N, 3) the positions between them."""
    logs = np.copysign(np.log1p(np.abs(means)), means)
    low, high = logs.min(axis=0), logs.max(axis=0)
    shares = (logs - low).astype(np.float64) / np.maximum(high - low, np.finfo(np.float32).tiny)
    return low, high, np.rint(shares * 65_535).astype(np.uint16)


def palette_size(count: int, device: Device) -> int:
    """How many entries the palette of `count` Gaussians has: whole rows of its picture, where there are so many."""
    size = min(LARGEST_PALETTE, max(LEAST_PALETTE, count // GAUSSIANS_AN_ENTRY))
    if not is_gpu(device):
        size = min(size, int(CPU_DISTANCES / (count * (CPU_ROUNDS + 1))))
    return min(count, max(PALETTE_ROW, size // PALETTE_ROW * PALETTE_ROW))


class _Harmonics(NamedTuple):
    """Harmonics by a palette: description, (N, 3) labels, the palette's picture, (N, K - 1, 3) what the file has."""

    description: dict[str, Any]
    labels: ByteArray
    picture: ByteArray
    stored: FloatArray


def _harmonics(gaussians: Gaussians, device: Device, lines: LinesOfSight | None) -> _Harmonics:
    coefficients = gaussians.sh_rest.shape[1]
    size = palette_size(len(gaussians), device)
    rounds = GPU_ROUNDS if is_gpu(device) else CPU_ROUNDS
    vectors = gaussians.sh_rest.reshape(len(gaussians), -1)
    weights = None if lines is None else lines.weights.sum(axis=0) + np.float32(UNSEEN_WEIGHT)
    centroids, labels = palette(vectors, size, rounds, device, weights=weights)
    values, entries = codebook(centroids)
    rows = math.ceil(size / PALETTE_ROW)
    picture = np.zeros((rows * PALETTE_ROW, coefficients, 3), np.uint8)
    picture[:size] = entries.reshape(size, coefficients, 3)
    description = {"count": size, "bands": gaussians.sh_degree, "codebook": values.tolist()}
    low_high = np.stack([labels & 255, labels >> 8, np.zeros_like(labels)], axis=1).astype(np.uint8)
    stored = values[picture[:size]][labels]
    return _Harmonics(description, low_high, picture.reshape(rows, PALETTE_ROW * coefficients, 3), stored)


def _to_bytes(shares: FloatArray) -> ByteArray:
    return np.clip(np.rint(shares * 255), 0, 255).astype(np.uint8)


def _rows(values: ByteArray, width: int) -> ByteArray:
    """(N, C) pixels as a (H, width, C) picture, filled up with zeros."""
    height = math.ceil(len(values) / width)
    picture = np.zeros((height * width, values.shape[1]), np.uint8)
    picture[: len(values)] = values
    return picture.reshape(height, width, values.shape[1])


def _webp(picture: ByteArray) -> bytes:
    buffer = io.BytesIO()
    # exact: the colours of pixels with alpha 0 are data too. More effort than this takes 100 times longer for 0.2 %.
    Image.fromarray(picture).save(buffer, "WEBP", lossless=True, exact=True, method=1, quality=20)
    return buffer.getvalue()
