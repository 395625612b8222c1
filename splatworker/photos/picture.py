"""One photo, from whatever file it came in, as eight bits of red, green and blue, and of alpha where it has some."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from splatworker.formats import deep_grey
from splatworker.formats.masks import KEPT_FROM, OPAQUE, UNMIRRORED, UPRIGHT, orientation_in, upright_size
from splatworker.formats.panorama import (
    VIEWS_AROUND,
    Area,
    ImageInfo,
    Panorama,
    UnusablePanorama,
    first_eye,
    may_be_panorama,
    panorama_in,
)
from splatworker.photos import raw, tiff, unusual
from splatworker.photos.exif import kept_exif
from splatworker.photos.scans import refuse_many_scans
from splatworker.photos.unusable import Unusable

MOST_PIXELS_A_SIDE = 65_500
"""What a JPEG can hold."""
FEWEST_PIXELS_A_SIDE = 64
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF")
"""Pillow's names; an MPO, as stereo cameras and some phones write it, is opened as the JPEG that it begins with."""

_OF_SEVERAL = ("PNG", "WEBP", "HEIF", "AVIF")
"""Formats of pictures that may be animations, or series."""

_MOST_TEXT = 64 * 2**20
"""Bytes that a PNG's texts may unpack to; none of them is kept."""

_WORST_SHADE = 64
"""Of 256: a photo of 16 bits whose brightest pixel stays under this uses fewer bits than it says."""

_PNG_BITS = 24
"""Where in a PNG the bits of a channel stand."""


@dataclass(frozen=True)
class Picture:
    """A clean photo.

    Attributes:
        image: RGB, or RGBA where a part of it is transparent.
        exif: what is kept of its header, as JPEG and PNG take it.
        raw: it came in a raw file.
        kind: `screenshot` or `collage` where it seems to be one, else "".
        area: what it shows of the sphere around it once it stands upright, where it is an equirectangular panorama.
        given: width and height of its pixels before it was shrunk.
        orientation: EXIF's, 1 to 8: the pixels are not turned by it.
        turned: EXIF's orientation by which the decoder has laid them upright already, else 1.
        turn: what is still to be done to them, and to what a mask says of them (`photos.mask`): ordinary photos stay
            as they lie, but not mirrored, and panoramas stand upright. `exif` has what is left of the orientation then.
        of: how many pictures as large its file holds, of which it is the first: pages, an animation, or a
            panorama's two eyes.
    """

    image: Image.Image
    exif: bytes
    raw: bool = False
    kind: str = ""
    area: Area | None = None
    given: tuple[int, int] = (0, 0)
    orientation: int = 1
    turned: int = 1
    turn: Image.Transpose | None = None
    of: int = 1


def open_picture(path: Path, max_size: int, most_pixels: int) -> Picture:
    """Decode a photo, shrunk to `max_size` pixels on its longest side; 0 for as it is.

    A panorama is shrunk so far that the views cut out of it have that many, a quarter of the width of its sphere.
    Pillow's limits are set for the whole process, which is to be one of its own.

    Raises:
        Unusable: with the reason.
        Exception: whatever a decoder raises for a file that is damaged, or none.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = most_pixels
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _MOST_TEXT
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    if raw.is_raw(path):
        image, exif = raw.open_raw(path, most_pixels)
        _check_size(image, most_pixels)
        given = image.size
        shrunk = _shrunk(image.convert("RGB"), max_size)
        turned = orientation_in(exif)
        turn, left = _turn(turned, None)
        kept = kept_exif(exif, shrunk=shrunk.width / given[0], orientation=left)
        return Picture(_bare(shrunk), kept, raw=True, given=given, orientation=turned, turn=turn)
    refuse_many_scans(path)
    with Image.open(path, formats=FORMATS) as image:
        of = int(getattr(image, "n_frames", 1)) if image.format in _OF_SEVERAL else 1
        if image.format == "TIFF":
            of = tiff.go_to_largest(image)
            tiff.refuse_misread(image.tag_v2)  # type: ignore[attr-defined]
        _check_size(image, most_pixels)
        given = image.size  # of a TIFF as it will stand once it is loaded
        exif = image.getexif()
        by_decoder = orientation_in(exif) if image.format == "TIFF" else 1  # as Pillow lays a TIFF as it loads it
        if max_size and image.format == "JPEG":
            least = max_size * (VIEWS_AROUND if may_be_panorama(image.info, image.size) else 1)
            image.draft("RGB", (least, least))
        image.load()
        turned = orientation_in(exif)  # a TIFF has been laid upright by now, and says so
        _refuse_black(image, _bits_of(image, path))
        info = dict(image.info)
        colours = _colours(image)
        panorama: Panorama | None
        if turned == 1 and (eye := first_eye(colours, info)) is not None:
            colours, of, panorama = colours.crop(eye), 2, Panorama(Area())
            given = (given[0] * colours.width // image.width, given[1] * colours.height // image.height)
        else:
            panorama = _panorama_in(colours, info, exif)
        shrunk = _to_srgb(_shrunk(colours, _longest(colours.size, panorama, max_size)), info.get("icc_profile"))
        if panorama is None and unusual.is_mask(shrunk):
            raise Unusable(
                "it is black areas and white ones and nothing else: a mask, not a photo. Masks belong into a folder "
                "called masks"
            )
        kind = unusual.kind_of(shrunk, info, exif, path.name) if panorama is None else ""
        turn, left = _turn(turned, panorama)
        kept = kept_exif(exif, shrunk=shrunk.width / given[0], orientation=left)
        area = panorama.area if panorama else None
        found = Picture(_bare(shrunk), kept, kind=kind, area=area, given=given, of=of)
        return replace(found, orientation=turned, turned=by_decoder, turn=turn)


def _panorama_in(image: Image.Image, info: ImageInfo, exif: Image.Exif) -> Panorama | None:
    try:
        return panorama_in(image, info, exif)
    except UnusablePanorama as reason:
        raise Unusable(str(reason)) from None


def _turn(orientation: int, panorama: Panorama | None) -> tuple[Image.Transpose | None, int | None]:
    """What is to be done to the pixels of a photo, and what is left of its orientation then; None: as it was."""
    if panorama is not None:
        return UPRIGHT.get(panorama.orientation), 1
    is_mirrored = orientation in UNMIRRORED
    return Image.Transpose.FLIP_LEFT_RIGHT if is_mirrored else None, UNMIRRORED.get(orientation)


def _longest(size: tuple[int, int], panorama: Panorama | None, max_size: int) -> int:
    """Pixels on the longest side of the clean copy of a picture whose pixels lie so; 0: as many as there are."""
    if panorama is None:
        return max_size
    width, height = upright_size(size, panorama.orientation)
    wanted = VIEWS_AROUND * max_size * (panorama.area.east - panorama.area.west) / 360
    return round(max(wanted, wanted * height / width))


def _check_size(image: Image.Image, most_pixels: int) -> None:
    width, height = image.size
    if width * height > most_pixels:
        raise Image.DecompressionBombError
    if max(width, height) > MOST_PIXELS_A_SIDE:
        raise Unusable(f"it is {width}x{height} pixels, and {MOST_PIXELS_A_SIDE} a side are the most")
    _check_smallest(image)


def _check_smallest(image: Image.Image) -> None:
    if min(image.size) < FEWEST_PIXELS_A_SIDE:
        raise Unusable(f"it is only {image.width}x{image.height} pixels")


def _shrunk(image: Image.Image, max_size: int) -> Image.Image:
    """Shrunk in place; colours under transparency do not bleed into the others, as Pillow weighs them by alpha."""
    if max_size and max(image.size) > max_size:
        width, height = image.size
        image.thumbnail((max_size, max_size), Image.Resampling.LANCZOS)
        if min(image.size) < min(FEWEST_PIXELS_A_SIDE, max_size // 2):
            raise Unusable(f"it is {width}x{height} pixels: far too narrow")
    return image


def _bare(image: Image.Image) -> Image.Image:
    """Without comments, profiles and texts, which Pillow would write along."""
    image.info = {}
    return image


def _colours(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where any pixel is transparent."""
    if image.mode in deep_grey.MODES:
        return _grey_of(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    least, most = (float(value) for value in rgba.getchannel("A").getextrema())  # type: ignore[arg-type]
    if most == 0:
        raise Unusable("it is wholly transparent")
    if least == most or least >= OPAQUE:  # it cuts nothing out
        return rgba.convert("RGB")
    if most < KEPT_FROM:
        raise Unusable(f"it is nearly transparent: its alpha is nowhere more than {most / 255:.0%}")
    return rgba


def _grey_of(image: Image.Image) -> Image.Image:
    """Eight bits of grey from 16 or from a float."""
    try:
        return deep_grey.in_eight_bits(image)
    except ValueError as reason:
        raise Unusable(f"{reason}: {tiff.EXPORT}") from None


def _bits_of(image: Image.Image, path: Path) -> int:
    """Bits of a channel in the file, where they may be more than the decoder leaves of them; else 8."""
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(tiff.BITS, (8,))))  # type: ignore[attr-defined]
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(_PNG_BITS + 1)[_PNG_BITS]
    return 8


def _refuse_black(image: Image.Image, bits: int) -> None:
    """Refuse a picture in colours of 16 bits, of which it uses so few that eight of them are nearly black."""
    if bits < 16 or image.mode not in ("RGB", "RGBA"):
        return
    most = max(int(band[1]) for band in image.getextrema()[:3])  # type: ignore[index]
    if most < _WORST_SHADE:
        raise Unusable(f"its 16 bits hold values of 14 bits or fewer, which would be nearly black: {tiff.EXPORT}")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours by the profile of the file as every screen shows them; as they are where it cannot be read."""
    if not profile:
        return image
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if given.profile.xcolor_space.strip() != "RGB" or "sRGB" in (given.profile.profile_description or ""):
            return image
        changed = ImageCms.profileToProfile(
            image.convert("RGB"), given, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if changed is None:
        return image
    if image.mode == "RGBA":
        changed.putalpha(image.getchannel("A"))
    return changed
