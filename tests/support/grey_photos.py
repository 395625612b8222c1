"""Grey pictures with details of every size, VLFeat's features of them, and how far those of another agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.spatial import cKDTree

from splatworker.sfm.colmap import pycolmap


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """Noise of four sizes on one another, and some sharp rectangles."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (height // size + 2, width // size + 2), dtype=np.uint8)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        for size in (3, 7, 15, 40)
    ]
    mean: np.ndarray = np.mean(layers, axis=0).astype(np.uint8)
    for _ in range(height * width // 3000):
        y, x = rng.integers(0, height), rng.integers(0, width)
        mean[y : y + rng.integers(3, 20), x : x + rng.integers(3, 20)] = rng.integers(0, 256)
    return mean


def by_vlfeat(grey: np.ndarray, first_octave: int, most: int = 100_000) -> tuple[np.ndarray, np.ndarray]:
    """(N, 6) x, y and affine frame, and (N, 128) descriptors, as COLMAP finds them on a CPU."""
    options = pycolmap.FeatureExtractionOptions()
    options.use_gpu, options.num_threads = False, 1
    options.sift.max_num_features, options.sift.first_octave = most, first_octave
    extractor = pycolmap.FeatureExtractor.create(options, pycolmap.Device.cpu)
    points, descriptors = extractor.extract(pycolmap.Bitmap.from_array(np.ascontiguousarray(grey)))
    keypoints = np.array([(p.x, p.y, p.a11, p.a12, p.a21, p.a22) for p in points], np.float32)
    return keypoints.reshape(-1, 6), np.asarray(descriptors.data)


@dataclass(frozen=True)
class Agreement:
    """Of features that VLFeat finds.

    Attributes:
        found: share of them that have one of ours within half a pixel and a tenth of the scale.
        turned: share that have one whose direction, too, is theirs within 0.1 radian.
        cosines: of the latter's descriptors with ours, sorted.
        more: how many more or fewer we have, as a share.
    """

    found: float
    turned: float
    cosines: np.ndarray
    more: float


def agreement(
    theirs: tuple[np.ndarray, np.ndarray], keypoints: np.ndarray, descriptors: np.ndarray, pixel: float = 1.0
) -> Agreement:
    """Compare features, of x, y, scale, cosine and sine, with VLFeat's; `pixel` is how large one of the search is."""
    places, bytes_ = theirs
    scales = np.sqrt(np.abs(places[:, 2] * places[:, 5] - places[:, 3] * places[:, 4]))
    turns = np.arctan2(places[:, 4], places[:, 2])
    ours = np.arctan2(keypoints[:, 4], keypoints[:, 3])
    found, cosines = 0, []
    near = cKDTree(keypoints[:, :2]).query_ball_point(places[:, :2], 0.5 * pixel)
    for i, candidates in enumerate(near):
        alike = [j for j in candidates if abs(np.log(keypoints[j, 2] / scales[i])) < np.log(1.1)]
        found += bool(alike)
        apart = [abs((ours[j] - turns[i] + np.pi) % (2 * np.pi) - np.pi) for j in alike]
        if apart and min(apart) < 0.1:
            a, b = bytes_[i].astype(float), descriptors[alike[int(np.argmin(apart))]].astype(float)
            cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    count = len(places)
    return Agreement(found / count, len(cosines) / count, np.sort(cosines), len(keypoints) / count - 1)
