"""COLMAP's database: made here with our cameras and fixed ids, filled by COLMAP, read back by everyone.

Image ids count the photos in capture order from 1, so `photos[image_id - 1]` is the photo of an image. With ids of
our own a reconstruction does not depend on which thread finished a photo first. COLMAP sees every photo under an
alias made of its id, because its list of pairs breaks at a space in a name.

The database is opened through pycolmap alone: a second copy of SQLite in the same process (Python's own) would
drop the locks of the first whenever it closes the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.sfm.cameras import FISHEYE_MAPPING_MODEL, MAPPING_MODEL, CameraGroup, guessed_focal
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import PhotoHeader, frames_of
from splatworker.sfm.views import View


def alias(image_id: int, photo: PhotoHeader) -> str:
    """The name under which COLMAP knows a photo."""
    return f"{image_id:06d}{Path(photo.name).suffix.lower()}"


def create(path: Path, photos: Sequence[PhotoHeader], groups: Sequence[CameraGroup], camera_model: str) -> None:
    """Write cameras and images before COLMAP sees the photos; camera ids count the groups from 1.

    The views of a panorama are one frame, with the id of its first image, of a rig: their directions are known, and
    they have one center. Every other photo is a frame by itself, of a rig of one camera.
    """
    camera_ids = {photo.name: number for number, group in enumerate(groups, 1) for photo in group.photos}
    model = MAPPING_MODEL if camera_model == "auto" else camera_model
    frames: dict[int, list[int]] = {}
    for image_id, frame_id in enumerate(frames_of(photos), 1):
        frames.setdefault(frame_id, []).append(image_id)
    with pycolmap.Database.open(path) as database:
        for camera_id, group in enumerate(groups, 1):
            named = "PINHOLE" if group.calibration else model
            if group.told == "fisheye" and camera_model == "auto":
                named = FISHEYE_MAPPING_MODEL
            camera = pycolmap.Camera.create_from_model_name(camera_id, named, group.focal, group.width, group.height)
            if group.calibration:
                camera.params = list(group.calibration)
            camera.has_prior_focal_length = group.has_prior or bool(group.told)
            database.write_camera(camera, use_camera_id=True)
        rigs: set[int] = set()
        for frame_id, image_ids in frames.items():
            cameras = {camera_ids[photos[image_id - 1].name]: photos[image_id - 1].view for image_id in image_ids}
            rig_id = next(iter(cameras))  # panoramas that share their first camera were cut alike, and share them all
            if rig_id not in rigs:
                _write_rig(database, cameras)
                rigs.add(rig_id)
            names = {image_id: alias(image_id, photos[image_id - 1]) for image_id in image_ids}
            _write_frame(database, frame_id, rig_id, names, list(cameras))


def _write_rig(database: pycolmap.Database, cameras: Mapping[int, View | None]) -> None:
    """The rig of cameras, by id, that always photograph together; the first is its reference, whose id it takes."""
    (first_id, first), *others = cameras.items()
    rig = pycolmap.Rig()
    rig.rig_id = first_id
    rig.add_ref_sensor(_sensor(first_id))
    for camera_id, view in others:
        assert first is not None
        assert view is not None
        turn = pycolmap.Rotation3d(view.rotation() @ first.rotation().T)
        rig.add_sensor(_sensor(camera_id), pycolmap.Rigid3d(turn, np.zeros(3)))
    database.write_rig(rig, use_rig_id=True)


def _sensor(camera_id: int) -> pycolmap.sensor_t:
    return pycolmap.sensor_t(pycolmap.SensorType.CAMERA, camera_id)


def _write_frame(
    database: pycolmap.Database, frame_id: int, rig_id: int, names: Mapping[int, str], camera_ids: Sequence[int]
) -> None:
    """Images that were taken together: their names by id, each with its camera of the rig."""
    frame = pycolmap.Frame()
    frame.frame_id = frame_id
    frame.rig_id = rig_id
    for (image_id, name), camera_id in zip(names.items(), camera_ids, strict=True):
        image = pycolmap.Image()
        image.image_id = image_id
        image.name = name
        image.camera_id = camera_id
        database.write_image(image, use_image_id=True)
        frame.add_data_id(image.data_id)
    database.write_frame(frame, use_frame_id=True)


def add_photo(database: pycolmap.Database, photo: PhotoHeader) -> None:
    """Add a photo under its own name, with a camera of its own about which nothing is claimed: to find features in."""
    number = database.num_images() + 1
    focal = float(max(photo.width, photo.height))
    camera = pycolmap.Camera.create_from_model_name(number, "SIMPLE_PINHOLE", focal, photo.width, photo.height)
    database.write_camera(camera, use_camera_id=True)
    _write_rig(database, {number: None})
    _write_frame(database, number, number, {number: photo.name}, [number])


def copy_features(source: Path, target: Path, photos: Sequence[PhotoHeader]) -> None:
    """Give the images of `target` the features that `source` has of photos of their names and sizes."""
    with pycolmap.Database.open(source) as found, pycolmap.Database.open(target) as database:
        known = {image.name: image for image in found.read_all_images()}
        cameras = {camera.camera_id: camera for camera in found.read_all_cameras()}
        with pycolmap.DatabaseTransaction(database):
            for image_id, photo in enumerate(photos, 1):
                image = known.get(photo.name)
                if image is None or not found.exists_descriptors(image.image_id):
                    continue
                camera = cameras[image.camera_id]
                if (camera.width, camera.height) == (photo.width, photo.height):
                    database.write_keypoints(image_id, found.read_keypoints(image.image_id))
                    database.write_descriptors(image_id, found.read_descriptors(image.image_id))


def copy_matches(source: Path, target: Path) -> None:
    """Give `target`, a database of the same photos by other cameras, the features and matches of `source`."""
    with (
        pycolmap.Database.open(source) as found,
        pycolmap.Database.open(target) as database,
        pycolmap.DatabaseTransaction(database),
    ):
        for image in found.read_all_images():
            if found.exists_keypoints(image.image_id):
                database.write_keypoints(image.image_id, found.read_keypoints(image.image_id))
            if found.exists_descriptors(image.image_id):
                database.write_descriptors(image.image_id, found.read_descriptors(image.image_id))
        for pair_id, matches in zip(*found.read_all_matches(), strict=True):
            database.write_matches(*pycolmap.pair_id_to_image_pair(pair_id), matches)


def forget_focal_lengths(path: Path, fixed: Collection[int] = ()) -> None:
    """Let cameras begin with the guess of photos that tell nothing, and drop the geometries found by what they told.

    Those whose ids are `fixed` stay as they are, and so do fisheyes, whose focal lengths no header told.
    """
    with pycolmap.Database.open(path) as database:
        for camera in database.read_all_cameras():
            if camera.camera_id in fixed or "FISHEYE" in camera.model_name:
                continue
            focal = guessed_focal(camera.width, camera.height)
            forgotten = pycolmap.Camera.create_from_model_name(
                camera.camera_id, camera.model_name, focal, camera.width, camera.height
            )
            database.update_camera(forgotten)
        database.clear_two_view_geometries()


FISHEYE = "OPENCV_FISHEYE"
"""The model of a fisheye that a caller may name."""


def make_fisheyes(path: Path, focals: Mapping[int, float], camera_model: str) -> None:
    """Let cameras, by id, be fisheyes of these focal lengths, and drop the geometries found without that."""
    model = camera_model if camera_model == FISHEYE else FISHEYE_MAPPING_MODEL
    with pycolmap.Database.open(path) as database:
        for camera_id, focal in focals.items():
            before = database.read_camera(camera_id)
            camera = pycolmap.Camera.create_from_model_name(camera_id, model, focal, before.width, before.height)
            camera.has_prior_focal_length = True  # near enough for rays, without which no two fisheyes can be compared
            database.update_camera(camera)
        database.clear_two_view_geometries()


def keypoint_counts(path: Path) -> dict[int, int]:
    """Image id -> number of keypoints, 0 where COLMAP could not read the photo."""
    with pycolmap.Database.open(path) as database:
        return {
            image.image_id: database.num_keypoints_for_image(image.image_id) for image in database.read_all_images()
        }


def keypoints_of(opened: pycolmap.Database, image_id: int) -> npt.NDArray[np.float32]:
    """(N, 6) x, y and the four numbers of an affine frame; none where the photo has none, or was not read."""
    if not opened.exists_keypoints(image_id):
        return np.zeros((0, 6), np.float32)
    keypoints = np.asarray(opened.read_keypoints(image_id))
    return keypoints if keypoints.ndim == 2 and len(keypoints) else np.zeros((0, 6), np.float32)
