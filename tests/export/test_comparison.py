"""Photos beside what a splat shows of them: error maps, sizes, and photos that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splatworker.errors import InvalidScene
from splatworker.export.comparison import ERROR_FULL_SCALE, error_map, read_photo, trained_size
from splatworker.formats.camera import Camera
from splatworker.formats.scene import Photo


def photo(path: Path, width: int = 8, height: int = 6) -> Photo:
    return Photo(path.name, path, Camera(width, height, 8.0, 8.0, 4.0, 3.0, np.eye(3, 4)))


def test_an_error_map_goes_from_black_to_pale_yellow_and_no_further() -> None:
    colours = error_map(np.array([[0.0, ERROR_FULL_SCALE / 2, ERROR_FULL_SCALE, 1.0]], np.float32))
    assert colours[0, 0].max() < 8
    assert colours[0, 2].tolist() == colours[0, 3].tolist() == [252, 255, 164]
    lightness = colours.astype(int).sum(axis=2)[0]
    assert lightness[0] < lightness[1] < lightness[2]


def test_a_photo_is_read_at_its_cameras_size_on_the_background(tmp_path: Path) -> None:
    image = Image.new("RGBA", (16, 12), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (8, 0, 16, 12))
    image.save(tmp_path / "a.png")
    pixels = read_photo(photo(tmp_path / "a.png"), (0.0, 1.0, 0.0))
    assert pixels.shape == (6, 8, 3)
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert pixels[0, 7].tolist() == [0, 255, 0]


def test_a_photo_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(InvalidScene, match=r"photo a\.png cannot be read"):
        read_photo(photo(tmp_path / "a.png"))


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '[{"width": "x", "height": 1}]', "[" * 100_000])
def test_a_model_that_does_not_say_how_large_its_photos_were(text: str, tmp_path: Path) -> None:
    (tmp_path / "cameras.json").write_text(text)
    assert trained_size(tmp_path) == 0
    assert trained_size(tmp_path / "none") == 0


def test_one_that_does(tmp_path: Path) -> None:
    (tmp_path / "cameras.json").write_text(json.dumps([{"width": 30, "height": 40}, {"width": 50, "height": 20}]))
    assert trained_size(tmp_path) == 50
