"""Transparent photos: what is transparent is a mask, and its colours are nobody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import odd_photos
from support.decoded import decoded_pixels, reason

PHOTO = odd_photos.photo()


pytestmark = pytest.mark.usefixtures("decoders")


@pytest.mark.parametrize(
    "convert",
    [
        lambda rgba: rgba,
        lambda rgba: rgba.quantize(64),
        lambda rgba: rgba.convert("LA"),
    ],
)
def test_alpha_stays(source: Path, convert: Callable[..., Any]) -> None:
    alpha = np.zeros(PHOTO.shape[:2], np.uint8)
    alpha[30:90, 40:120] = 255
    convert(Image.fromarray(np.dstack([PHOTO, alpha]))).save(source / "a.png")
    found = decoded_pixels(source, max_size=80)
    assert found.shape[2] == 4
    assert np.abs(found[:, :, 3] - alpha[::2, ::2]).mean() < 4


def test_alpha_that_hides_nothing_is_none(source: Path) -> None:
    Image.fromarray(PHOTO).convert("RGBA").save(source / "a.png")
    assert decoded_pixels(source).shape[2] == 3


def test_what_is_transparent_everywhere_is_no_photo(source: Path) -> None:
    Image.fromarray(np.dstack([PHOTO, 0 * PHOTO[:, :, 1]])).save(source / "a.png")
    assert reason(source) == "it is wholly transparent"


def test_colours_under_transparency_do_not_bleed_into_the_others(source: Path) -> None:
    alpha = np.zeros(PHOTO.shape[:2], np.uint8)
    alpha[:, ::2] = 255
    colours = np.where(alpha[:, :, None] > 0, 200, 0).astype(np.uint8).repeat(3, axis=2)
    Image.fromarray(np.dstack([colours, alpha])).save(source / "a.png")
    found = decoded_pixels(source, max_size=PHOTO.shape[1] // 2)
    assert np.abs(found[4:-4, 4:-4, :3] - 200).max() <= 2
