"""The scene a trainer reads: photos without lens distortion, pinhole cameras, points."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.formats.image_records import ImageRecord
from splatworker.formats.mask_names import mask_name
from splatworker.formats.masks import hides_all, kept
from splatworker.sfm import database, point_colours, sparse_files
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.faces import Aside, share_out
from splatworker.sfm.photo import FORMATS, PhotoHeader
from splatworker.sfm.resampling import Pixels, resample, straighten
from splatworker.sfm.watch import Span
from splatworker.sfm.wide_lens import Wide, named, wide_of
from splatworker.sfm.workbench import Workbench

_JPEG_QUALITY = 95
_MIN_SCALE, _MAX_SCALE = 0.5, 1.5
"""The undistorted photo is at least and at most so many times the size of the original: lenses that the gate lets
pass stay well inside, and one it should not have cannot make a sliver or a giant."""

WIDEST_DEG = 110.0
"""What one picture keeps of a fisheye, across and up. Beyond, a pinhole camera draws everything out: at 55 degrees from
its axis to three times its size in the middle. The rest is shown by others (`faces`)."""

_WIDEST = math.tan(math.radians(WIDEST_DEG / 2))


@dataclass(frozen=True)
class Straightening:
    """What becomes of a camera.

    Attributes:
        lens: as it was found.
        pinhole: what its photos are straightened for.
        small: the same shrunk to the size at which they are written.
        is_cropped: the pinhole camera sees the middle alone of what the lens shows.
        wide: what is made of a fisheye beside that; None for any other lens.
    """

    lens: pycolmap.Camera
    pinhole: pycolmap.Camera
    small: pycolmap.Camera
    is_cropped: bool
    wide: Wide | None = None

    @property
    def is_shrunk(self) -> bool:
        """Photos are written smaller than they are straightened."""
        return (self.small.width, self.small.height) != (self.pinhole.width, self.pinhole.height)

    def move(self, pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where (N, 2) pixels of a photo lie in the straightened one; where they are if the lens shows nothing."""
        fx, fy, cx, cy = self.pinhole.params
        with np.errstate(invalid="ignore"):
            rays = np.asarray(self.lens.cam_from_img(pixels), dtype=float).reshape(-1, 2)
        straight = rays * [fx, fy] + [cx, cy]
        shrunk = straight * [self.small.width / self.pinhole.width, self.small.height / self.pinhole.height]
        return np.where(np.isfinite(shrunk), shrunk, pixels)


@dataclass(frozen=True)
class Written:
    """What was written beside one straight picture of each photo, or of it.

    Attributes:
        kept: of each fisheye, by camera id, the share of its photos' pixels that is kept in the middle.
        shares: likewise, in its middle and its faces.
        faces: "photo", "name", "width" and "height" of each face.
        hidden: names of views of panoramas of which nothing counts: there is no picture of them.
    """

    kept: dict[int, float]
    shares: dict[int, float]
    faces: list[dict[str, Any]]
    hidden: frozenset[str] = frozenset()


def write_scene(
    model: pycolmap.Reconstruction,
    photos: Sequence[PhotoHeader],
    scene: Path,
    bench: Workbench,
    span: Span,
) -> Written:
    """Write `scene/images` and `scene/sparse/0` from a model; `photos[image_id - 1]` names an image.

    Photos are cropped to the largest rectangle without blank pixels, and shrunk as the options say. Where a photo is
    partly transparent its alpha is undistorted as its colours are, and so is what is ignored of it, which goes to
    `scene/masks`. All cameras are PINHOLE. Of fisheyes `WIDEST_DEG` are kept in the photo's picture; what they show
    beside that become pictures of their own (`faces`), with masks where they are not filled. Points get the colours
    that photos show.
    """
    widest = _WIDEST if any(map(is_fisheye, model.cameras.values())) else -1.0
    cameras = {
        camera_id: straightened(camera, widest, bench.options.undistort_max_size)
        for camera_id, camera in model.cameras.items()
    }
    names = {image_id: photos[image_id - 1].name for image_id in sorted(model.reg_image_ids())}
    files, sparse = bench.folder / "distorted", scene / "sparse" / "0"
    files.mkdir()
    sparse.mkdir(parents=True)
    model.write_binary(files)
    records = sparse_files.read_images((files / "images.bin").read_bytes())
    for camera_id, camera in cameras.items():
        if is_fisheye(camera.lens):
            of_lens = [record.image_id for record in records if record.camera_id == camera_id]
            files_of_lens = [bench.photos / database.alias(number, photos[number - 1]) for number in of_lens]
            wide = wide_of(camera.lens, camera.pinhole, files_of_lens, bench.options.undistort_max_size)
            cameras[camera_id] = dataclasses.replace(camera, wide=wide)
    wides = {camera_id: camera.wide for camera_id, camera in cameras.items() if camera.wide is not None}
    aside = named(records, names, wides, max(cameras, default=0))
    for name in [*names.values(), *(one.name for some in aside.values() for one in some)]:
        (scene / "images" / name).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(bench.threads) as pool:
        jobs = [
            pool.submit(
                _write_photo,
                record,
                names[record.image_id],
                cameras[record.camera_id],
                aside[record.image_id],
                photos,
                scene,
                bench,
            )
            for record in records
        ]
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                bench.cancellation.check()
                job.result()
                span.report(done, len(jobs))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    empty = {image_id for job in jobs for image_id in job.result()[1]}
    colours = point_colours.means([job.result()[0] for job in jobs])
    points = sparse_files.with_colours((files / "points3D.bin").read_bytes(), colours)
    fronts, more, now = [], [], {}
    for record in records:
        wide = wides.get(record.camera_id)
        if record.image_id in empty:
            now[record.image_id] = np.zeros((len(record.features), 2), np.uint32)
            continue
        if wide is None or not aside[record.image_id]:
            fronts.append(record)
            continue
        front, others, moved = share_out(record, wide.rim, wide.edges, aside[record.image_id])
        moved[np.isin(moved[:, 0], list(empty))] = 0
        fronts.append(front)
        more += [other for other in others if other.image_id not in empty]
        now[record.image_id] = moved
    moves = {camera_id: camera.move for camera_id, camera in cameras.items()}
    (sparse / "images.bin").write_bytes(sparse_files.images_file(fronts, names, moves, more))
    small = {camera_id: camera.small for camera_id, camera in cameras.items()}
    written = [one for some in aside.values() for one in some if one.image_id not in empty]
    small |= {one.camera_id: one.camera for one in written}
    (sparse / "cameras.bin").write_bytes(sparse_files.cameras_file(small))
    (sparse / "points3D.bin").write_bytes(sparse_files.with_tracks(points, now) if now else points)
    kept = {
        camera_id: share_kept(camera.lens, camera.pinhole)
        for camera_id, camera in cameras.items()
        if is_fisheye(camera.lens)
    }
    return Written(
        kept,
        {
            camera_id: share + (wides[camera_id].share if camera_id in wides else 0.0)
            for camera_id, share in kept.items()
        },
        [
            {"photo": names[image_id], "name": one.name, "width": one.camera.width, "height": one.camera.height}
            for image_id, some in aside.items()
            for one in some
            if one.image_id not in empty
        ],
        frozenset(name for image_id, name in names.items() if image_id in empty),
    )


def straightened(lens: pycolmap.Camera, widest: float, longest: int) -> Straightening:
    """The pinhole cameras for a lens.

    Args:
        widest: the tangent of half the widest angle that a fisheye keeps; negative for no bound.
        longest: the longest side that is written; 0 for any.
    """
    how = pycolmap.UndistortCameraOptions()
    how.min_scale, how.max_scale, how.max_cam_point_norm = _MIN_SCALE, _MAX_SCALE, widest
    pinhole = pycolmap.undistort_camera(how, lens)
    _to_pinhole(pinhole)
    if is_cropped := is_fisheye(lens):
        _keep_middle(pinhole)
    small = copy.copy(pinhole)
    scale = min(1.0, longest / max(small.width, small.height)) if longest else 1.0
    if scale < 1.0:
        small.rescale(max(1, round(small.width * scale)), max(1, round(small.height * scale)))
    return Straightening(lens, pinhole, small, is_cropped)


def _keep_middle(camera: pycolmap.Camera) -> None:
    """Crop a pinhole camera to what lies within `WIDEST_DEG`."""
    fx, fy, cx, cy = camera.params
    left, top = max(0, math.ceil(cx - _WIDEST * fx)), max(0, math.ceil(cy - _WIDEST * fy))
    right, bottom = min(camera.width, int(cx + _WIDEST * fx)), min(camera.height, int(cy + _WIDEST * fy))
    camera.width, camera.height = right - left, bottom - top
    camera.params = [fx, fy, cx - left, cy - top]


def _write_photo(
    record: ImageRecord,
    name: str,
    camera: Straightening,
    aside: Sequence[Aside],
    photos: Sequence[PhotoHeader],
    scene: Path,
    bench: Workbench,
) -> tuple[point_colours.Seen, list[int]]:
    """Straighten a photo and what belongs to it, and write that under its own name, and its faces under theirs.

    Returns:
        What it shows of its points; the ids of those of its images of which nothing counts, and that were not written:
        a face, or the photo itself where it is a panorama's view.
    """
    bench.cancellation.check()
    header = photos[record.image_id - 1]
    alias = database.alias(record.image_id, header)
    kind, icc, colours = _read(bench.photos / alias)
    seen = point_colours.look(colours, sparse_files.observations(record))
    photo = _Photo(
        kind,
        icc,
        colours,
        _beside(bench.alphas / alias),
        _beside(bench.ignored / alias),
        was_black=(bench.masks / f"{alias}.png").exists(),
        is_cropped=camera.is_cropped,
    )

    def straight(pixels: Pixels) -> Pixels:
        return straighten(pixels, camera.lens, camera.pinhole)

    size = camera.small.width, camera.small.height
    shown = camera.wide.shown if camera.wide is not None else None
    empty = []
    if not photo.write(name, straight, size, shown, scene, or_none=header.view is not None):
        empty.append(record.image_id)
    for one in aside:
        change, size = partial(resample, places=one.face.places), (one.camera.width, one.camera.height)
        if not photo.write(one.name, change, size, one.face.shown, scene, or_none=True):
            empty.append(one.image_id)
    return seen, empty


@dataclass(frozen=True)
class _Photo:
    """A photo as its lens took it, and what is said of its pixels: pictures without distortion are made of it.

    Attributes:
        kind, icc: its file's format and colour profile.
        alpha, counts: (height, width, 1) each, where it has some.
        was_black: its colours are times their alpha.
        is_cropped: a part of it is shown larger than it was.
    """

    kind: str
    icc: bytes | None
    colours: Pixels
    alpha: Pixels | None
    counts: Pixels | None
    was_black: bool
    is_cropped: bool

    def write(
        self,
        name: str,
        change: Callable[[Pixels], Pixels],
        size: tuple[int, int],
        shown: npt.NDArray[np.bool_] | None,
        scene: Path,
        *,
        or_none: bool,
    ) -> bool:
        """Write what `change` makes of it, at this size, and a mask where not all of it counts.

        Args:
            shown: what of that is there; None: all.
            or_none: write nothing where nothing counts.

        Returns:
            Whether anything was written.
        """
        mask = None if self.counts is None else change(self.counts)[:, :, 0]
        if shown is not None and not shown.all():
            there = np.where(shown, np.uint8(255), np.uint8(0))
            mask = there if mask is None else np.minimum(mask, there)
        if mask is not None and not _write_mask(mask, size, scene / "masks" / mask_name(name), or_none=or_none):
            return False
        pixels, kind = change(self.colours), self.kind
        if self.alpha is not None:
            pixels, kind = _with_alpha(pixels, change(self.alpha)[:, :, 0], premultiplied=self.was_black), "PNG"
        picture = Image.fromarray(pixels)
        if is_shrunk := picture.size != size:
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        # EXIF stays behind: its orientation is not that of the cameras, nor its position for others.
        how: dict[str, Any] = {"icc_profile": self.icc} if self.icc else {}
        if kind == "JPEG":
            how |= {"quality": _JPEG_QUALITY, "subsampling": 0 if is_shrunk or self.is_cropped else 2}
        else:
            how |= {"compress_level": 1}
        picture.save(scene / "images" / name, kind, **how)
        return True


def _beside(path: Path) -> Pixels | None:
    """What is said of a photo's pixels in a grey picture beside it, if that is there."""
    if not path.exists():
        return None
    with Image.open(path, formats=FORMATS) as opened:
        return _pixels(opened, "L")


def _read(path: Path) -> tuple[str, bytes | None, Pixels]:
    """A photo's format, colour profile, and pixels in red, green and blue."""
    with Image.open(path, formats=FORMATS) as given:
        kind, icc = str(given.format), given.info.get("icc_profile")
        try:
            return kind, icc, _pixels(given, "RGB")
        except (
            OSError,
            ValueError,
            SyntaxError,
        ):  # cut short: COLMAP takes what there is of it
            bitmap = pycolmap.Bitmap.read(path, as_rgb=True)
            if bitmap is None:
                raise
            return kind, icc, np.asarray(bitmap.to_array())


def _pixels(given: Image.Image, mode: str) -> Pixels:
    """A picture as (height, width, channels)."""
    if given.mode.startswith("I"):  # of 16 bits, which Pillow would cut off above 255
        given = Image.fromarray((np.asarray(given) >> 8).clip(0, 255).astype(np.uint8))
    pixels = np.asarray(given.convert(mode))
    return pixels.reshape(*pixels.shape[:2], -1)


def _with_alpha(colours: Pixels, opacity: npt.NDArray[np.uint8], *, premultiplied: bool) -> Pixels:
    """A photo made transparent again; `premultiplied` where it was undistorted over black."""
    if premultiplied:
        divided = colours.astype(np.float32) * (255.0 / np.maximum(opacity, 1)[:, :, None])
        colours = np.clip(divided + 0.5, 0, 255).astype(np.uint8)
    colours = np.where(opacity[:, :, None] > 0, colours, np.uint8(0))  # nobody sees them, and zeros take no room
    return np.dstack([colours, opacity])


def _write_mask(counts: npt.NDArray[np.uint8], size: tuple[int, int], target: Path, *, or_none: bool) -> bool:
    """Write what counts of an undistorted photo of this size, in black and white alone; with `or_none` only where
    anything does. Whether it was written.
    """
    mask = Image.fromarray(counts)
    mask = kept(mask if mask.size == size else mask.resize(size, Image.Resampling.BOX))
    if or_none and hides_all(mask):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    mask.save(target, "PNG")
    return True


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
