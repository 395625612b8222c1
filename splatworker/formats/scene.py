"""A scene folder: photos with known cameras, and the sparse points that training starts from.

scene/images/...                                    the undistorted photos
scene/sparse/0/{cameras,images,points3D}.bin        PINHOLE cameras, poses, points: what `sfm` writes

What other programs write is a scene as well: COLMAP's text (.txt), points as points3D.ply, sparse/ without 0/, several
models beside each other (the largest is taken), photos shrunk in images_2/ (cameras are scaled to their photos), and
the transforms.json of nerfstudio, instant-ngp and Blender (`transforms.py`).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from splatworker.errors import InvalidMasks, InvalidParam, InvalidScene
from splatworker.formats import transforms
from splatworker.formats.camera import Camera
from splatworker.formats.camera_models import LONGEST_SIDE, MOST_PIXELS
from splatworker.formats.colmap import FARTHEST, Points, PosedImage, read_cameras, read_images, read_points
from splatworker.formats.find import find_scene
from splatworker.formats.mask_names import AS_GIVEN, FOLDER, PHOTOS, MaskFiles, MaskRules, masks_folder
from splatworker.formats.ply import read_point_ply
from splatworker.formats.scene_photo import checked_name, photo_in, shown, size_of

HOLD_OUT_EVERY = 8
"""Of the photos sorted by name, those with index % 8 == 0 are held out for evaluation (Barron et al. 2022)."""

WIDEST_BY_DEFAULT = 1600
"""Pixels; wider photos are shrunk to this width when no resolution is asked for."""

_LEAST_IMAGE = 73
"""Bytes of an image in images.bin at least: what says that it has more of them is broken."""


@dataclass(frozen=True)
class Photo:
    """A registered photo: its name in the scene, its file, and its camera at the file's full size.

    `held_out` says whether the scene itself keeps the photo to be scored on; None: it does not say. `mask` is the file
    of its mask, where it has one; `rules` say how that, and its alpha, are meant (`hidden_parts`). `shrunk` is the
    file's width by that of the camera in the scene's files, and `lens` that camera's number there.
    """

    name: str
    path: Path
    camera: Camera
    held_out: bool | None = None
    mask: Path | None = None
    rules: MaskRules = AS_GIVEN
    shrunk: float = 1.0
    lens: int = 0


@dataclass(frozen=True)
class Scene:
    """Photos sorted by name, the sparse points, and what a person should hear of how they were read.

    `observed` is the file that says which photo sees which points (`formats.observations`); None where none does.
    """

    path: Path
    photos: list[Photo]
    points: Points
    remarks: tuple[str, ...] = ()
    observed: Path | None = None


def read_scene(path: Path, images: str = "images", masks: Path | None = None, rules: MaskRules = AS_GIVEN) -> Scene:
    """Read a scene folder, or that in a folder of `run`; `images` is the folder of the photos in it.

    Photos' masks are what the scene's files name, or else those in `masks`, by default the scene's folder of that name.

    Of a photo only the header is read, for its size: a camera of another size is scaled to it, as if it had been shrunk
    with the photo.

    Raises:
        InvalidScene: something is missing, garbled or empty.
        InvalidMasks: `masks` has none of any photo of the scene.
    """
    path = find_scene(path)
    observed = None
    models = _models(path)
    if not models and any((path / name).is_file() for name in transforms.FILES):
        frames, points, remarks = transforms.read_transforms(path, images)
        photos = [
            Photo(
                frame.name,
                frame.path,
                Camera(*frame.intrinsics, frame.camera_from_world),
                frame.held_out,
                frame.mask,
            )
            for frame in frames
        ]
    else:
        model, remarks = _largest(path, models) if models else (path / "sparse" / "0", [])
        cameras = read_cameras(_file(model, "cameras"))
        photos, observed = [], _file(model, "images")
        for image in read_images(observed):
            if image.camera_id not in cameras:
                raise InvalidScene(f"The photo {image.name} belongs to a camera that the scene does not have.")
            name, file = _photo_file(path, images, image)
            camera = Camera(*cameras[image.camera_id], image.camera_from_world)
            photos.append(Photo(name, file, camera, lens=image.camera_id))
        points = _read_points(model)
    if not photos:
        raise InvalidScene("The scene has no registered photos.")
    if twice := [name for name, count in Counter(photo.name for photo in photos).items() if count > 1]:
        raise InvalidScene(f"The scene has the photo {twice[0]} twice.")
    cameras_at_size = [_as_large_as(photo) for photo in photos]
    photos = [
        dataclasses.replace(photo, camera=camera, rules=rules, shrunk=camera.width / photo.camera.width)
        for photo, camera in zip(photos, cameras_at_size, strict=True)
    ]
    photos, said = _with_masks(photos, path, images, masks)
    kept = (np.abs(points.xyz) < FARTHEST).all(axis=1)
    points = Points(points.xyz[kept], points.rgb[kept], points.track_lengths[kept])
    return Scene(path, photos, points, (*remarks, *said), observed)


def _with_masks(photos: list[Photo], path: Path, images: str, masks: Path | None) -> tuple[list[Photo], list[str]]:
    """The photos with their masks, and what a person should hear of those."""
    folder = masks or masks_folder(path / images) or path / FOLDER
    files = MaskFiles.within(folder, [photo.path for photo in photos])
    named = [photo.name for photo in photos if photo.mask is not None and masks is None]
    found = [
        photo if photo.name in named else dataclasses.replace(photo, mask=files.of(photo.name)) for photo in photos
    ]
    if not files.names and masks is not None:
        raise InvalidMasks(f"There are no masks in '{masks}'.", stage="train")
    alone = files.without_photo(photo.name for photo in photos)
    if len(alone) < len(files.names) or not alone:
        return found, []
    if masks is not None:
        raise InvalidMasks(
            f"None of the {len(alone)} masks has the name of a photo of the scene ({alone[0]}, ...).",
            hint="Name the mask of a.jpg a.png, a.jpg.png or a_mask.png.",
            stage="train",
        )
    return found, [] if named else [f"The masks in {folder.name}/ are of no photo of the scene ({alone[0]}, ...)."]


def _models(path: Path) -> list[Path]:
    """The folders of COLMAP's models in a scene, in the order in which they are preferred."""
    numbered = [*path.glob("sparse/*"), *path.glob("colmap/sparse/*")]
    numbered.sort(key=lambda folder: (len(folder.parts), len(folder.name), folder.name))
    candidates = [*numbered, path / "sparse", path]
    files = [f"{part}.{kind}" for part in ("cameras", "images") for kind in ("bin", "txt")]
    return [folder for folder in candidates if any((folder / name).is_file() for name in files)]


def _largest(path: Path, models: list[Path]) -> tuple[Path, list[str]]:
    """The model with the most photos, the first of equals, and what a person should hear of the others."""
    if len(models) == 1:
        return models[0], []
    sizes = [_photos_in(model) for model in models]
    best = sizes.index(max(sizes))
    shown = [
        f"{model.relative_to(path).as_posix()} of {size} photos" for model, size in zip(models, sizes, strict=True)
    ]
    return models[best], [
        f"The scene has {len(models)} models ({', '.join(shown)}): the largest, "
        f"{models[best].relative_to(path).as_posix()}, is used."
    ]


def _photos_in(model: Path) -> int:
    """How many photos a model says it has; 0 for one that is broken."""
    file = _file(model, "images")
    try:
        if file.suffix == ".txt":
            return len(read_images(file))
        with file.open("rb") as opened:
            count = int.from_bytes(opened.read(8), "little")
        return count if count <= file.stat().st_size // _LEAST_IMAGE else 0
    except (InvalidScene, OSError):
        return 0


def _file(model: Path, part: str, *others: str) -> Path:
    """The file of a part of COLMAP's model: binary if there is one, text, or what else it may be."""
    kinds = ("bin", "txt", *others)
    return next((file for kind in kinds if (file := model / f"{part}.{kind}").is_file()), model / f"{part}.bin")


def _read_points(model: Path) -> Points:
    file = _file(model, "points3D", "ply")
    if file.suffix != ".ply":
        return read_points(file)
    xyz, rgb = read_point_ply(file)
    return Points(xyz, rgb, np.zeros(len(xyz), np.int64))


def _photo_file(path: Path, images: str, image: PosedImage) -> tuple[str, Path]:
    """A photo's name and file; the backslashes of a scene made on Windows are as good as /, and a name may begin with
    the folder of photos, as where COLMAP was given the folder around it.
    """
    name = checked_name(image.name)
    slashes = name.replace("\\", "/")
    folders = dict.fromkeys((f"{PurePath(images).name}/", f"{PHOTOS}/"))
    inner = [slashes.removeprefix(folder) for folder in folders if slashes.startswith(folder)]
    for candidate in dict.fromkeys((name, slashes, *inner)):
        if (file := photo_in(path / images, candidate)) is not None:
            return candidate, file
    raise InvalidScene(f"The scene's photo {images}/{shown(image.name)} is missing.")


def _as_large_as(photo: Photo) -> Camera:
    """The camera of a photo, scaled to it where only sizes differ; one of another shape stays, and is told later."""
    camera, size = photo.camera, size_of(photo.path)
    if size is None or size == (camera.width, camera.height):
        return camera
    rounded = 1 + camera.height / camera.width  # both sides of a shrunk photo are rounded
    same_shape = abs(size[1] - camera.height * size[0] / camera.width) <= rounded
    return camera.resized(*size) if same_shape else camera


def split(photos: list[Photo], hold_out: bool) -> tuple[list[Photo], list[Photo]]:
    """Photos to train on and photos held out (none, unless `hold_out`): those the scene names, or every 8th."""
    if not hold_out:
        return photos, []
    if any(photo.held_out is not None for photo in photos):
        return [photo for photo in photos if not photo.held_out], [photo for photo in photos if photo.held_out]
    return (
        [photo for index, photo in enumerate(photos) if index % HOLD_OUT_EVERY],
        [photo for index, photo in enumerate(photos) if index % HOLD_OUT_EVERY == 0],
    )


def image_size(camera: Camera, resolution: int = -1) -> tuple[int, int]:
    """Width and height that a photo is drawn with, in pixels.

    Args:
        camera: the camera at the photo's full size.
        resolution: as the original trainer's `-r`: 1, 2, 4, 8 divide both sides; -1 shrinks photos wider than
            1600 px to that width; any other number is a width.

    Raises:
        InvalidParam: that is larger than any camera's picture may be.
    """
    width, height = camera.width, camera.height
    widest = min(LONGEST_SIDE, MOST_PIXELS**0.5 * (width / height) ** 0.5, LONGEST_SIDE * width / height)
    if resolution > widest:
        raise InvalidParam(
            f"The resolution asks for pictures wider than the {widest:.0f} pixels that these photos may be drawn with.",
            hint="Give 1, 2, 4 or 8, by which sides are divided, or a smaller width.",
        )
    if resolution in (1, 2, 4, 8):
        factor = float(resolution)
    elif resolution == -1:
        factor = max(1.0, width / WIDEST_BY_DEFAULT)
    else:
        factor = width / resolution
    return max(1, round(width / factor)), max(1, round(height / factor))
