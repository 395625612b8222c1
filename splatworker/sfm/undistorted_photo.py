"""A photo as its lens took it, what is said of its pixels, and the undistorted pictures that are written of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.formats.mask_names import mask_name
from splatworker.formats.masks import hides_all, kept
from splatworker.formats.pixels import decode_in_one_piece, pixels_of
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import FORMATS
from splatworker.sfm.resampling import Pixels

_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Photo:
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


def beside(path: Path) -> Pixels | None:
    """What is said of a photo's pixels in a grey picture beside it, if that is there."""
    if not path.exists():
        return None
    with Image.open(path, formats=FORMATS) as opened:
        return _pixels(opened, "L")


def read(path: Path) -> tuple[str, bytes | None, Pixels]:
    """A photo's format, colour profile, and pixels in red, green and blue."""
    with Image.open(path, formats=FORMATS) as given:
        kind, icc = str(given.format), given.info.get("icc_profile")
        decode_in_one_piece(given, path)
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
    if given.mode == mode == "RGB":
        return pixels_of(given)
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
