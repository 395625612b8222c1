"""The mapping kernel's specification in plain numpy and Python, and what it is asked."""

from __future__ import annotations

import copy
import itertools

import numpy as np
from support.adjustments import matrices, scene

from splatworker.sfm.adjustment import PARAMETERS, Problem
from splatworker.sfm.agreement import Verified
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.tracks import NONE, Growing, Lenses, Rules, features_of

# --- a camera from three points


def p3p(bearings: np.ndarray, points: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """All poses that see three points along three unit bearings, by Grunert's quartic (Haralick et al. 1994, (9))."""
    a, b, c = (float(np.sum((points[i] - points[j]) ** 2)) for i, j in ((1, 2), (0, 2), (0, 1)))
    alpha, beta, gamma = (float(bearings[i] @ bearings[j]) for i, j in ((1, 2), (0, 2), (0, 1)))
    less, more = (a - c) / b, (a + c) / b
    quartic = [
        (less - 1) ** 2 - 4 * c / b * alpha**2,
        4 * (less * (1 - less) * beta - (1 - more) * alpha * gamma + 2 * c / b * alpha**2 * beta),
        2
        * (
            less**2
            - 1
            + 2 * less**2 * beta**2
            + 2 * (b - c) / b * alpha**2
            - 4 * more * alpha * beta * gamma
            + 2 * (b - a) / b * gamma**2
        ),
        4 * (-less * (1 + less) * beta + 2 * a / b * gamma**2 * beta - (1 - more) * alpha * gamma),
        (1 + less) ** 2 - 4 * a / b * gamma**2,
    ]
    found = []
    for v in np.roots(quartic):
        if abs(v.imag) > 1e-7 * abs(v) or v.real <= 0:
            continue
        v = v.real
        u = ((-1 + less) * v * v - 2 * less * beta * v + 1 + less) / (2 * (gamma - v * alpha))
        if u <= 0:
            continue
        first = np.sqrt(b / (1 + v * v - 2 * v * beta))
        seen = bearings * np.array([first, u * first, v * first])[:, None]
        found.append(rigid(points, seen))
    return found


def rigid(points: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rotation and the translation that take points to where they are seen (Kabsch 1976)."""
    middle, at = points.mean(axis=0), seen.mean(axis=0)
    u, _, v = np.linalg.svd((seen - at).T @ (points - middle))
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    return rotation, at - rotation @ middle


# --- a point from rays


def meet(
    origins: np.ndarray, along: np.ndarray, cos_most: float, cos_least: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """The point that most rays show, and which do: of each two the point nearest to both, then nearest to all."""
    best: tuple[int, float, np.ndarray, np.ndarray] | None = None
    for i, j in itertools.combinations(range(len(origins)), 2):
        if along[i] @ along[j] > cos_least:
            continue
        sides = np.column_stack([along[i], -along[j]])
        distances, *_ = np.linalg.lstsq(sides, origins[j] - origins[i], rcond=None)
        if min(distances) <= 0:
            continue
        point = (origins[i] + distances[0] * along[i] + origins[j] + distances[1] * along[j]) / 2
        cosines = cosines_to(origins, along, point)
        shows = cosines >= cos_most
        key = (int(shows.sum()), float(-(1 - cosines[shows]).sum()))
        if key[0] >= 2 and (best is None or key > best[:2]):
            best = (*key, point, shows)
    if best is None:
        return None
    count, _, point, shows = best
    if count > 2:
        across = np.eye(3) - along[shows][:, :, None] * along[shows][:, None]
        moved = np.linalg.solve(across.sum(axis=0), (across @ origins[shows][:, :, None]).sum(axis=0))[:, 0]
        still = cosines_to(origins, along, moved) >= cos_most
        if still.sum() >= count:
            return moved, still
    return point, shows


def cosines_to(origins: np.ndarray, along: np.ndarray, point: np.ndarray) -> np.ndarray:
    to = point - origins
    return np.asarray(np.sum(to * along, axis=1) / np.linalg.norm(to, axis=1))


# --- tracks


class Twin:
    """A growing model's tracks: `points` and `seen_by` by number, with gaps until `compact`."""

    def __init__(self, model: Growing) -> None:
        self.model = copy.deepcopy(model)
        self.photo = self.model.features.photo
        self.points = list(self.model.points)
        self.seen_by: list[list[int]] = [
            np.flatnonzero(self.model.point_of == point).tolist() for point in range(len(self.points))
        ]
        self.rotations = matrices(self.model.poses)
        self.centers = -np.einsum("nji,nj->ni", self.rotations, self.model.poses[:, 4:])
        self.cameras = []
        for number, parameters in zip(self.model.lenses.model, self.model.lenses.parameters, strict=True):
            camera = pycolmap.Camera(model=pycolmap.CameraModelId(int(number)), width=640, height=480)
            camera.params = parameters[: PARAMETERS[int(number)]].tolist()
            self.cameras.append(camera)

    def matches(self, feature: int) -> list[int]:
        first = self.model.features.first_match
        return [int(match) for match in self.model.features.match[first[feature] : first[feature + 1]]]

    def is_placed(self, feature: int) -> bool:
        return bool(self.model.placed[self.photo[feature]])

    def ray(self, feature: int) -> tuple[np.ndarray, np.ndarray]:
        photo = self.photo[feature]
        camera = self.cameras[self.model.lenses.of[photo]]
        along = np.append(camera.cam_from_img(self.model.features.seen[feature]), 1) @ self.rotations[photo]
        return self.centers[photo], along / np.linalg.norm(along)

    def error(self, feature: int, point: np.ndarray) -> float:
        photo = self.photo[feature]
        at = self.rotations[photo] @ point + self.model.poses[photo, 4:]
        if at[2] <= 0:
            return np.inf
        pixel = self.cameras[self.model.lenses.of[photo]].img_from_cam(at[None])[0]
        return float(np.linalg.norm(pixel - self.model.features.seen[feature]))

    def add(self, feature: int, point: int) -> None:
        self.model.point_of[feature] = point
        self.seen_by[point].append(feature)

    def follow(self, feature: int, others: list[int], degrees: float) -> None:
        origin, along = self.ray(feature)
        found = [(cosines_to(origin[None], along[None], self.points[p])[0], -k, p)
                 for k, p in enumerate(self.model.point_of[others].tolist()) if p != NONE]  # fmt: skip
        if found and max(found)[0] >= np.cos(np.radians(degrees)):
            self.add(feature, max(found)[2])

    def create(self, some: list[int], rules: Rules) -> None:
        while len(some) >= 2:
            if len(some) == 2 and len(self.matches(some[0])) == len(self.matches(some[1])) == 1:
                return
            origins, along = (np.array(side) for side in zip(*map(self.ray, some), strict=True))
            cosines = (float(np.cos(np.radians(degrees))) for degrees in (rules.create, rules.least_angle))
            found = meet(origins, along, *cosines)
            if found is None:
                return
            self.points.append(found[0])
            self.seen_by.append([])
            for feature, shows in zip(some, found[1], strict=True):
                if shows:
                    self.add(feature, len(self.points) - 1)
            some = [feature for feature, shows in zip(some, found[1], strict=True) if not shows]
            if len(some) < 3:
                return

    def extend(self, photos: list[int], rules: Rules) -> None:
        for photo in photos:
            for feature in np.flatnonzero(self.photo == photo).tolist():
                others = [other for other in self.matches(feature) if self.is_placed(other)]
                bare = [other for other in others if self.model.point_of[other] == NONE]
                if self.model.point_of[feature] == NONE:
                    self.follow(feature, others, rules.follow)
                own = [feature] if self.model.point_of[feature] == NONE else []
                if bare:
                    self.create(bare + own, rules)

    def retriangulate(self, least: float, rules: Rules) -> None:
        pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for feature in range(len(self.photo)):
            for other in self.matches(feature):
                if self.photo[other] > self.photo[feature] and self.is_placed(feature) and self.is_placed(other):
                    pairs.setdefault((self.photo[feature], self.photo[other]), []).append((feature, other))
        of = self.model.point_of.copy()
        few = {pair for pair, both in pairs.items()
               if sum(of[a] == of[b] != NONE for a, b in both) < least * len(both)}  # fmt: skip
        for a, b in sorted(match for pair in few for match in pairs[pair]):
            one, other = self.model.point_of[[a, b]]
            if one != NONE and other == NONE:
                self.follow(b, [a], rules.follow)
            elif one == NONE and other != NONE:
                self.follow(a, [b], rules.follow)
            elif one == other == NONE:
                self.create([a, b], rules)

    def clean(self, rules: Rules) -> None:
        for point, seen_by in enumerate(self.seen_by):
            level = list(seen_by)
            for _ in range(rules.transitivity):
                begin = len(seen_by)
                for feature in level:
                    for other in self.matches(feature):
                        bare = self.model.point_of[other] == NONE and self.is_placed(other)
                        if bare and self.error(other, self.points[point]) <= rules.max_error:
                            self.add(other, point)
                level = seen_by[begin:]
        self.merge(rules)
        for point, seen_by in enumerate(self.seen_by):
            fits = [feature for feature in seen_by if self.error(feature, self.points[point]) <= rules.max_error]
            rays = self.points[point] - self.centers[self.photo[fits]]
            rays /= np.linalg.norm(rays, axis=1)[:, None]
            apart = rays @ rays.T <= np.cos(np.radians(rules.least_kept))
            for feature in set(seen_by) - set(fits if apart.any() else []):
                self.model.point_of[feature] = NONE
            seen_by[:] = fits if apart.any() else []

    def merge(self, rules: Rules) -> None:
        tried = set()
        for point in range(len(self.points)):
            for feature in self.seen_by[point]:
                for match in self.matches(feature):
                    other = int(self.model.point_of[match])
                    pair = frozenset((point, other))
                    if other in (NONE, point) or pair in tried:
                        continue
                    tried.add(pair)
                    mine, theirs = self.seen_by[point], self.seen_by[other]
                    middle = (len(mine) * self.points[point] + len(theirs) * self.points[other]) / len(mine + theirs)
                    if max(self.error(one, middle) for one in mine + theirs) <= rules.max_error:
                        self.points[point], self.seen_by[other] = middle, []
                        for one in theirs:
                            self.add(one, point)

    def compact(self) -> Growing:
        kept = [number for number, seen_by in enumerate(self.seen_by) if len(seen_by) >= 2]
        self.model.point_of[:] = NONE
        for number, before in enumerate(kept):
            self.model.point_of[self.seen_by[before]] = number
        self.model.points = np.array([self.points[before] for before in kept]).reshape(-1, 3)
        return self.model


# --- what is asked


def grown(problem: Problem | None = None, wrong: float = 0.1, placed: int | None = None) -> tuple[Growing, Verified]:
    """A model with true cameras and no points, and matches of which a share is wrong; `placed`: so many photos are."""
    problem = problem or scene(6, 60, (2, 4), noise=0.4, seen=0.6)
    rng = np.random.default_rng(7)
    count = len(problem.poses)
    rows = [np.flatnonzero(problem.photo == photo) for photo in range(count)]
    matches = {}
    for first, second in itertools.combinations(range(count), 2):
        _, ours, theirs = np.intersect1d(problem.point[rows[first]], problem.point[rows[second]], return_indices=True)
        mixed = rng.random(len(theirs)) < wrong
        theirs[mixed] = rng.permutation(theirs[mixed])
        kept = rng.random(len(theirs)) < 0.7
        matches[first + 1, second + 1] = np.column_stack([ours, theirs])[kept].astype(np.uint32)
    keypoints = {photo + 1: problem.seen[rows[photo]].astype(np.float32) for photo in range(count)}
    verified = Verified(keypoints, matches)
    features = features_of(verified, 1)
    model = Growing(
        features,
        Lenses(problem.model, problem.parameters.copy(), problem.lens_of),
        problem.poses.copy(),
        (np.arange(count) < (count if placed is None else placed)).astype(np.uint8),
        np.full(len(features.seen), NONE, np.int32),
        np.zeros((0, 3)),
    )
    return model, verified
