"""The scene a trainer reads: photos without lens distortion, pinhole cameras, points."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from splatworker.formats.image_records import ImageRecord
from splatworker.sfm import database, point_colours, sparse_files
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.faces import Aside, share_out
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.resampling import Pixels, resample, straighten
from splatworker.sfm.undistorted_camera import WIDEST, UndistortedCamera, is_fisheye, share_kept, undistorted
from splatworker.sfm.undistorted_photo import Photo, beside, read
from splatworker.sfm.watch import Span
from splatworker.sfm.wide_lens import named, wide_of
from splatworker.sfm.workbench import Workbench

Result = TypeVar("Result")


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
    names = {image_id: photos[image_id - 1].name for image_id in sorted(model.reg_image_ids())}
    files = bench.folder / "distorted"
    files.mkdir()
    model.write_binary(files)
    records = sparse_files.read_images((files / "images.bin").read_bytes())
    cameras = _undistorted(model, records, photos, bench)
    wides = {camera_id: camera.wide for camera_id, camera in cameras.items() if camera.wide is not None}
    aside = named(records, names, wides, max(cameras, default=0))
    for name in [*names.values(), *(one.name for some in aside.values() for one in some)]:
        (scene / "images" / name).parent.mkdir(parents=True, exist_ok=True)

    def write_photo(record: ImageRecord) -> tuple[point_colours.Seen, list[int]]:
        image_id = record.image_id
        return _write_photo(record, names[image_id], cameras[record.camera_id], aside[image_id], photos, scene, bench)

    written = _in_threads(write_photo, records, bench, span)
    empty = {image_id for _, some in written for image_id in some}
    points = sparse_files.with_colours(
        (files / "points3D.bin").read_bytes(), point_colours.means([seen for seen, _ in written])
    )
    filled = {image_id: [one for one in some if one.image_id not in empty] for image_id, some in aside.items()}
    _write_model(scene / "sparse" / "0", records, names, cameras, aside, empty, points)
    kept = {
        camera_id: share_kept(camera.lens, camera.pinhole)
        for camera_id, camera in cameras.items()
        if is_fisheye(camera.lens)
    }
    return Written(
        kept,
        {id_: share + (wides[id_].share if id_ in wides else 0.0) for id_, share in kept.items()},
        [
            {"photo": names[image_id], "name": one.name, "width": one.camera.width, "height": one.camera.height}
            for image_id, some in filled.items()
            for one in some
        ],
        frozenset(name for image_id, name in names.items() if image_id in empty),
    )


def _undistorted(
    model: pycolmap.Reconstruction, records: Sequence[ImageRecord], photos: Sequence[PhotoHeader], bench: Workbench
) -> dict[int, UndistortedCamera]:
    """The undistorted cameras, by id; fisheyes with what is made of them beside their middle."""
    longest = bench.options.undistort_max_size
    widest = WIDEST if any(map(is_fisheye, model.cameras.values())) else -1.0
    cameras = {camera_id: undistorted(camera, widest, longest) for camera_id, camera in model.cameras.items()}
    for camera_id, camera in cameras.items():
        if is_fisheye(camera.lens):
            of_lens = [record.image_id for record in records if record.camera_id == camera_id]
            files = [bench.photos / database.alias(number, photos[number - 1]) for number in of_lens]
            wide = wide_of(camera.lens, camera.pinhole, files, longest)
            cameras[camera_id] = dataclasses.replace(camera, wide=wide)
    return cameras


def _in_threads(
    write: Callable[[ImageRecord], Result], records: Sequence[ImageRecord], bench: Workbench, span: Span
) -> list[Result]:
    """What a function gives for each record, in their order, telling how far it is."""
    with ThreadPoolExecutor(bench.threads) as pool:
        jobs = [pool.submit(write, record) for record in records]
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                bench.cancellation.check()
                job.result()
                span.report(done, len(jobs))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return [job.result() for job in jobs]


def _write_model(
    folder: Path,
    records: Sequence[ImageRecord],
    names: Mapping[int, str],
    cameras: Mapping[int, UndistortedCamera],
    aside: Mapping[int, Sequence[Aside]],
    empty: Collection[int],
    points: bytes,
) -> None:
    """Write COLMAP's files of the straight pictures: what a photo saw goes to the picture that shows it.

    Args:
        aside: by image, the faces beside its middle.
        empty: ids of images without a picture, which are left out of everything.
        points: points3D.bin of the photos as they were.
    """
    fronts, sides, moved = [], [], {}
    for record in records:
        image_id, wide = record.image_id, cameras[record.camera_id].wide
        if image_id in empty:
            moved[image_id] = np.zeros((len(record.features), 2), np.uint32)
        elif wide is None or not aside[image_id]:
            fronts.append(record)
        else:
            front, others, now = share_out(record, wide.rim, wide.edges, aside[image_id])
            now[np.isin(now[:, 0], list(empty))] = 0
            fronts.append(front)
            sides += [other for other in others if other.image_id not in empty]
            moved[image_id] = now
    moves = {camera_id: camera.move for camera_id, camera in cameras.items()}
    pinholes = {camera_id: camera.small for camera_id, camera in cameras.items()}
    pinholes |= {one.camera_id: one.camera for some in aside.values() for one in some if one.image_id not in empty}
    folder.mkdir(parents=True)
    (folder / "images.bin").write_bytes(sparse_files.images_file(fronts, names, moves, sides))
    (folder / "cameras.bin").write_bytes(sparse_files.cameras_file(pinholes))
    (folder / "points3D.bin").write_bytes(sparse_files.with_tracks(points, moved) if moved else points)


def _write_photo(
    record: ImageRecord,
    name: str,
    camera: UndistortedCamera,
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
    kind, icc, colours = read(bench.photos / alias)
    seen = point_colours.look(colours, sparse_files.observations(record))
    photo = Photo(
        kind,
        icc,
        colours,
        beside(bench.alphas / alias),
        beside(bench.ignored / alias),
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
