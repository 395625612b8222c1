"""The geometry of two photos: what their matches have to do with each other, and which of them hold.

The kernel (kernels/two_view) estimates by sampling: an essential matrix from five matches where both focal lengths are
known (Nister 2004), a fundamental one from seven, and a homography from four, for flat subjects and turns. The score is
MSAC's, the best model so far is moved to its own optimum, and the matches within the error of the last one hold. Its
random numbers are counted by seed, pair and trial (Philox), and its sums have an order that no processor changes:
the same matches give the same bits, with any number of threads, on any machine.

What it adds to COLMAP's rules, which decide the rest: matches all in a line, or all the same, prove nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.nearest import Matches
from splatworker.sfm.pairs import Pair

try:
    from splatworker import _two_view
except ImportError:  # an installation without compiled kernels: COLMAP then verifies by itself
    _two_view = None  # type: ignore[assignment]
try:
    from splatworker import _cuda
except ImportError:  # built without CUDA kernels
    _cuda = None  # type: ignore[assignment]

Array = npt.NDArray[np.float64]

Configuration = Literal["DEGENERATE", "CALIBRATED", "UNCALIBRATED", "PLANAR", "PANORAMIC", "PLANAR_OR_PANORAMIC"]
"""COLMAP's names. A plane and a turn are told apart where both focal lengths are known."""

WATERMARK = "WATERMARK"


@dataclass(frozen=True)
class Rules:
    """When a match holds, and when a pair does; the defaults are COLMAP's.

    Attributes:
        max_error: pixels: Sampson's of an epipolar geometry, in the second photo of a homography.
        min_inliers: matches that must hold, each different from all others.
        min_inlier_ratio: the share of all matches that must.
        min_e_f_ratio: focal lengths are believed where an essential matrix explains more than this share of what a
            fundamental one does.
        max_h_ratio: a homography that explains more than this share of it tells of a flat subject or a turn.
        max_false_alarms: so many models as good may be expected of matches that have nothing to do with each other.
        confidence: that no trial is missed which would have found a better model.
        max_trials: an end to that.
        min_epipole_deg: matches nearer to an epipole do not count: any motion along their rays fits them.
        cheirality: matches behind a camera do not count.
    """

    max_error: float = 4.0
    min_inliers: int = 15
    min_inlier_ratio: float = 0.0
    min_e_f_ratio: float = 0.95
    max_h_ratio: float = 0.8
    max_false_alarms: float = 1e-3
    confidence: float = 0.99999
    max_trials: int = 3000
    min_epipole_deg: float = 0.0
    cheirality: bool = False


USUAL = Rules()

STRICT = Rules(max_error=1.0, min_inliers=30, min_inlier_ratio=0.25, min_epipole_deg=3.0, cheirality=True)
"""What global mapping needs: the tests with which GLOMAP's own program chose its pairs (Pan et al. 2024). On usual
matches it misplaced cameras of fox by 44 to 67 degrees with nothing in its figures to show it."""


@dataclass(frozen=True)
class View:
    """The features of one photo, its lens taken out.

    Attributes:
        camera: COLMAP's.
        points: (N, 2) on the plane at depth 1, x right and y down; NaN where the lens sees nothing.
        scales: (N,) how much of that plane a pixel is, at each feature.
        pixels: (N, 2) as found.
    """

    camera: pycolmap.Camera
    points: Array
    scales: Array
    pixels: Array

    @cached_property
    def calibration(self) -> tuple[Array, Array]:
        """The matrix K of the camera, and its inverse."""
        matrix = np.asarray(self.camera.calibration_matrix(), np.float64)
        return matrix, np.asarray(np.linalg.inv(matrix), np.float64)

    @cached_property
    def is_near_edge(self) -> npt.NDArray[np.bool_]:
        """(N,) whether a feature is where a watermark might be."""
        size, border = np.array([self.camera.width, self.camera.height]), _border(self.camera)
        inside: npt.NDArray[np.bool_] = np.all((self.pixels >= border) & (self.pixels <= size - border), axis=1)
        return ~inside


@dataclass(frozen=True)
class TwoView:
    """What was found of a pair.

    Attributes:
        configuration: of which kind.
        inliers: rows of the matches that hold.
        E, F, H: models of normalized coordinates, of norm 1; None where nothing was found or asked for.
        rotation, translation: x2 ~ rotation x1 + translation, of length 1 or 0; None where focal lengths do not tell.
        angle: radians, the median angle under which rays meet.
        margin: of a flat subject, whose geometry two poses explain: so many matches more than the other the one taken
            does; infinite of others.
        trials: by model, how many it took.
        explained: by model, how many matches it explains.
    """

    configuration: Configuration
    inliers: npt.NDArray[np.uint32]
    E: Array | None
    F: Array | None
    H: Array | None
    rotation: Array | None
    translation: Array | None
    angle: float
    margin: float
    trials: dict[str, int]
    explained: dict[str, int]


def has_kernel() -> bool:
    """Whether this installation has the compiled kernel."""
    return _two_view is not None


def view_of(camera: pycolmap.Camera, keypoints: npt.NDArray[np.floating]) -> View:
    """The features of a photo as its kernel wants them; `keypoints` are (N, 2 or more), x and y first, in pixels."""
    pixels = np.ascontiguousarray(keypoints[:, :2], np.float64)
    if not len(pixels):
        return View(camera, pixels, np.zeros(0), pixels)
    points, right, down = (np.asarray(camera.cam_from_img(pixels + step)) for step in ([0, 0], [1, 0], [0, 1]))
    a, b = right - points, down - points
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return View(camera, np.ascontiguousarray(points, np.float64), np.sqrt(area), pixels)


def verify(first: View, second: View, matches: Matches, pair: Pair, *, rules: Rules = USUAL, seed: int = 0) -> TwoView:
    """The geometry of a pair.

    Args:
        matches: (K, 2), a row of the first view's features and one of the second's.
        pair: ids that draw its random numbers; with the same and the same seed the result is the same.

    Raises:
        IndexError: a match names a feature that is not there.
    """
    return verify_all([(first, second, matches, pair)], rules=rules, seed=seed)[0]


PairOfViews = tuple[View, View, Matches, Pair]
"""Two photos, their matches, and the ids that draw random numbers."""


def verify_all(pairs: Sequence[PairOfViews], *, rules: Rules = USUAL, seed: int = 0) -> list[TwoView]:
    """The geometries of some pairs, each as `verify` has it; Python's lock is released once for all of them."""
    return _read(_two_view.verify(_given(pairs), seed % 2**64, **_by_name(rules)))


def verify_all_on_gpu(
    pairs: Sequence[PairOfViews], *, rules: Rules = USUAL, seed: int = 0, device: int = 0
) -> list[TwoView]:
    """The same as `verify_all` gives, in every byte: a GPU estimates the models of all pairs at once.

    While it does, the caller's thread sleeps; what answers mean is then its work. Several threads may call.

    Raises:
        IndexError: as `verify` does.
        RuntimeError: there is no GPU that can be used, or it has failed, or its memory is too small: 72 bytes a match
            and 92 KB a pair, of up to 512 at a time.
    """
    if _cuda is None:
        raise RuntimeError("this installation has no kernels for a GPU")
    return _read(_cuda.verify(device, _given(pairs), seed % 2**64, **_by_name(rules)))


_Given = tuple[Array, Array, Array, Array, Matches, bool, int, int]


def _given(pairs: Sequence[PairOfViews]) -> list[_Given]:
    return [
        (
            first.points,
            first.scales,
            second.points,
            second.scales,
            np.ascontiguousarray(matches, np.uint32),
            first.camera.has_prior_focal_length and second.camera.has_prior_focal_length,
            *pair,
        )
        for first, second, matches, pair in pairs
    ]


def _by_name(rules: Rules) -> dict[str, Any]:
    return {field.name: getattr(rules, field.name) for field in fields(rules)}


def _read(found: list[dict[str, Any]]) -> list[TwoView]:
    for one in found:
        one["rotation"], one["translation"] = one.pop("R"), one.pop("t")
    return [TwoView(**one) for one in found]


def to_colmap(found: TwoView, first: View, second: View, matches: Matches) -> pycolmap.TwoViewGeometry:
    """The geometry as COLMAP's database holds it: F and H of pixels, E of normalized coordinates, and the pose."""
    geometry = pycolmap.TwoViewGeometry()
    inliers = np.ascontiguousarray(matches[found.inliers], np.uint32)
    name = found.configuration if not is_watermark(first, second, inliers) else WATERMARK
    geometry.config = getattr(pycolmap.TwoViewGeometryConfiguration, name).value
    if name == "DEGENERATE":
        return geometry
    geometry.inlier_matches = inliers
    (_, inverse1), (k2, inverse2) = first.calibration, second.calibration
    if found.E is not None:
        geometry.E = found.E
    if found.F is not None:
        geometry.F = _of_norm_one(inverse2.T @ found.F @ inverse1)
    if found.H is not None:
        geometry.H = _of_norm_one(k2 @ found.H @ inverse1)
    if found.rotation is not None and found.translation is not None:
        geometry.cam2_from_cam1 = pycolmap.Rigid3d(pycolmap.Rotation3d(found.rotation), found.translation)
        geometry.tri_angle = found.angle
    return geometry


_BORDER = 0.1
"""A watermark stands within this share of a photo's diagonal from its edges, and moves by less,"""

_WATERMARK = 0.7
"""and holds such a share of the matches, all moved alike. As in COLMAP, where it may move by any way: of drones' photos
that overlap at opposite edges, what they see of the ground does."""


def is_watermark(first: View, second: View, inliers: Matches) -> bool:
    """Whether most matches are those of something written near the edges of both photos at the same place."""
    if not len(inliers):
        return False
    near = first.is_near_edge[inliers[:, 0]] & second.is_near_edge[inliers[:, 1]]
    if np.count_nonzero(near) < _WATERMARK * len(near):
        return False
    moves = second.pixels[inliers[:, 1]] - first.pixels[inliers[:, 0]]
    common = moves[np.linalg.norm(moves, axis=1) < min(_border(first.camera), _border(second.camera))][:200]
    apart = np.linalg.norm(moves[:, None] - common, axis=2)  # any of these may be the one that most have
    return bool(((apart <= USUAL.max_error).mean(axis=0) >= _WATERMARK).any())


def _border(camera: pycolmap.Camera) -> float:
    return _BORDER * float(np.hypot(camera.width, camera.height))


def _of_norm_one(matrix: Array) -> Array:
    return np.asarray(matrix / math.sqrt(np.vdot(matrix, matrix)))
