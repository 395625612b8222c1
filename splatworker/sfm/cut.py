"""Cutting: the views of a panorama as photos of their own, each resampled once from the equirectangular one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.formats.masks import UPRIGHT, upright_size
from splatworker.formats.panorama import Area
from splatworker.sfm.photo import FORMATS, PhotoHeader
from splatworker.sfm.views import View, sphere_width, views_of

_WORTHWHILE = 0.8
"""Panoramas that are to be shrunk to more than this share of their size are left as they are."""

_ROWS = 128
"""Rows that are resampled at a time: a few MB, whatever the view's size."""

TOO_SMALL = "it is a panorama that shows too little of the horizon, or is too small, to be cut into views"

Pixels = npt.NDArray[np.uint8]


def with_views(photos: Sequence[PhotoHeader], longest: int) -> tuple[list[PhotoHeader], list[PhotoHeader]]:
    """The photos with each panorama replaced by its views, and the panoramas that give none.

    Args:
        longest: pixels on a view's longest side, 0 for as many as it has.
    """
    taken = {photo.name.lower() for photo in photos}
    cut: list[PhotoHeader] = []
    useless: list[PhotoHeader] = []
    for photo in photos:
        if photo.area is None:
            cut.append(photo)
            continue
        views = views_of(photo.area, photo.upright_size[0] * 360 / (photo.area.east - photo.area.west), longest)
        for view in views:
            name = free_name(photo.name, view.label, taken)
            cut.append(
                dataclasses.replace(
                    photo,
                    name=name,
                    file=photo.file or photo.name,
                    width=view.width,
                    height=view.height,
                    make="",
                    model="",
                    focal_mm=None,
                    focal_35mm=None,
                    orientation=1,
                    panorama=photo.name,
                    view=view,
                )
            )
        if not views:
            useless.append(photo)
    return cut, useless


def free_name(name: str, label: str, taken: set[str]) -> str:
    """A name for a view of a photo that none has, in any letter case; it is among those that are taken then."""
    path = PurePosixPath(name)
    suffix, number = ".png" if path.suffix.lower() == ".png" else ".jpg", 1
    free = str(path.with_name(f"{path.stem}_{label}{suffix}"))
    while free.lower() in taken:
        number += 1
        free = str(path.with_name(f"{path.stem}_{label}_{number}{suffix}"))
    taken.add(free.lower())
    return free


def open_panorama(path: Path, photo: PhotoHeader) -> Pixels:
    """(H, W, 4) of the panorama that a view is cut from, as its pixels lie, no larger than its views need."""
    assert photo.area is not None
    assert photo.view is not None
    with Image.open(path, formats=FORMATS) as image:
        width, _ = upright_size(image.size, photo.upright_by)
        share = sphere_width(photo.view) * (photo.area.east - photo.area.west) / 360 / width
        wanted = max(1, round(image.width * share)), max(1, round(image.height * share))
        if share < _WORTHWHILE:
            image.draft("RGB", wanted)
        opened = image.convert("RGBA")
    if share < _WORTHWHILE:
        opened = opened.resize(wanted, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(opened)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """(H, W, 4) pixels turned as this EXIF orientation says."""
    turn = UPRIGHT.get(orientation)
    return pixels if turn is None else np.array(Image.fromarray(pixels).transpose(turn))


def cut_view(panorama: Pixels, area: Area, view: View) -> Pixels:
    """A view, (view.height, view.width, 4), of a panorama (H, W, 4) that shows `area`: bilinear between pixels."""
    packed = np.ascontiguousarray(panorama).view(np.uint32)[:, :, 0]
    parts = [_rows(packed, area, view, slice(row, row + _ROWS)) for row in range(0, view.height, _ROWS)]
    return np.concatenate(parts)


def _rows(packed: npt.NDArray[np.uint32], area: Area, view: View, rows: slice) -> Pixels:
    """Some rows of a view; where pixels lie in between four, each counts by how near it is, in parts of 256."""
    height, width = packed.shape
    x, y, z = np.moveaxis(view.rays(rows), -1, 0)
    longitude = np.degrees(np.arctan2(x, z))
    latitude = np.degrees(np.arctan2(-y, np.hypot(x, z)))
    longitude = area.west + (longitude - area.west) % 360  # a view may cross the edge where the sphere was opened
    column = (longitude - area.west) / (area.east - area.west) * width - 0.5
    row = np.clip((area.north - latitude) / (area.north - area.south) * height - 0.5, 0, height - 1)
    left, top = np.floor(column), np.floor(row)
    u = ((column - left) * 256 + 0.5).astype(np.uint16)[..., None]
    v = ((row - top) * 256 + 0.5).astype(np.uint16)[..., None]
    i, j = left.astype(np.int64), top.astype(np.int64)
    if area.goes_around:
        columns = i % width, (i + 1) % width
    else:
        columns = np.clip(i, 0, width - 1), np.clip(i + 1, 0, width - 1)
    below = np.minimum(j + 1, height - 1)
    upper = _between(packed[j, columns[0]], packed[j, columns[1]], u)
    lower = _between(packed[below, columns[0]], packed[below, columns[1]], u)
    mixed = (upper.astype(np.uint32) * (256 - v) + lower.astype(np.uint32) * v + 2**15) >> 16
    return np.asarray(mixed, dtype=np.uint8)


def _between(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], share: npt.NDArray[np.uint16]
) -> npt.NDArray[np.uint16]:
    """Four bytes a pixel, 256 times as much, from those on its left and its right."""
    a, b = (np.ascontiguousarray(side).view(np.uint8).reshape(*side.shape, 4) for side in (left, right))
    return np.asarray(a.astype(np.uint16) * (256 - share) + b.astype(np.uint16) * share)
