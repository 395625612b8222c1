"""A picture's pixels, plane by plane or side by side: those that Pillow would copy, however it keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from splatworker import _cpu
from splatworker.formats.pixels import pixels_of, planes_of


def picture(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def small_pieces() -> Iterator[None]:
    """Pictures are kept in pieces of 4 KiB."""
    core: Any = vars(Image)["core"]
    before = core.get_block_size()
    core.set_block_size(4096)
    yield
    core.set_block_size(before)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 48), (333, 21)])
def test_planes_are_red_green_and_blue(size: tuple[int, int]) -> None:
    one = picture(*size)
    planes = planes_of(one)
    assert planes.flags.c_contiguous
    np.testing.assert_array_equal(planes, np.asarray(one).transpose(2, 0, 1))
    assert _cpu.planes_of(*one.__arrow_c_array__(), np.empty_like(planes))


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 48), (333, 21)])
def test_pixels_are_side_by_side(size: tuple[int, int]) -> None:
    one = picture(*size)
    pixels = pixels_of(one)
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, np.asarray(one))
    assert _cpu.pixels_of(*one.__arrow_c_array__(), np.empty_like(pixels))


@pytest.mark.usefixtures("small_pieces")
def test_a_picture_in_several_pieces_is_copied_first() -> None:
    one = picture(100, 90)
    with pytest.raises(ValueError, match=r"block|contiguous"):
        one.__arrow_c_array__()
    np.testing.assert_array_equal(planes_of(one), np.asarray(one).transpose(2, 0, 1))
    np.testing.assert_array_equal(pixels_of(one), np.asarray(one))


def test_other_pixels_and_sizes_are_not_taken_for_them() -> None:
    planes = np.zeros((3, 5, 7), np.uint8)
    assert not _cpu.planes_of(*picture(7, 6).__arrow_c_array__(), planes)
    assert not _cpu.planes_of(*Image.new("L", (7, 5), 9).__arrow_c_array__(), planes)
    assert not _cpu.planes_of(*Image.new("F", (7, 5), 9).__arrow_c_array__(), planes)
    schema, array = picture(7, 5).__arrow_c_array__()
    with pytest.raises(ValueError, match="Arrow"):
        _cpu.planes_of(array, schema, planes)
    with pytest.raises(ValueError, match="planes"):
        _cpu.planes_of(schema, array, planes[:2])
    with pytest.raises(ValueError, match="pixels"):
        _cpu.pixels_of(schema, array, planes)
    assert not _cpu.pixels_of(*Image.new("L", (7, 5), 9).__arrow_c_array__(), np.zeros((5, 7, 3), np.uint8))
    assert not planes.any()
