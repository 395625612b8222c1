"""Problems of bundle adjustment whose answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np

from splatworker.sfm.adjustment import PARAMETERS, TURN_AND_PLACE, Problem
from splatworker.sfm.colmap import pycolmap

LENSES = {
    0: [560.0, 320.0, 240.0],
    1: [560.0, 555.0, 320.0, 240.0],
    2: [560.0, 320.0, 240.0, -0.08],
    3: [560.0, 320.0, 240.0, -0.08, 0.03],
    4: [560.0, 555.0, 320.0, 240.0, -0.08, 0.03, 0.002, -0.003],
    5: [560.0, 555.0, 320.0, 240.0, 0.05, -0.02, 0.01, -0.004],
    8: [560.0, 320.0, 240.0, 0.05],
    9: [560.0, 320.0, 240.0, 0.05, -0.02],
}
"""Parameters of a lens of each model, by COLMAP's number."""


def quaternion(rotation: np.ndarray) -> np.ndarray:
    return np.asarray(pycolmap.Rotation3d(rotation).quat)


def matrices(poses: np.ndarray) -> np.ndarray:
    """(P, 3, 3) rotations of poses."""
    x, y, z, w = poses[:, :4].T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def ring(count: int) -> np.ndarray:
    """(count, 7) poses on an uneven ring around the origin, looking at it."""
    poses = []
    for number, angle in enumerate(np.linspace(0, 1.5 * np.pi, count)):
        center = np.array([np.sin(angle), 0.2 * np.sin(3.1 * number), -np.cos(angle)]) * (3 + 0.3 * np.cos(number))
        z = -center / np.linalg.norm(center)
        x = np.cross([0.0, 1.0, 0.1 * np.sin(number)], z)
        x /= np.linalg.norm(x)
        rotation = np.array([x, np.cross(z, x), z])
        poses.append([*quaternion(rotation), *(-rotation @ center)])
    return np.array(poses)


def projected(problem: Problem) -> np.ndarray:
    """Where a problem's observations would be, by COLMAP's own lenses."""
    rotations = matrices(problem.poses)
    rays = np.einsum("nij,nj->ni", rotations[problem.photo], problem.points[problem.point])
    rays += problem.poses[problem.photo, 4:]
    pixels = np.empty((len(rays), 2))
    for lens, model in enumerate(problem.model):
        camera = pycolmap.Camera(model=pycolmap.CameraModelId(int(model)), width=640, height=480)
        camera.params = problem.parameters[lens, : PARAMETERS[int(model)]].tolist()
        of_lens = problem.lens_of[problem.photo] == lens
        if of_lens.any():
            pixels[of_lens] = camera.img_from_cam(rays[of_lens])
    return pixels


def free_parameters(model: int) -> int:
    """Bits of all but the principal point."""
    everything = (1 << PARAMETERS[model]) - 1
    focal = 1 if PARAMETERS[model] in (3, 5) or model in (2, 8) else 2
    return everything & ~(0b11 << focal)


def scene(
    photos: int = 8, points: int = 120, models: tuple[int, ...] = (2,), noise: float = 0.0, seen: float = 0.8
) -> Problem:
    """A ring of photos around a ball of points, the photos' lenses in turn of these models."""
    rng = np.random.default_rng(photos * 1000 + points)
    parameters = np.zeros((len(models), 8))
    for row, model in enumerate(models):
        parameters[row, : PARAMETERS[model]] = LENSES[model]
    photo, point = np.nonzero(rng.random((photos, points)) < seen)
    free_pose = np.full(photos, TURN_AND_PLACE, np.uint8)
    free_pose[0] = 0
    free_pose[photos // 2] = 0b011111 if photos > 1 else 0
    exact = Problem(
        poses=ring(photos),
        parameters=parameters,
        points=rng.uniform(-0.7, 0.7, (points, 3)),
        model=np.array(models, np.int32),
        free_lens=np.array([free_parameters(model) for model in models], np.uint8),
        lens_of=np.arange(photos, dtype=np.int32) % len(models),
        free_pose=free_pose,
        photo=photo.astype(np.int32),
        point=point.astype(np.int32),
        seen=np.zeros((len(photo), 2)),
    )
    seen_at = projected(exact)
    return dataclasses.replace(exact, seen=seen_at + rng.normal(0, noise, seen_at.shape) if noise else seen_at)


def chain(photos: int, noise: float = 0.4, yaw: float = 0.7) -> Problem:
    """A walk along a corridor, a camera turned half to the side: only its neighbours hold a photo in its place.

    Args:
        yaw: radians to the side of straight ahead.
    """
    rng = np.random.default_rng(photos)
    base, along = scene(photos, 3), 0.37 * np.arange(photos)
    count = 220 * photos
    points = rng.uniform([-1.3, -1.2, -1.0], [1.3, 1.2, along[-1] + 5], (count, 3))
    wall = rng.integers(0, 4, count)
    points[wall < 2, 0] = np.where(wall[wall < 2] == 0, -1.3, 1.3)
    points[wall >= 2, 1] = np.where(wall[wall >= 2] == 2, -1.2, 1.2)
    poses, photo, point = np.zeros((photos, 7)), [], []
    for number, z in enumerate(along):
        turned = yaw + 0.25 * np.sin(z)
        rotation = np.array([[np.cos(turned), 0, -np.sin(turned)], [0, 1, 0], [np.sin(turned), 0, np.cos(turned)]])
        moved = -rotation @ [0.35 * np.sin(1.3 * z), 0.1 * np.cos(2 * z), z]
        poses[number] = [*quaternion(rotation), *moved]
        x, y, depth = (points @ rotation.T + moved).T
        is_seen = (depth > 0.4) & (depth < 5) & (np.abs(x) < 0.55 * depth) & (np.abs(y) < 0.41 * depth)
        shown = np.flatnonzero(is_seen & (rng.random(count) < 0.7))
        photo.append(np.full(len(shown), number))
        point.append(shown)
    exact = dataclasses.replace(
        base,
        poses=poses,
        points=points,
        photo=np.concatenate(photo).astype(np.int32),
        point=np.concatenate(point).astype(np.int32),
    )
    seen_at = projected(exact)
    return dataclasses.replace(exact, seen=seen_at + rng.normal(0, noise, seen_at.shape))


def street(photos: int, ahead: tuple[float, float], noise: float = 0.4) -> Problem:
    """A drive straight ahead, a step a photo, each point seen in four photos: of the first half things are near, of the
    second so many steps ahead, where rays of neighbours meet under half a degree.
    """
    rng = np.random.default_rng(photos)
    along = np.arange(float(photos))
    poses = np.zeros((photos, 7))
    poses[:, 3] = 1
    poses[:, 4:] = -np.column_stack([0.2 * np.sin(1.3 * along), 0.1 * np.cos(2 * along), along])
    count = 150 * photos
    first = rng.integers(0, photos - 1, count)
    depth = np.where(first < photos // 2, rng.uniform(6, 12, count), rng.uniform(*ahead, count))
    x = 0.3 * rng.choice([-1, 1], count) * rng.uniform(0.8, 1.2, count)
    points = np.column_stack([x * depth, rng.uniform(-0.25, 0.25, count) * depth, first + depth])
    is_shown = (first <= along[:, None]) & (along[:, None] <= first + 3) & (rng.random((photos, count)) < 0.8)
    photo, point = np.nonzero(is_shown)
    exact = dataclasses.replace(
        scene(photos, 3),
        poses=poses,
        points=points,
        photo=photo.astype(np.int32),
        point=point.astype(np.int32),
    )
    seen_at = projected(exact)
    return dataclasses.replace(exact, seen=seen_at + rng.normal(0, noise, seen_at.shape))


def disturbed(problem: Problem, by: float = 0.01, seed: int = 0) -> Problem:
    """The same with poses that may move, lenses' free parameters and points off by such a share."""
    rng = np.random.default_rng(seed)
    poses, parameters = problem.poses.copy(), problem.parameters.copy()
    for row, bits in enumerate(problem.free_pose):
        if bits:
            poses[row, :4] += rng.normal(0, by, 4)
            poses[row, :4] /= np.linalg.norm(poses[row, :4])
            poses[row, 4:] += rng.normal(0, by, 3) * [(int(bits) >> (3 + axis)) & 1 for axis in range(3)]
    for row, bits in enumerate(problem.free_lens):
        for column in range(8):
            if int(bits) >> column & 1:
                parameters[row, column] += rng.normal(0, by) * max(1.0, parameters[row, column])
    return dataclasses.replace(
        problem, poses=poses, parameters=parameters, points=problem.points + rng.normal(0, by, problem.points.shape)
    )


def reconstruction(problem: Problem) -> pycolmap.Reconstruction:
    """A problem as COLMAP's model, with ids that have gaps, and a feature a photo that is of no point."""
    made = pycolmap.Reconstruction()
    for lens, model in enumerate(problem.model):
        camera = pycolmap.Camera(model=pycolmap.CameraModelId(int(model)), width=640, height=480, camera_id=lens + 1)
        camera.params = problem.parameters[lens, : PARAMETERS[int(model)]].tolist()
        made.add_camera_with_trivial_rig(camera)
    tracks = [pycolmap.Track() for _ in problem.points]
    for photo, pose in enumerate(problem.poses):
        image_id = 3 * photo + 2
        lens = int(problem.lens_of[photo])
        image = pycolmap.Image(name=f"{photo} é.jpg", camera_id=lens + 1, image_id=image_id)
        rows = np.flatnonzero(problem.photo == photo)
        pixels = [np.array([1.0, 2.0]), *problem.seen[rows]]
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D(pixel) for pixel in pixels])
        made.add_image_with_trivial_frame(image, pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:4]), pose[4:]))
        for feature, row in enumerate(rows, 1):
            tracks[problem.point[row]].add_element(image_id, feature)
    for point, track in zip(problem.points, tracks, strict=True):
        made.add_point3D(point, track)
    return made
