"""Panoramas: pictures that no ordinary camera took, of which neither cameras nor a splat can be made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import ExifTags, Image

_PANORAMA = re.compile(rb"GPano:(ProjectionType|UsePanoramaViewer|FullPanoWidthPixels)|GSpherical:Spherical")
_PANORAMA_BY_PHONE = 6
"""Value of EXIF CustomRendered with which phones mark what they have joined of many photos."""

_SEAM_SIZE = (512, 256)
_SAME_EDGE = 0.7
"""From this correlation of the steps along the left edge with those along the right one on, both are one place.
Opposite edges of ordinary photos have next to none."""
_TEXTURE = 1.5
"""Grey levels: standard deviation of the steps along an edge that shows something."""

PANORAMA = (
    "it is a 360-degree or stitched panorama, which no ordinary camera took: give the photos that it was made of, "
    "or views cut out of it"
)


ImageInfo = Mapping[Any, Any]
"""What a decoder tells beside the pixels: Pillow's `info`."""


def is_panorama(image: Image.Image, info: ImageInfo, exif: Image.Exif) -> bool:
    """Whether a picture says that it is a panorama, or goes on at its right edge where it began at its left.

    Args:
        image: the picture, decoded as far as it is wanted; only what is twice as wide as high is looked at.
        info: what the decoder says of the file.
    """
    return _is_tagged(info, exif) or _wraps_around(image)


def _is_tagged(info: ImageInfo, exif: Image.Exif) -> bool:
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    if _PANORAMA.search(xmp.encode("utf-8", "replace") if isinstance(xmp, str) else bytes(xmp)):
        return True
    try:
        return exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.CustomRendered) == _PANORAMA_BY_PHONE
    except Exception:  # whatever strangers' tags do to their reader
        return False


def _wraps_around(image: Image.Image) -> bool:
    """Twice as wide as high, with one and the same rough edge on the left and on the right."""
    if abs(image.width - 2 * image.height) > 2:
        return False
    pixels = np.asarray(image.convert("L").resize(_SEAM_SIZE, Image.Resampling.BOX), dtype=np.float32)
    left, right = (np.diff(pixels[16:-16, column]) for column in (0, -1))
    if min(float(left.std()), float(right.std())) < _TEXTURE:
        return False
    return float(np.corrcoef(left, right)[0, 1]) > _SAME_EDGE
