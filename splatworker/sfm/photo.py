"""What a photo's header says about the camera that took it, and the order in which photos were taken."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, UnidentifiedImageError

from splatworker.formats import deep_grey
from splatworker.formats.masks import upright_size
from splatworker.formats.panorama import Area, UnusablePanorama, panorama_in
from splatworker.formats.video_frame import VideoFrame, described
from splatworker.sfm.views import View
from splatworker.stages.arrivals import natural
from splatworker.stages.file_names import distinct, find_files

FORMATS = ("JPEG", "PNG")
"""What Pillow may take a photo for, whatever its name says: no other of its decoders meets a stranger's file."""

SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class PhotoHeader:
    """A photo as its header describes it; the pixels are not read.

    Attributes:
        name: relative to the folder of photos, in letters that can be written as UTF-8; of no two photos the same.
        width, height: pixels as stored, before any turn by the orientation tag.
        make, model: of the camera, "" where not given.
        focal_mm, focal_35mm: focal length and its equivalent on 35 mm film, None where not given.
        orientation: EXIF orientation 1-8.
        gps: (latitude in degrees, longitude in degrees, altitude in metres), None unless all three are given.
        taken: when, as EXIF writes it (sortable text), "" where not given.
        file: the name as the file system has it, where that differs; see `within`.
        has_alpha: parts of it may be transparent.
        mask: the file of its mask, where it has one.
        area: what it shows of the sphere around it, where it is a panorama, or cut out of one.
        upright_by: EXIF orientation by which the pixels of that panorama are turned before anything is cut out of it.
        unusable: why no camera took it and no views can be cut out of it, a clause, or "".
        panorama: the name of the panorama that it is a view of, "" for a photo.
        view: which view of that it is.
        frame: its place in a video, None for one that was taken by itself.
    """

    name: str
    width: int
    height: int
    make: str = ""
    model: str = ""
    focal_mm: float | None = None
    focal_35mm: float | None = None
    orientation: int = 1
    gps: tuple[float, float, float] | None = None
    taken: str = ""
    file: str = ""
    has_alpha: bool = False
    mask: Path | None = None
    area: Area | None = None
    upright_by: int = 1
    unusable: str = ""
    panorama: str = ""
    view: View | None = None
    frame: VideoFrame | None = None

    @property
    def given(self) -> str:
        """The name of what was given: of the photo, or of the panorama that it is a view of."""
        return self.panorama or self.name

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of a panorama once it stands upright."""
        return upright_size((self.width, self.height), self.upright_by)

    def within(self, folder: Path) -> Path:
        """The photo's file."""
        return folder / (self.file or self.name)


def read_photos(folder: Path, masks: Path | None = None) -> tuple[list[PhotoHeader], list[str]]:
    """The photos of a folder and of its sub-folders in the order they were taken, and the names of other files.

    Args:
        masks: a folder of masks, which are no photos wherever it lies.
    """
    files = [path.relative_to(folder).as_posix() for path in find_files(folder, masks).files]
    photos, others = [], []
    for file, name in zip(files, distinct(files), strict=True):
        try:
            photo = read_photo(folder / file)
        except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
            others.append(name)
        else:
            photos.append(dataclasses.replace(photo, name=name, file="" if file == name else file))
    return in_capture_order(photos), others


def read_photo(path: Path) -> PhotoHeader:
    """Read one photo's header. Raises OSError or ValueError where the file is not a JPEG or PNG."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path.name}: neither .jpg nor .png")
    with Image.open(path, formats=FORMATS) as image:
        if image.mode in deep_grey.MODES:
            raise ValueError(f"{path.name}: more than eight bits of grey, which `splatworker photos` makes eight of")
        exif, detail, position = _header(image)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        panorama, unusable = None, ""
        try:
            panorama = panorama_in(image, image.info, exif)
        except UnusablePanorama as reason:
            unusable = str(reason)
        return PhotoHeader(
            name=path.name,
            has_alpha=image.has_transparency_data,
            area=panorama.area if panorama else None,
            upright_by=panorama.orientation if panorama else 1,
            unusable=unusable,
            width=image.width,
            height=image.height,
            make=_text(exif.get(ExifTags.Base.Make)),
            model=_text(exif.get(ExifTags.Base.Model)),
            focal_mm=_positive(detail.get(ExifTags.Base.FocalLength)),
            focal_35mm=_positive(detail.get(ExifTags.Base.FocalLengthIn35mmFilm)),
            orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
            gps=_gps(position),
            frame=described(exif.get(ExifTags.Base.ImageDescription)),
            taken=_text(detail.get(ExifTags.Base.DateTimeOriginal))
            + _text(detail.get(ExifTags.Base.SubsecTimeOriginal)),
        )


def _header(image: Image.Image) -> tuple[Image.Exif, dict[int, Any], dict[int, Any]]:
    """The header's main block, that of the camera and that of the position; one that is corrupt is empty.

    What its reader raises then is of any kind.
    """
    blocks: list[dict[int, Any]] = []
    try:
        exif = image.getexif()
        dict(exif)
    except Exception:
        return Image.Exif(), {}, {}
    for block in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        try:
            blocks.append(dict(exif.get_ifd(block)))
        except Exception:
            blocks.append({})
    return exif, blocks[0], blocks[1]


def in_capture_order(photos: Sequence[PhotoHeader]) -> list[PhotoHeader]:
    """Photos by the time they were taken where every one tells it, else by name, with numbers as numbers."""
    if photos and all(photo.taken for photo in photos):
        return sorted(photos, key=lambda photo: (photo.taken, natural(photo.name)))
    return sorted(photos, key=lambda photo: natural(photo.name))


def frames_of(photos: Sequence[PhotoHeader]) -> list[int]:
    """The frame of each photo, where image ids count the photos from 1: the id of the first one that was taken with it.

    The views of a panorama are one frame; every other photo is a frame of its own.
    """
    first: dict[str, int] = {}
    return [first.setdefault(photo.given, image_id) for image_id, photo in enumerate(photos, 1)]


def sequences(photos: Sequence[PhotoHeader]) -> list[list[int]]:
    """The frames of each video among photos, as their numbers from 0, in the order they were taken."""
    videos: dict[str, list[tuple[float, int]]] = {}
    for number, photo in enumerate(photos):
        if photo.frame is not None:
            videos.setdefault(photo.frame.video, []).append((photo.frame.seconds, number))
    return [[number for _, number in sorted(frames)] for frames in videos.values()]


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip("\x00 \t\r\n")


def _positive(value: Any) -> float | None:
    """A finite number above zero; cameras also write 0, 0/0 and text."""
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _gps(tags: dict[int, Any]) -> tuple[float, float, float] | None:
    try:
        latitude = _degrees(tags[ExifTags.GPS.GPSLatitude], str(tags[ExifTags.GPS.GPSLatitudeRef]), "S")
        longitude = _degrees(tags[ExifTags.GPS.GPSLongitude], str(tags[ExifTags.GPS.GPSLongitudeRef]), "W")
        below = tags.get(ExifTags.GPS.GPSAltitudeRef) in (1, b"\x01")
        altitude = float(tags[ExifTags.GPS.GPSAltitude]) * (-1 if below else 1)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    position = (latitude, longitude, altitude)
    is_given = all(math.isfinite(value) for value in position) and position[:2] != (0, 0)
    return position if is_given and abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _degrees(sexagesimal: Sequence[Any], reference: str, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in sexagesimal)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if reference.strip().upper().startswith(negative) else value
