"""Is this reconstruction fit to train on? Photos and whole models that cannot be true are found here.

COLMAP's own figures do not show it: a reprojection error under a pixel goes together with focal lengths of ten
metres and cameras half a turn off. What cannot be true shows in the cameras themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from splatworker.sfm import agreement, bend, leave_one_out, model_arrays, other_lens
from splatworker.sfm.cameras import FOCAL_RANGE, CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.pairs import Pair

FOCAL_DRIFT = 1.7
"""A focal length further than this factor from the header's is doubted: either it ran away, or the header is wrong."""

CORNER_RATIO = (0.75, 1.8)
"""Undistorting moves a corner to this many times its distance from the center: barrels are common (an action camera
reaches 1.5), pincushions rare and weak."""

MIN_POINTS = 20
"""A photo that sees fewer points is placed by chance."""

FAR_OFF = 20.0
"""A camera further from the middle than this multiple of the median distance is an outlier."""

MIN_ANGLE_DEG = 0.7
"""Points whose widest rays meet, in the median, under this angle have no depth: all photos from one spot."""

MAX_BEHIND = 0.01
"""Share of observations of points behind the camera."""

MAX_IMPLAUSIBLE = 0.2
"""With more than this share of the photos implausible, the whole model is."""

DOUBTFUL = 0.8
"""A photo of which a smaller share of the matches agrees closely, times that of good pairs, may be another lens's."""

FEWEST_ELSEWHERE = 3
"""Frames: single ones that come out elsewhere have few points to be sure by; `leave_one_out` is there for groups."""

_SAMPLE = 2000

_STEEPEST = 4.0
"""Tangent of the angle up to which a fisheye is judged: 76 degrees; at 90 there is none."""


@dataclass
class Inspection:
    """What is wrong with a model.

    Attributes:
        implausible_images: image id -> what is wrong with that photo's camera, a clause. The views of a panorama stand
            or fall together, and under the id of its frame.
        faults: what is wrong with the model as a whole, a clause each; empty if it can be trained on.
        flat: one of the faults is that rays hardly meet: no depth can be computed.
        doubted: camera id -> how it contradicts the header of its photos, a clause. No fault by itself: a header is
            evidence among other.
        bent: frames of the smaller parts of a bent model, which the matches between them and the others do not fit
            closely, or whose cameras come out elsewhere by what the others say. No fault either: the model may still
            be the best that there is.
        contradicted: so many cameras are contradicted by their photos' matches, or bent, that the fault is not theirs.
        other_lens: of the implausible ones those that another lens has taken, which is no fault of the model.
        arrays: the model's, which it was judged by.
    """

    implausible_images: dict[int, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    flat: bool = False
    doubted: dict[int, str] = field(default_factory=dict)
    bent: set[int] = field(default_factory=set)
    contradicted: bool = False
    other_lens: set[int] = field(default_factory=set)
    arrays: model_arrays.ModelArrays | None = field(default=None, repr=False, compare=False)


def inspect(
    model: pycolmap.Reconstruction,
    groups: Sequence[CameraGroup],
    verified: agreement.Verified | None = None,
    *,
    threads: int = 1,
) -> Inspection:
    """Look for cameras that cannot be true; `groups[camera_id - 1]` holds what was known before.

    With the `verified` matches of the photos, cameras that these contradict are found, too.
    """
    arrays = model_arrays.read(model)
    found = Inspection(arrays=arrays)
    implausible = {camera_id: clause for camera_id, camera in model.cameras.items() if (clause := lens_fault(camera))}
    found.doubted = contradictions(model, groups)
    frames = registered_frames(model)
    placed = agreement.placed(model, verified, arrays) if verified else {}
    closely = close_votes(model, verified, placed, threads) if verified else {}
    contradicted = contradicted_frames(model, verified, closely, placed) if verified else {}
    lenses = other_lenses(model, groups, verified, closely, placed) if verified else {}
    far = far_off({frame_id: images[0].projection_center() for frame_id, images in frames.items()})
    for frame_id, images in frames.items():
        points = sum(image.num_points3D for image in images)
        if images[0].camera_id in implausible:
            found.implausible_images[frame_id] = implausible[images[0].camera_id]
        elif frame_id in lenses:
            found.implausible_images[frame_id] = lenses[frame_id]
            found.other_lens.add(frame_id)
        elif points < MIN_POINTS:
            found.implausible_images[frame_id] = f"it sees only {points} points of the scene"
        elif frame_id in far:
            found.implausible_images[frame_id] = "its camera came out far away from all others"
        elif frame_id in contradicted:
            found.implausible_images[frame_id] = contradicted[frame_id]
    impossible = found.implausible_images.keys() - found.other_lens
    if len(impossible) > MAX_IMPLAUSIBLE * len(frames):
        clause = next(found.implausible_images[frame_id] for frame_id in frames if frame_id in impossible)
        found.faults.append(f"{len(impossible)} of {len(frames)} cameras are impossible ({clause})")
    found.bent = bend.bent({pair: vote for pair, vote in closely.items() if not found.implausible_images.keys() & pair})
    if verified:
        found.bent |= _elsewhere(model, arrays, threads) - found.implausible_images.keys()
    found.contradicted = len((contradicted.keys() | found.bent) - found.other_lens) > MAX_IMPLAUSIBLE * len(frames)
    angle, behind = _rays(model, arrays)
    found.flat = angle < MIN_ANGLE_DEG
    if found.flat:
        found.faults.append(f"the cameras stand in one spot (rays meet under {angle:.2f} degrees)")
    if behind > MAX_BEHIND:
        found.faults.append(f"{behind:.0%} of what the cameras see lies behind them")
    return found


def contradicted_frames(
    model: pycolmap.Reconstruction,
    verified: agreement.Verified,
    closely: Mapping[Pair, tuple[int, int]],
    placed: Mapping[int, agreement.Placed],
) -> dict[int, str]:
    """Frame id -> how the matches of its photos contradict where its camera came out, a clause."""
    if not agreement.misplaced(closely) and not agreement.set_apart(closely):
        return {}  # what agrees closely agrees: nothing to count again
    votes = _votes_of_frames(model, verified, agreement.MAX_ERROR_PX, placed)
    apart = dict.fromkeys(
        agreement.set_apart(votes), "its camera is one of some that came out apart from where their matches have them"
    )
    return apart | {
        frame_id: f"only {share:.0%} of its matches with other photos agree with where its camera came out"
        for frame_id, share in agreement.misplaced(votes).items()
    }


def _elsewhere(
    model: pycolmap.Reconstruction, arrays: model_arrays.ModelArrays | None = None, threads: int = 1
) -> set[int]:
    """The frames whose photos come out elsewhere by the points that the others fix; none where it is only a few."""
    found = {model.image(image_id).frame_id for image_id in leave_one_out.elsewhere(model, arrays, threads)}
    return found if len(found) >= FEWEST_ELSEWHERE else set()


def close_votes(
    model: pycolmap.Reconstruction,
    verified: agreement.Verified,
    placed: Mapping[int, agreement.Placed],
    threads: int = 1,
) -> dict[Pair, tuple[int, int]]:
    """Pair of frames -> (matches that agree with the model closely, all of them)."""
    return _votes_of_frames(model, verified, bend.CLOSE_PX, placed, threads)


def _votes_of_frames(
    model: pycolmap.Reconstruction,
    verified: agreement.Verified,
    max_error: float,
    placed: Mapping[int, agreement.Placed],
    threads: int = 1,
) -> dict[Pair, tuple[int, int]]:
    frame_of = {image_id: model.image(image_id).frame_id for image_id in model.reg_image_ids()}
    return agreement.by_frame(agreement.agreeing(model, verified, max_error, placed, threads), frame_of)


def other_lenses(
    model: pycolmap.Reconstruction,
    groups: Sequence[CameraGroup],
    verified: agreement.Verified,
    closely: Mapping[Pair, tuple[int, int]],
    placed: Mapping[int, agreement.Placed],
) -> dict[int, str]:
    """Frame id -> what its photo's lens is, a clause, of photos that share a camera with others and should not."""
    least = DOUBTFUL * bend.usual_share(closely)
    shared = {camera_id for camera_id, group in enumerate(groups, 1) if len(group.photos) > 2 and not group.calibration}
    doubtful = {
        frame_id
        for frame_id, share in agreement.shares(closely).items()
        if share < least and model.exists_image(frame_id) and model.image(frame_id).camera_id in shared
    }
    found = {}
    for image_id, focal in other_lens.other_focals(model, verified, doubtful, placed).items():
        others = model.camera(model.image(image_id).camera_id).mean_focal_length()
        found[image_id] = (
            f"it seems to have been taken with another lens, or zoomed: its focal length fits as {focal:.0f} pixels, "
            f"that of the photos with the same camera as {others:.0f}"
        )
    return found


def registered_frames(model: pycolmap.Reconstruction) -> dict[int, list[pycolmap.Image]]:
    """The images that have a camera, by the frame that they were taken in."""
    frames: dict[int, list[pycolmap.Image]] = {}
    for image_id in sorted(model.reg_image_ids()):
        image = model.image(image_id)
        frames.setdefault(image.frame_id, []).append(image)
    return frames


def contradictions(model: pycolmap.Reconstruction, groups: Sequence[CameraGroup]) -> dict[int, str]:
    """Camera id -> how it contradicts the header of its photos, a clause, of those that do."""
    clauses = {camera_id: contradiction(camera, groups[camera_id - 1]) for camera_id, camera in model.cameras.items()}
    return {camera_id: clause for camera_id, clause in clauses.items() if clause}


def contradiction(camera: pycolmap.Camera, group: CameraGroup) -> str:
    """How a camera contradicts the header of its photos, a clause, or ""."""
    focal = camera.mean_focal_length()
    if group.has_prior and not 1 / FOCAL_DRIFT < focal / group.focal < FOCAL_DRIFT:
        return f"the focal length came out as {focal:.0f} pixels where the header says {group.focal:.0f}"
    return ""


def lens_fault(camera: pycolmap.Camera) -> str:
    """What cannot be true about a camera's intrinsics, a clause, or ""."""
    focal = camera.mean_focal_length()
    longer = max(camera.width, camera.height)
    if not FOCAL_RANGE[0] < focal / longer < FOCAL_RANGE[1]:
        return f"its focal length came out as {focal / longer:.1f} times the photo's longer side"
    if "FISHEYE" in camera.model_name:
        return _fisheye_fault(camera)
    corners = np.array([[0, 0], [camera.width, 0], [0, camera.height], [camera.width, camera.height]], float)
    bent = np.asarray(camera.cam_from_img(corners), float)
    center = np.array([camera.principal_point_x, camera.principal_point_y])
    straight = (corners - center) / [camera.focal_length_x, camera.focal_length_y]
    ratio = np.linalg.norm(bent, axis=1) / np.linalg.norm(straight, axis=1)
    if not np.all((ratio > CORNER_RATIO[0]) & (ratio < CORNER_RATIO[1])):
        return "its lens came out as bent beyond any real one"
    return ""


def _fisheye_fault(camera: pycolmap.Camera) -> str:
    """The same of a fisheye: from its middle to its corners angles must grow, as far as rays have a tangent."""
    center = np.array([camera.principal_point_x, camera.principal_point_y])
    way = np.linspace(0.02, 1.0, 60)[:, None]
    for corner in ([0, 0], [camera.width, camera.height]):
        tangents = np.linalg.norm(np.asarray(camera.cam_from_img(center + way * (corner - center)), float), axis=1)
        steep = tangents > _STEEPEST
        judged = tangents[: int(steep.argmax()) + 1] if steep.any() else tangents
        if not np.all(np.diff(judged) > 0):  # nor where one is not a number
            return "its lens came out as bent beyond any real one"
    return ""


def far_off(centers: dict[int, npt.NDArray[np.float64]]) -> set[int]:
    """Of camera centers by id, those far away from all others."""
    positions = np.array(list(centers.values()))
    distances = np.linalg.norm(positions - np.median(positions, axis=0), axis=1)
    limit = FAR_OFF * max(float(np.median(distances)), 1e-12)
    return {image_id for image_id, distance in zip(centers, distances, strict=True) if distance > limit}


def _rays(model: pycolmap.Reconstruction, arrays: model_arrays.ModelArrays) -> tuple[float, float]:
    """(median over points of the widest angle between two of its rays in degrees, share of points behind)."""
    poses = np.array([model.image(image_id).cam_from_world().matrix() for image_id in arrays.images])
    image, point, _ = arrays.observations()
    some = np.flatnonzero(point % max(1, len(arrays.points) // _SAMPLE) == 0)
    some = some[np.argsort(point[some], kind="stable")]
    counts = np.bincount(point[some])
    sampled = np.flatnonzero(counts)
    lengths = counts[sampled]
    first = np.cumsum(lengths) - lengths
    angles: list[npt.NDArray[np.float64]] = []
    behind, seen = 0, 0
    for length in np.flatnonzero(np.bincount(lengths)):
        alike = lengths == length
        places, matrices = arrays.points[sampled[alike]], poses[image[some[first[alike][:, None] + np.arange(length)]]]
        rotations = matrices[..., :3]
        rays = np.einsum("pnij,pj->pni", rotations, places) + matrices[..., 3]  # in each camera's frame
        behind += int((rays[..., 2] <= 0).sum())
        seen += rays[..., 2].size
        world = np.einsum("pnji,pnj->pni", rotations, rays)
        world /= np.maximum(np.linalg.norm(world, axis=2, keepdims=True), 1e-12)
        cosines = np.einsum("pni,pmi->pnm", world, world).min(axis=(1, 2))
        angles.append(np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))))
    return (float(np.median(np.concatenate(angles))), behind / seen) if angles else (0.0, 0.0)
