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
from support.heard import Heard

from splatworker.photos.decode import decode_folder

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


def test_alpha_that_is_opaque_but_for_a_codecs_noise_is_none(source: Path) -> None:
    alpha = np.random.default_rng(0).integers(250, 256, PHOTO.shape[:2], np.uint8)
    Image.fromarray(np.dstack([PHOTO, alpha])).save(source / "a.png")
    assert decoded_pixels(source).shape[2] == 3


def test_what_is_half_transparent_everywhere_is_told(source: Path, tmp_path: Path) -> None:
    """Noise, say, of a program that does not know what its fourth channel is."""
    noise = np.random.default_rng(0).integers(0, 256, PHOTO.shape[:2], np.uint8)
    soft = np.tile(np.linspace(-2000, 2000, PHOTO.shape[1]).clip(0, 255).astype(np.uint8), (PHOTO.shape[0], 1))
    for name, alpha in (("a.png", noise), ("b.png", soft)):
        Image.fromarray(np.dstack([np.roll(PHOTO, len(name) + ord(name[0]), axis=1), alpha])).save(source / name)
    told = Heard()
    assert len(decode_folder(source, tmp_path / "clean", told).photos) == 2
    assert told.warnings == [
        "a.png: half transparent nearly everywhere, as nothing is that was cut out. Export it without transparency if "
        "none is meant."
    ]


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
