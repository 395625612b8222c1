"""COLMAP's database: made here with our cameras and fixed ids, filled by COLMAP, read back by everyone.

Image ids count the photos in capture order from 1, so `photos[image_id - 1]` is the photo of an image. With ids of
our own a reconstruction does not depend on which thread finished a photo first. COLMAP sees every photo under an
alias made of its id, because its list of pairs breaks at a space in a name.

The database is opened through pycolmap alone: a second copy of SQLite in the same process (Python's own) would
drop the locks of the first whenever it closes the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from splatworker.sfm.cameras import MAPPING_MODEL, CameraGroup, guessed_focal
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import PhotoHeader


def alias(image_id: int, photo: PhotoHeader) -> str:
    """The name under which COLMAP knows a photo."""
    return f"{image_id:06d}{Path(photo.name).suffix.lower()}"


def create(path: Path, photos: Sequence[PhotoHeader], groups: Sequence[CameraGroup], camera_model: str) -> None:
    """Write cameras and images before COLMAP sees the photos; camera ids count the groups from 1."""
    camera_ids = {photo.name: number for number, group in enumerate(groups, 1) for photo in group.photos}
    model = MAPPING_MODEL if camera_model == "auto" else camera_model
    with pycolmap.Database.open(path) as database:
        for camera_id, group in enumerate(groups, 1):
            camera = pycolmap.Camera.create_from_model_name(camera_id, model, group.focal, group.width, group.height)
            camera.has_prior_focal_length = group.has_prior
            _write_camera(database, camera)
        for image_id, photo in enumerate(photos, 1):
            _write_image(database, image_id, alias(image_id, photo), camera_ids[photo.name])


def _write_camera(database: pycolmap.Database, camera: pycolmap.Camera) -> None:
    """A camera, and the rig of its own that COLMAP asks for."""
    database.write_camera(camera, use_camera_id=True)
    rig = pycolmap.Rig()
    rig.rig_id = camera.camera_id
    rig.add_ref_sensor(camera.sensor_id)
    database.write_rig(rig, use_rig_id=True)


def _write_image(database: pycolmap.Database, image_id: int, name: str, camera_id: int) -> None:
    """An image, and the frame of its own that COLMAP's rigs ask for."""
    image = pycolmap.Image()
    image.image_id = image_id
    image.name = name
    image.camera_id = camera_id
    database.write_image(image, use_image_id=True)
    frame = pycolmap.Frame()
    frame.frame_id = image_id
    frame.rig_id = camera_id
    frame.add_data_id(image.data_id)
    database.write_frame(frame, use_frame_id=True)


def add_photo(database: pycolmap.Database, photo: PhotoHeader) -> None:
    """Add a photo under its own name, with a camera of its own about which nothing is claimed: to find features in."""
    number = database.num_images() + 1
    focal = float(max(photo.width, photo.height))
    camera = pycolmap.Camera.create_from_model_name(number, "SIMPLE_PINHOLE", focal, photo.width, photo.height)
    _write_camera(database, camera)
    _write_image(database, number, photo.name, number)


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


def forget_focal_lengths(path: Path) -> None:
    """Let cameras begin with the guess of photos that tell nothing, and drop the geometries found by what they told."""
    with pycolmap.Database.open(path) as database:
        for camera in database.read_all_cameras():
            focal = guessed_focal(camera.width, camera.height)
            forgotten = pycolmap.Camera.create_from_model_name(
                camera.camera_id, camera.model_name, focal, camera.width, camera.height
            )
            database.update_camera(forgotten)
        database.clear_two_view_geometries()


def keypoint_counts(path: Path) -> dict[int, int]:
    """Image id -> number of keypoints, 0 where COLMAP could not read the photo."""
    with pycolmap.Database.open(path) as database:
        return {
            image.image_id: database.num_keypoints_for_image(image.image_id) for image in database.read_all_images()
        }
