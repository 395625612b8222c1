"""The scene a trainer reads: photos without lens distortion, pinhole cameras, points."""

from __future__ import annotations

from collections.abc import Sequence
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


def write_scene(
    model: pycolmap.Reconstruction,
    photos: Sequence[PhotoHeader],
    scene: Path,
    bench: Workbench,
    span: Span,
) -> None:
    """Write `scene/images` and `scene/sparse/0` from a model; `photos[image_id - 1]` names an image.

    Photos are cropped to the largest rectangle without blank pixels, and shrunk as the options say. Where a photo is
    partly transparent its alpha is undistorted as its colours are, and so is what is ignored of it, which goes to
    `scene/masks`. All cameras are PINHOLE: COLMAP leaves one without
    distortion as it is, whatever its kind.
    """
    distorted, undistorted = bench.folder / "distorted", bench.folder / "undistorted"
    distorted.mkdir()
    model.write(distorted)
    undistortion = pycolmap.UndistortCameraOptions()
    undistortion.min_scale, undistortion.max_scale = _MIN_SCALE, _MAX_SCALE
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
    for camera in flat.cameras.values():
        _to_pinhole(camera)
    for image in flat.images.values():
        bench.cancellation.check()
        if (bench.alphas / image.name).exists():
            alpha = _undistorted(bench.alphas / image.name, model.cameras[image.camera_id], undistortion)
            was_black = (bench.masks / f"{image.name}.png").exists()
            _give_alpha(written / image.name, alpha, premultiplied=was_black)
    if bench.options.undistort_max_size:
        _shrink(flat, written, bench.options.undistort_max_size, bench.threads)
    for image_id, image in flat.images.items():
        if (bench.ignored / image.name).exists():
            ignored = _undistorted(bench.ignored / image.name, model.cameras[image.camera_id], undistortion)
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


def _to_pinhole(camera: pycolmap.Camera) -> None:
    """Name a camera without distortion by what it is."""
    focal = camera.focal_length_x, camera.focal_length_y
    center = camera.principal_point_x, camera.principal_point_y
    camera.model = pycolmap.CameraModelId.PINHOLE
    camera.params = [*focal, *center]


def _undistorted(
    grey: Path, camera: pycolmap.Camera, options: pycolmap.UndistortCameraOptions
) -> npt.NDArray[np.uint8]:
    """(H, W) a grey picture of a photo's size, undistorted as the photo was; 0 where the photo shows nothing."""
    with Image.open(grey, formats=FORMATS) as image:
        given = np.asarray(image)
    flat, _ = pycolmap.undistort_image(options, pycolmap.Bitmap.from_array(given), camera)
    return np.asarray(flat.to_array()).reshape(flat.height, flat.width)


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
