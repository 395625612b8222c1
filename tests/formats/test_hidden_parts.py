"""What is hidden of a scene's photo: at the size of training, and on the background."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splatworker.errors import InvalidMasks
from splatworker.formats.camera import Camera
from splatworker.formats.hidden_parts import hidden_parts, ignored_at, over_colour
from splatworker.formats.masks import NOTHING_HIDDEN, Hidden
from splatworker.formats.scene import Photo

WIDTH, HEIGHT = 64, 48


def left_half(value: int = 255) -> Image.Image:
    mask = Image.new("L", (WIDTH, HEIGHT))
    mask.paste(value, (0, 0, WIDTH // 2, HEIGHT))
    return mask


def photo(mask: Path | None) -> Photo:
    given = Photo("a.jpg", Path("a.jpg"), Camera(WIDTH, HEIGHT, 60.0, 60.0, 32.0, 24.0, np.eye(3, 4)))
    return dataclasses.replace(given, mask=mask)


def test_a_mask_file_says_where_a_photo_counts(tmp_path: Path) -> None:
    left_half().save(tmp_path / "a.png")
    image = Image.new("RGB", (WIDTH, HEIGHT))
    assert hidden_parts(photo(None), image) == NOTHING_HIDDEN
    found = hidden_parts(photo(tmp_path / "a.png"), image)
    ignored = ignored_at(found, (16, 12))
    assert found.alpha is None
    assert ignored is not None
    assert ignored.shape == (12, 16)
    assert (ignored[:, :7] == 0).all()
    assert (ignored[:, 9:] == 255).all()


def test_a_mask_that_hides_all_or_is_none_is_named(tmp_path: Path) -> None:
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "black.png")
    (tmp_path / "torn.png").write_bytes(b"no picture")
    for name, said in (("black.png", "hides all of it"), ("torn.png", "cannot be read as a picture")):
        with pytest.raises(InvalidMasks, match=f"The mask of a.jpg {said}"):
            hidden_parts(photo(tmp_path / name), Image.new("RGB", (WIDTH, HEIGHT)))


def test_where_nothing_is_the_background_shows() -> None:
    red = Image.new("RGB", (WIDTH, HEIGHT), (255, 0, 0))
    assert over_colour(red, NOTHING_HIDDEN, (0, 9, 0)).getpixel((60, 5)) == (255, 0, 0)
    shown = over_colour(red, Hidden(left_half(), None), (0, 9, 0))
    assert [shown.getpixel((x, 5)) for x in (5, 60)] == [(255, 0, 0), (0, 9, 0)]


def test_where_all_counts_nothing_is_ignored_and_what_is_finer_than_a_pixel_still_counts() -> None:
    assert ignored_at(NOTHING_HIDDEN, (4, 4)) is None
    assert ignored_at(Hidden(None, Image.new("L", (WIDTH, HEIGHT), 255)), (4, 4)) is None
    thin = Image.new("L", (WIDTH, HEIGHT))
    thin.paste(255, (20, 0, 21, HEIGHT))
    ignored = ignored_at(Hidden(None, thin), (4, 4))
    assert ignored is not None
    assert (ignored == 0).any()


def test_grey_of_16_bits_is_grey_and_not_white() -> None:
    ramp = np.linspace(0, 65535, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.uint16)
    shown = over_colour(Image.fromarray(ramp), NOTHING_HIDDEN, (0, 0, 0))
    assert shown.mode == "RGB"
    assert np.abs(np.asarray(shown)[:, :, 1] - ramp / 257).max() <= 1
    with pytest.raises(OSError, match="no shades of grey"):
        over_colour(Image.fromarray(ramp.astype(np.float32) * 1000), NOTHING_HIDDEN, (0, 0, 0))
