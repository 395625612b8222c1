"""The scene a trainer reads: photos without lens distortion, pinhole cameras, points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.formats.mask_names import mask_name
from splatworker.formats.masks import kept
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.metadata import drop_metadata
from splatworker.sfm.photo import FORMATS, PhotoHeader
from splatworker.sfm.watch import Span, watch
from splatworker.sfm.workbench import Workbench

_JPEG_QUALITY = 95
_MIN_SCALE, _MAX_SCALE = 0.5, 1.5
"""The undistorted photo is at least and at most so many times the size of the original: lenses that the gate lets
pass stay well inside, and one it should not have cannot make a sliver or a giant."""

WIDEST_DEG = 110.0
"""What is kept of a fisheye, across and up. Beyond, a pinhole camera draws everything out: at 55 degrees from its axis
to three times its size in the middle."""

_WIDEST = math.tan(math.radians(WIDEST_DEG / 2))

Box = tuple[int, int, int, int]
"""Left, top, right and bottom edge of what is kept of an undistorted photo, in pixels."""


def write_scene(
    model: pycolmap.Reconstruction,
    photos: Sequence[PhotoHeader],
    scene: Path,
    bench: Workbench,
    span: Span,
) -> dict[int, float]:
    """Write `scene/images` and `scene/sparse/0` from a model; `photos[image_id - 1]` names an image.

    Photos are cropped to the largest rectangle without blank pixels, and shrunk as the options say. Where a photo is
    partly transparent its alpha is undistorted as its colours are, and so is what is ignored of it, which goes to
    `scene/masks`. All cameras are PINHOLE: COLMAP leaves one without distortion as it is, whatever its kind. Of
    fisheyes `WIDEST_DEG` are kept.

    Returns:
        Of each fisheye, by camera id, the share of its photos' pixels that is kept.
    """
    distorted, undistorted = bench.folder / "distorted", bench.folder / "undistorted"
    distorted.mkdir()
    model.write(distorted)
    undistortion = pycolmap.UndistortCameraOptions()
    undistortion.min_scale, undistortion.max_scale = _MIN_SCALE, _MAX_SCALE
    undistortion.max_cam_point_norm = _WIDEST if any(map(is_fisheye, model.cameras.values())) else -1.0
    written = undistorted / "images"
    count = model.num_reg_images()
    watch(
        lambda: pycolmap.undistort_images(
            undistorted,
            distorted,
            bench.photos,
            undistort_options=undistortion,
            jpeg_quality=_JPEG_QUALITY,
            num_threads=bench.threads,
            cancellation_token=bench.cancellation.token,
        ),
        lambda: span.report(sum(1 for _ in written.iterdir()) if written.is_dir() else 0, count),
        bench.cancellation,
    )
    (scene / "images").mkdir()
    flat = pycolmap.Reconstruction(undistorted / "sparse")
    boxes = {}
    for camera_id, camera in flat.cameras.items():
        _to_pinhole(camera)
        if is_fisheye(model.cameras[camera_id]):
            boxes[camera_id] = _middle(camera)
    _crop(flat, written, boxes)
    shares = {camera_id: share_kept(model.cameras[camera_id], flat.cameras[camera_id]) for camera_id in boxes}
    for image in flat.images.values():
        bench.cancellation.check()
        if (bench.alphas / image.name).exists():
            box = boxes.get(image.camera_id)
            alpha = _undistorted(bench.alphas / image.name, model.cameras[image.camera_id], undistortion, box)
            was_black = (bench.masks / f"{image.name}.png").exists()
            _give_alpha(written / image.name, alpha, premultiplied=was_black)
    if bench.options.undistort_max_size:
        _shrink(flat, written, bench.options.undistort_max_size, bench.threads)
    for image_id, image in flat.images.items():
        if (bench.ignored / image.name).exists():
            box = boxes.get(image.camera_id)
            ignored = _undistorted(bench.ignored / image.name, model.cameras[image.camera_id], undistortion, box)
            camera = flat.cameras[image.camera_id]
            _write_mask(ignored, (camera.width, camera.height), scene / "masks" / mask_name(photos[image_id - 1].name))
        drop_metadata(written / image.name)
        place = scene / "images" / photos[image_id - 1].name
        place.parent.mkdir(parents=True, exist_ok=True)
        (written / image.name).rename(place)
        image.name = photos[image_id - 1].name
    flat.write(undistorted)
    sparse = scene / "sparse" / "0"
    sparse.mkdir(parents=True)
    for name in ("cameras.bin", "images.bin", "points3D.bin"):
        (undistorted / name).rename(sparse / name)
    return shares


def _to_pinhole(camera: pycolmap.Camera) -> None:
    """Name a camera without distortion by what it is."""
    focal = camera.focal_length_x, camera.focal_length_y
    center = camera.principal_point_x, camera.principal_point_y
    camera.model = pycolmap.CameraModelId.PINHOLE
    camera.params = [*focal, *center]


def is_fisheye(camera: pycolmap.Camera) -> bool:
    """Whether a camera's model is one of a fisheye."""
    return "FISHEYE" in camera.model_name


def share_kept(distorted: pycolmap.Camera, flat: pycolmap.Camera) -> float:
    """The share of a photo's pixels that its undistorted one shows."""
    x, y = np.meshgrid(np.linspace(0.5, distorted.width - 0.5, 200), np.linspace(0.5, distorted.height - 0.5, 200))
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    rays = np.asarray(distorted.cam_from_img(pixels), dtype=float)
    ahead = np.hypot(*((pixels - pixels.mean(axis=0)) / distorted.mean_focal_length()).T) < np.pi / 2
    fx, fy, cx, cy = flat.params
    seen = rays * [fx, fy] + [cx, cy]
    return float((ahead & ((seen >= 0) & (seen <= [flat.width, flat.height])).all(axis=1)).mean())


def _middle(camera: pycolmap.Camera) -> Box:
    """What of a pinhole camera lies within `WIDEST_DEG`."""
    fx, fy, cx, cy = camera.params
    left, top = max(0, math.ceil(cx - _WIDEST * fx)), max(0, math.ceil(cy - _WIDEST * fy))
    return left, top, min(camera.width, int(cx + _WIDEST * fx)), min(camera.height, int(cy + _WIDEST * fy))


def _crop(model: pycolmap.Reconstruction, photos: Path, boxes: Mapping[int, Box]) -> None:
    """Crop photos, and the model's cameras with them, to a box for each camera id that has one."""
    for image in model.images.values():
        if image.camera_id in boxes:
            with Image.open(photos / image.name, formats=FORMATS) as photo:
                cropped = photo.crop(boxes[image.camera_id])
            cropped.save(photos / image.name, quality=_JPEG_QUALITY, subsampling=0)
            for point in image.points2D:
                point.xy = point.xy - boxes[image.camera_id][:2]
    for camera_id, (left, top, right, bottom) in boxes.items():
        camera = model.cameras[camera_id]
        fx, fy, cx, cy = camera.params
        camera.width, camera.height = right - left, bottom - top
        camera.params = [fx, fy, cx - left, cy - top]


def _undistorted(
    grey: Path, camera: pycolmap.Camera, options: pycolmap.UndistortCameraOptions, box: Box | None
) -> npt.NDArray[np.uint8]:
    """(H, W) a grey picture of a photo's size, undistorted as the photo was; 0 where the photo shows nothing."""
    with Image.open(grey, formats=FORMATS) as image:
        given = np.asarray(image)
    flat, _ = pycolmap.undistort_image(options, pycolmap.Bitmap.from_array(given), camera)
    left, top, right, bottom = box or (0, 0, flat.width, flat.height)
    return np.asarray(flat.to_array()).reshape(flat.height, flat.width)[top:bottom, left:right]


def _give_alpha(written: Path, opacity: npt.NDArray[np.uint8], *, premultiplied: bool) -> None:
    """Make a photo transparent again; `premultiplied` where it was undistorted over black."""
    with Image.open(written, formats=FORMATS) as photo:
        colours = np.asarray(photo.convert("RGB"))
    if premultiplied:
        divided = colours.astype(np.float32) * (255.0 / np.maximum(opacity, 1)[:, :, None])
        colours = np.clip(divided + 0.5, 0, 255).astype(np.uint8)
    colours = np.where(opacity[:, :, None] > 0, colours, np.uint8(0))  # nobody sees them, and zeros take no room
    Image.fromarray(np.dstack([colours, opacity]), "RGBA").save(written, "PNG", compress_level=1)


def _write_mask(ignored: npt.NDArray[np.uint8], size: tuple[int, int], target: Path) -> None:
    """Write what counts of an undistorted photo of this size, in black and white alone."""
    mask = Image.fromarray(ignored)
    mask = mask if mask.size == size else mask.resize(size, Image.Resampling.BOX)
    target.parent.mkdir(parents=True, exist_ok=True)
    kept(mask).save(target, "PNG")


def _shrink(model: pycolmap.Reconstruction, photos: Path, longest: int, threads: int) -> None:
    """Shrink photos, and the model's cameras with them, until no side is longer than `longest`.

    COLMAP's undistortion would do it, but takes single pixels out of a large photo: thin lines flicker between views,
    and no splat can show that (0.6 dB on the example photos at half their size).
    """
    sizes: dict[int, tuple[int, int]] = {}
    for camera_id, camera in model.cameras.items():
        scale = min(1.0, longest / max(camera.width, camera.height))
        sizes[camera_id] = max(1, round(camera.width * scale)), max(1, round(camera.height * scale))
    with ThreadPoolExecutor(threads) as pool:
        jobs = []
        for image in model.images.values():
            before, size = model.cameras[image.camera_id], sizes[image.camera_id]
            if size == (before.width, before.height):
                continue
            jobs.append(pool.submit(_shrink_photo, photos / image.name, size))
            for point in image.points2D:
                point.xy = point.xy * [size[0] / before.width, size[1] / before.height]
        for job in jobs:
            job.result()
    for camera_id, (width, height) in sizes.items():
        model.cameras[camera_id].rescale(width, height)


def _shrink_photo(path: Path, size: tuple[int, int]) -> None:
    with Image.open(path, formats=FORMATS) as photo:
        shrunk = photo.convert("RGBA" if photo.mode == "RGBA" else "RGB").resize(size, Image.Resampling.LANCZOS)
    shrunk.save(path, quality=_JPEG_QUALITY, subsampling=0)
