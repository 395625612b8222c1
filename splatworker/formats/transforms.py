"""Reader of `transforms.json`: scenes of nerfstudio and instant-ngp, and `transforms_train.json` of rendered ones.

The format is nerfstudio's documented one (https://docs.nerf.studio/quickstart/data_conventions.html): cameras in
OpenGL's axes (x right, y up, z back) as matrices from camera to world, their intrinsics for all or a frame at a time.
Where they are not given, as by Blender, the angle of view of the width says the focal length.

Only what lies in the scene's folder is looked at, whatever the paths in the file say.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.camera_models import BY_NAME, CameraModel, Intrinsics, pinhole
from splatworker.formats.colmap import FARTHEST, Points
from splatworker.formats.ply import read_point_ply
from splatworker.formats.scene_photo import photo_in, shown, size_of

FILES = ("transforms.json", "transforms_train.json")
"""Either makes a folder a scene. Beside the second may lie `transforms_test.json`, whose photos are held out."""

MOST_BYTES = 256 * 2**20
"""Of a file: some hundred thousand frames."""

POINT_FILES = ("sparse_pc.ply", "points3D.ply", "points3d.ply")
"""Where points are looked for if the file does not say."""

RANDOM_POINTS = 50_000
RANDOM_REACH = 0.4
"""Where there are no points, so many random ones fill a cube about what the cameras look at, half as wide as this share
of their distance from it."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""What a path without a suffix, as rendered scenes have it, may end with."""

HINT = (
    "Undistort the photos first (ns-process-data leaves COLMAP's model in colmap/sparse/0: colmap image_undistorter), "
)
HINT += "or let splatworker sfm find the cameras of the photos anew."

_COEFFICIENTS = ("k1", "k2", "p1", "p2", "k3", "k4")
_PINHOLES = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE")


class PosedPhoto(NamedTuple):
    """A photo of the file: name, path, its camera's intrinsics and pose (3, 4), whether it is to test on, its mask."""

    name: str
    path: Path
    intrinsics: Intrinsics
    camera_from_world: npt.NDArray[np.float64]
    held_out: bool | None
    mask: Path | None = None


def read_transforms(folder: Path, images: str) -> tuple[list[PosedPhoto], Points, list[str]]:
    """The frames, the points to start from, and what a person should hear of them.

    Args:
        images: the folder of the photos that is to stand in for the file's `images`.

    Raises:
        InvalidScene: a file is broken, a photo is missing, or a lens distorts.
    """
    main = next(name for name in FILES if (folder / name).is_file())
    described = _read(folder / main)
    apart = folder / "transforms_test.json"
    said = []
    if main == "transforms_train.json" and apart.is_file():
        frames = _frames(folder, main, described, images, held_out=False)
        frames += _frames(folder, apart.name, _read(apart), images, held_out=True)
    else:
        frames = _frames(folder, main, described, images, held_out=None)
    points = _points(folder, main, described)
    if points is None:
        points = _random_points(frames)
        said.append(f"The scene has no points: training starts from {RANDOM_POINTS} random ones about its middle.")
    return sorted(frames, key=lambda frame: frame.name), points, said


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidScene(f"{path.name} is larger than {MOST_BYTES >> 20} MiB.")
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise from_os_error(error, "train") from error
    except (ValueError, RecursionError) as error:
        raise InvalidScene(f"{path.name} is not JSON.") from error
    if not isinstance(data, dict) or not isinstance(data.get("frames"), list):
        raise InvalidScene(f"{path.name} has no list of frames.", hint="Such a file comes from nerfstudio or Blender.")
    return data


def _frames(folder: Path, file: str, described: dict[str, Any], images: str, held_out: bool | None) -> list[PosedPhoto]:
    frames, names = [], set()
    for number, frame in enumerate(described["frames"]):
        if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
            raise InvalidScene(f"Frame {number} of {file} has no file_path.")
        name, path = _photo(folder, frame["file_path"], images, file)
        if name in names:  # before a hundred thousand of them are opened
            raise InvalidScene(f"The scene has the photo {name} twice.")
        names.add(name)
        what = f"The camera of {name} in {file}"
        intrinsics = _intrinsics(what, {**described, **frame}, path)
        pose, mask = _pose(what, frame.get("transform_matrix")), _mask(folder, frame.get("mask_path"), name, file)
        frames.append(PosedPhoto(name, path, intrinsics, pose, held_out, mask))
    return frames


def _photo(folder: Path, written: str, images: str, file: str) -> tuple[str, Path]:
    """A frame's name in the scene and its file: where the path says, or else by its last part among the photos."""
    plain = written.replace("\\", "/").removeprefix("./")
    first, _, below = plain.partition("/")
    candidates = [f"{images}/{below}"] if first == "images" and below else []
    candidates += [plain, f"{images}/{plain.rpartition('/')[2]}"]
    for candidate in candidates:
        for suffix in ("", *SUFFIXES):
            if (path := photo_in(folder, candidate + suffix)) is not None:
                name = path.relative_to(folder).as_posix()
                return name.removeprefix(f"{images}/"), path
    raise InvalidScene(f"The scene's photo {shown(written)}, which {file} names, is missing.")


def _mask(folder: Path, written: object, photo: str, file: str) -> Path | None:
    """The file of a frame's mask: white where the photo counts."""
    if not isinstance(written, str) or not written:
        return None
    path = photo_in(folder, written.replace("\\", "/").removeprefix("./"))
    if path is None:
        raise InvalidScene(f"The mask {shown(written)} of {photo}, which {file} names, is missing.")
    return path


def _intrinsics(what: str, values: dict[str, Any], path: Path) -> Intrinsics:
    size = size_of(path)
    width, height = (int(_number(what, values, name, given)) for name, given in zip("wh", size or (0, 0), strict=True))
    name = values.get("camera_model") or "OPENCV"
    if values.get("is_fisheye") or name not in _PINHOLES:
        if name in _PINHOLES or not isinstance(name, str) or not name.isidentifier():
            name = "a fisheye"
        raise InvalidScene(f"{what} is {name}, not PINHOLE.", hint=HINT)
    angle = _number(what, values, "camera_angle_x", 0.0)
    from_angle = width / 2 / math.tan(angle / 2) if 1e-6 < angle < math.pi - 1e-6 else 0.0
    fx = _number(what, values, "fl_x", from_angle)
    fy = _number(what, values, "fl_y", fx)
    cx, cy = _number(what, values, "cx", width / 2), _number(what, values, "cy", height / 2)
    bends = BY_NAME["FULL_OPENCV"]
    lens = [_number(what, values, coefficient, 0.0) for coefficient in _COEFFICIENTS]
    model = CameraModel("OPENCV", 2, bends.distortion, bends.none)
    return pinhole(what, model, width, height, [fx, fy, cx, cy, *lens, 0.0, 0.0], HINT)


def _number(what: str, values: dict[str, Any], name: str, default: float) -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise InvalidScene(f"{what} has a {name} that is not a number.")
    return float(value)


def _pose(what: str, matrix: object) -> npt.NDArray[np.float64]:
    """camera_from_world (3, 4) in COLMAP's axes (y down, z forward) of a matrix from an OpenGL camera to the world."""
    try:
        to_world = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        to_world = np.empty(0)
    if to_world.shape not in ((3, 4), (4, 4)) or not np.isfinite(to_world).all() or np.abs(to_world).max() > FARTHEST:
        raise InvalidScene(f"{what} has no transform_matrix of 4 x 4 numbers.")
    turn, sizes, back = np.linalg.svd(to_world[:3, :3])
    rotation = turn @ back  # a scale, which some exporters leave in, is no part of a pose
    if not sizes[2] > 0.99 * sizes[0] > 0 or np.linalg.det(rotation) < 0:
        raise InvalidScene(f"{what} has a transform_matrix that is no rotation.")
    rotation = rotation * np.array([1.0, -1.0, -1.0])
    return np.hstack([rotation.T, -(rotation.T @ to_world[:3, 3:])])


def _points(folder: Path, file: str, described: dict[str, Any]) -> Points | None:
    written = described.get("ply_file_path")
    names = [written.replace("\\", "/").removeprefix("./")] if isinstance(written, str) else []
    for name in (*names, *POINT_FILES):
        if (path := photo_in(folder, name)) is not None:
            xyz, rgb = read_point_ply(path)
            return Points(xyz, rgb, np.zeros(len(xyz), np.int64))
    if names:
        raise InvalidScene(f"The points {shown(names[0])}, which {file} names, are missing.")
    return None


def _random_points(frames: list[PosedPhoto]) -> Points:
    """Points all over a cube about the point nearest to all the cameras' axes."""
    random = np.random.default_rng(0)
    if not frames:
        return Points(np.empty((0, 3)), np.empty((0, 3), np.uint8), np.empty(0, np.int64))
    poses = np.stack([frame.camera_from_world for frame in frames])
    centers = -np.einsum("nij,ni->nj", poses[:, :, :3], poses[:, :, 3])
    forward = poses[:, 2, :3]
    # The sum of squared distances to the axes is least where sum (1 - f f^T) (x - c) = 0.
    across = np.eye(3) - forward[:, :, None] * forward[:, None, :]
    middle = np.linalg.lstsq(across.sum(axis=0), np.einsum("nij,nj->i", across, centers), rcond=1e-3)[0]
    reach = RANDOM_REACH * float(np.median(np.linalg.norm(centers - middle, axis=1))) or 1.0
    xyz = middle + random.uniform(-reach, reach, (RANDOM_POINTS, 3))
    rgb = random.integers(0, 256, (RANDOM_POINTS, 3), dtype=np.uint8)
    return Points(xyz, rgb, np.zeros(RANDOM_POINTS, np.int64))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
