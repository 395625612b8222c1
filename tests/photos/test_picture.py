"""One photo becomes eight bits of red, green and blue, whatever it came as."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splatworker.photos.picture import open_picture
from splatworker.photos.unusable import Unusable

MOST = 10**8


def opened(path: Path, image: Image.Image, max_size: int = 0) -> Image.Image:
    image.save(path)
    return open_picture(path, max_size, MOST).image


def test_sixteen_bits_are_read_by_the_bits_that_are_used(tmp_path: Path) -> None:
    ramp = np.linspace(0, 4095, 100 * 80).reshape(80, 100).astype(np.uint16)  # 12 of 16
    pixels = np.asarray(opened(tmp_path / "a.png", Image.fromarray(ramp)))
    assert pixels.shape == (80, 100, 3)
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_alpha_stays_only_where_something_is_transparent(tmp_path: Path) -> None:
    image = Image.new("RGBA", (80, 80), (9, 9, 9, 255))
    assert opened(tmp_path / "a.png", image).mode == "RGB"
    image.putpixel((3, 3), (0, 0, 0, 0))
    assert opened(tmp_path / "b.png", image).mode == "RGBA"
    with pytest.raises(Unusable, match="wholly transparent"):
        opened(tmp_path / "c.png", Image.new("RGBA", (80, 80)))


@pytest.mark.parametrize(("size", "said"), [((80, 63), "only 80x63 pixels"), ((4000, 70), "far too narrow")])
def test_sizes_that_are_of_no_use(size: tuple[int, int], said: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=said):
        opened(tmp_path / "a.png", Image.new("RGB", size), 800)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("RGB", (200, 200)).save(tmp_path / "a.png")
    with pytest.raises((Image.DecompressionBombError, Image.DecompressionBombWarning)):
        open_picture(tmp_path / "a.png", 0, 200 * 200 - 1)


def test_nothing_that_a_file_says_besides_is_kept(tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "a.jpg", comment=b"a secret", dpi=(300, 300))
    picture = open_picture(tmp_path / "a.jpg", 0, MOST)
    assert picture.image.info == {}
    assert picture.exif == b"" or b"secret" not in picture.exif
