"""Two photos of points whose places are known, and what the kernel of their geometry does, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FOCAL, SIZE = 1000.0, 1200


@dataclass(frozen=True)
class TwoPhotos:
    """x2 ~ rotation x1 + translation (of length 1, or 0); points are normalized coordinates."""

    rotation: np.ndarray
    translation: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @property
    def essential(self) -> np.ndarray:
        return np.asarray(skew(self.translation) @ self.rotation)


def skew(v: np.ndarray) -> np.ndarray:
    return np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])


def turned_by(vector: np.ndarray) -> np.ndarray:
    """The rotation about a vector by its length."""
    angle = np.linalg.norm(vector)
    k = skew(vector / angle)
    return np.asarray(np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k)


PLANE = np.array([-0.3, 0.2, 1.0]) / 4
"""n of the plane n X = 1 on which a flat subject lies."""


def photograph(
    rng: np.random.Generator,
    count: int,
    *,
    flat: bool = False,
    turn: bool = False,
    noise_px: float = 0.0,
    outliers: float = 0.0,
) -> TwoPhotos:
    """Points between depth 3 and 6, or on a plane; the first ones matched at random, as many as the share tells."""
    rotation = turned_by(rng.normal(size=3) * 0.2)
    translation = rng.normal(size=3)
    translation *= 0 if turn else 1 / np.linalg.norm(translation)
    points = np.c_[rng.uniform(-2, 2, (count, 2)), rng.uniform(3, 6, count)]
    if flat:
        points[:, 2] = (1 - points[:, :2] @ PLANE[:2]) / PLANE[2]
    seen = points @ rotation.T + translation
    first, second = points[:, :2] / points[:, 2:], seen[:, :2] / seen[:, 2:]
    wrong = int(outliers * count)
    second[:wrong] = rng.uniform(-0.6, 0.6, (wrong, 2))
    first = first + rng.normal(0, noise_px / FOCAL, first.shape) if noise_px else first
    second = second + rng.normal(0, noise_px / FOCAL, second.shape) if noise_px else second
    return TwoPhotos(rotation, translation, first, second)


def past_a_wall(rng: np.random.Generator, count: int, off_it: int) -> TwoPhotos:
    """A step along a wall, the camera turned to it, half a pixel of noise; so many points stand off the wall.

    The wall's homography has two readings: the true one, with rays that meet under a narrow angle, some of them behind
    the cameras by their noise, and one under a wide angle that has all points in front.
    """
    yaw, long = 0.2, 0.1  # from along the wall to where the camera looks, and the step's length, the wall 1 away
    rotation, before = turned_by(np.array([0.0, 0.03, 0.0])), np.array([np.cos(yaw), 0.0, np.sin(yaw)])
    points: list[np.ndarray] = []
    while len(points) < count:
        ray = np.array([*rng.uniform(-0.55, 0.55, 2), 1.0])
        if ray @ before < 0.05:  # beside the wall, or along it
            continue
        point = ray / (ray @ before)
        points.append(point * rng.uniform(0.5, 0.8) if len(points) < off_it else point)
    step = long * np.array([-np.sin(yaw), 0.0, np.cos(yaw)])
    world = np.array(points)
    seen = (world - step) @ rotation.T
    world, seen = world[seen[:, 2] > 0.3], seen[seen[:, 2] > 0.3]
    first, second = (rays[:, :2] / rays[:, 2:] + rng.normal(0, 0.5 / FOCAL, (len(rays), 2)) for rays in (world, seen))
    return TwoPhotos(rotation, -rotation @ step / np.linalg.norm(step), first, second)


def degenerate() -> dict[str, TwoPhotos]:
    """Matches that prove nothing, by what is wrong with them."""
    rng = np.random.default_rng(16)
    photos = photograph(rng, 60)
    line = np.linspace(-0.5, 0.5, 60)
    three = rng.integers(0, 3, 60)
    holes = photos.first.copy()
    holes[:50] = np.nan

    def of(first: np.ndarray, second: np.ndarray) -> TwoPhotos:
        return TwoPhotos(photos.rotation, photos.translation, first, second)

    return {
        "all the same": of(np.full((60, 2), 0.1), np.full((60, 2), 0.2)),
        "one in the second": of(photos.first, np.full((60, 2), 0.2)),
        "on a line": of(np.c_[line, line / 3], np.c_[line / 2, line]),
        "on a line in one": of(photos.first, np.c_[photos.second[:, 0], photos.second[:, 0] / 2]),
        "three places": of(photos.first[three], photos.second[three]),
        "not numbers": of(np.full((60, 2), np.nan), photos.second),
        "mostly not numbers": of(holes, photos.second),
        "infinite": of(np.full((60, 2), np.inf), photos.second),
        "far beyond": of(np.full((60, 2), 1e200), np.full((60, 2), -1e200)),
        "none": of(np.zeros((0, 2)), np.zeros((0, 2))),
        "one": of(photos.first[:1], photos.second[:1]),
        "fewer than minimal": of(photos.first[:4], photos.second[:4]),
        "fewer than demanded": of(photos.first[:14], photos.second[:14]),
        "at random": of(rng.uniform(-0.5, 0.5, (300, 2)), rng.uniform(-0.5, 0.5, (300, 2))),
        "in the wrong order": of(photos.first, photos.second[rng.permutation(60)]),
    }


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference of two models' entries at norm 1, whatever their signs."""
    a, b = one / np.linalg.norm(one), other / np.linalg.norm(other)
    return float(min(np.abs(a - b).max(), np.abs(a + b).max()))


def degrees_between(one: np.ndarray, other: np.ndarray) -> float:
    """The angle between two directions, or of the turn between two rotations."""
    cosine = (np.trace(one.T @ other) - 1) / 2 if one.ndim == 2 else one @ other
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def squared_errors(kind: str, model: np.ndarray, first: np.ndarray, second: np.ndarray, pixel: float) -> np.ndarray:
    """Squared pixels: Sampson's error of epipolar geometries, the distance in the second photo of homographies."""
    one, two = (np.c_[points, np.ones(len(points))] for points in (first, second))
    mapped = one @ model.T
    if kind in "HR":
        return np.asarray(((mapped[:, :2] / mapped[:, 2:] - second) ** 2).sum(axis=1) / pixel**2)
    back = two @ model
    below = (mapped[:, :2] ** 2).sum(axis=1) + (back[:, :2] ** 2).sum(axis=1)
    return np.asarray((two * mapped).sum(axis=1) ** 2 / below / pixel**2)


def msac(errors: np.ndarray, max_error: float) -> tuple[float, int]:
    """Sum of squared errors in shares of the largest allowed one, cut at 1; and how many are below it."""
    shares = errors / max_error**2
    return float(np.minimum(shares, 1).sum()), int((shares < 1).sum())


_CUBIC = [
    *("xxx", "xxy", "xyy", "yyy", "xxz", "xyz", "yyz", "xzz", "yzz", "zzz"),
    *("xx", "xy", "yy", "xz", "yz", "zz", "x", "y", "z", ""),
]
"""Monomials in the order of their elimination."""


def essentials(first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """Essential matrices of five matches another way than the kernel's: by the eigenvectors of an action matrix.

    Stewenius, Engels, Nister, "Recent developments on direct relative orientation", 2006. The coefficients of the ten
    cubic equations are found by evaluating them at random places.
    """
    one, two = (np.c_[points, np.ones(len(points))] for points in (first, second))
    rows = np.einsum("ki,kj->kij", two, one).reshape(5, 9)
    basis = np.linalg.svd(rows)[2][5:].reshape(4, 3, 3)
    places = np.random.default_rng(0).normal(size=(60, 3))
    monomials = np.array([np.prod(places[:, ["xyz".index(v) for v in names]], axis=1) for names in _CUBIC]).T
    matrices = np.einsum("ka,aij->kij", np.c_[places, np.ones(60)], basis)
    square = matrices @ matrices.transpose(0, 2, 1)
    trace = np.trace(square, axis1=1, axis2=2)[:, None, None]
    values = np.c_[np.linalg.det(matrices), (2 * square @ matrices - trace * matrices).reshape(60, 9)]
    equations = np.linalg.lstsq(monomials, values, rcond=None)[0].T
    reduced = np.linalg.solve(equations[:, :10], equations[:, 10:])
    action = np.zeros((10, 10))
    action[:6] = -reduced[[0, 1, 2, 4, 5, 7]]
    action[6, 0] = action[7, 1] = action[8, 3] = action[9, 6] = 1
    vectors = np.linalg.eig(action)[1].T
    real = [vector.real / vector[9].real for vector in vectors if np.abs((vector / vector[9]).imag).max() < 1e-7]
    return [vector[6] * basis[0] + vector[7] * basis[1] + vector[8] * basis[2] + basis[3] for vector in real]
