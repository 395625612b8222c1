"""Several trainings teach one more, from places where nobody took a photo, what they agree on.

Trainings of the same photos with other random numbers differ where the photos leave things open: each makes something
else up there, and the mean of their pictures is nearer to what is there than any of them (Lakshminarayanan et al. 2017,
"Simple and scalable predictive uncertainty estimation using deep ensembles"). A mean of pictures is no splat, so a
student learns it: beside the photos it sees the mean of its teachers' pictures, drawn by cameras between those of the
photos, and some a little beyond them where photos overlap (Hinton et al. 2015, "Distilling the knowledge in a neural
network"; for few photos Zhang et al. 2024, "CoR-GS", let two trainings correct each other there, both all the while).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.near_depth import near_depth
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Array, Device, to_device, to_host
from splatworker.render.interface import View
from splatworker.train.options import Options
from splatworker.train.views import Views

Bytes = npt.NDArray[np.uint8]
Picture = tuple[Bytes, Bytes | None]
"""(3, H, W) of a view, and (H, W) how transparent it is there, 255 for nothing; None if it is so nowhere."""

OTHER_SEED = 7919
"""What one teacher's seed is above the next one's: a prime, so that the seeds of usual runs do not meet."""

NEAREST = 5
"""A view lies between a photo and one of so many that were taken nearest to it."""

WAY = (0.2, 0.8)
"""From the photo to the other: between these shares of the way."""

BEYOND = (-0.8, -0.1)
"""The same of a view on the far side of the photo."""

ASIDE = 0.1
"""How far from that way, in each direction, in shares of its length: the deviation of a normal distribution."""

NEAR_QUANTILE, FEWEST_POINTS = 0.01, 20
NEAR = 0.5
"""A view from which the scene begins nearer than at this share of the photo's distance stands in something."""

TRIES = 8
"""For a view that stands in nothing; then there is one less."""


def of_teacher(options: Options, number: int) -> Options:
    """The options of a teacher, from 1: those of the training, in fewer iterations and with other random numbers."""
    share = options.teacher_iterations / options.iterations
    return replace(
        options,
        seed=options.seed + number * OTHER_SEED,
        iterations=options.teacher_iterations,
        position_lr_max_steps=max(1, round(share * options.position_lr_max_steps)),
        coarse_iterations=round(share * options.coarse_iterations),
        densify_until_iter=round(share * options.densify_until_iter),
        save_iterations=[],
        test_iterations=[],
        checkpoint_iterations=[],
    )


def between(
    cameras: Sequence[Camera], xyz: npt.NDArray[np.float64], count: int, seed: int, beyond: float = 0.0
) -> list[Camera]:
    """Cameras between others: at a random place on the way to one that is near, turned as far, and a little aside.

    Args:
        cameras: two or more.
        xyz: (N, 3) the scene's points: a camera that would stand in something is left out.
        count: how many, the same number for each of the others as far as that goes, or of some that are evenly spread.
        beyond: the share of them that stand on the far side of a camera, away from the one that is near.
    """
    random = np.random.default_rng(seed)
    centers = np.array([camera.center for camera in cameras])
    distances = np.linalg.norm(centers[:, None] - centers, axis=2)
    made = []
    for number in range(count):
        index = number * len(cameras) // count if count < len(cameras) else number % len(cameras)
        turn = number + number // len(cameras)  # not the same cameras in every round
        way = BEYOND if math.floor((turn + 1) * beyond) > math.floor(turn * beyond) else WAY
        made.append(_between(cameras, centers, distances, xyz, index, way, random))
    return [camera for camera in made if camera is not None]


def _between(
    cameras: Sequence[Camera],
    centers: npt.NDArray[np.float64],
    distances: npt.NDArray[np.float64],
    xyz: npt.NDArray[np.float64],
    index: int,
    way: tuple[float, float],
    random: np.random.Generator,
) -> Camera | None:
    camera = cameras[index]
    others = [other for other in np.argsort(distances[index], kind="stable").tolist() if other != index][:NEAREST]
    begins = near_depth(camera, xyz, NEAR_QUANTILE, FEWEST_POINTS)
    for _ in range(TRIES):
        other = others[random.integers(len(others))]
        share = random.uniform(*way)
        aside = ASIDE * distances[index, other] * random.standard_normal(3)
        center = (1 - share) * centers[index] + share * centers[other] + aside
        rotation = mean_rotation(camera.camera_from_world[:, :3], cameras[other].camera_from_world[:, :3], share)
        made = replace(camera, camera_from_world=np.hstack([rotation, -rotation @ center[:, None]]))
        nearest = near_depth(made, xyz, NEAR_QUANTILE, FEWEST_POINTS)
        if nearest is not None and (begins is None or nearest >= NEAR * begins):
            return made
    return None


def mean_rotation(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], share: float
) -> npt.NDArray[np.float64]:
    """The rotation that is nearest to the mean of two, the second of which counts for `share` (Frobenius' norm).

    Where `share` is below 0 it is turned away from the second.
    """
    left, _, right = np.linalg.svd((1 - share) * first + share * second)
    turned = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation: npt.NDArray[np.float64] = left @ turned @ right
    return rotation


def taught(
    cameras: Sequence[Camera], teachers: Sequence[Callable[[Camera], Picture]], device: Device, beside: Views
) -> Views:
    """The means of the teachers' pictures, as photos to train on.

    Args:
        teachers: each draws what it has learnt.
        beside: the photos, which say where pictures are kept.
    """

    def mean(pictures: Sequence[Picture]) -> Picture:
        holes = [hole for _, hole in pictures if hole is not None]
        return _mean([pixels for pixels, _ in pictures]), _mean(holes) if holes else None

    with ThreadPoolExecutor(available_cpus()) as pool:
        soon = [pool.submit(mean, [draw(camera) for draw in teachers]) for camera in cameras]
        pictures = [picture.result() for picture in soon]
    place: Callable[[Bytes], Array] = (
        (lambda pixels: to_host(pixels, device)) if beside.streams else lambda pixels: to_device(pixels, device)
    )
    views = [View(camera, place(pixels)) for camera, (pixels, _) in zip(cameras, pictures, strict=True)]
    holes = [None if hole is None else to_device(hole, device) for _, hole in pictures]
    return beside.like(views, holes)


def _mean(pictures: Sequence[Bytes]) -> Bytes:
    total = np.asarray(np.sum(pictures, axis=0, dtype=np.uint16))
    mean: Bytes = ((total + len(pictures) // 2) // len(pictures)).astype(np.uint8)
    return mean
