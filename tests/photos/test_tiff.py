"""Kinds of TIFF that would be read wrongly are named with what to export instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from splatworker.photos import tiff
from splatworker.photos.unusable import Unusable


@pytest.mark.parametrize(
    ("photometric", "samples", "bits", "formats"),
    [(1, 1, 8, 1), (0, 1, 1, 1), (1, 1, 12, 1), (1, 1, 16, 1), (1, 1, 32, 3), (2, 3, 8, 1), (2, 3, 16, 1), (2, 4, 8, 1),
     (3, 1, 8, 1), (5, 4, 8, 1), (6, 3, 8, 1)],
)  # fmt: skip
def test_what_is_read_rightly_passes(photometric: int, samples: int, bits: int, formats: int) -> None:
    tags = {tiff.PHOTOMETRIC: photometric, tiff.SAMPLES: samples, tiff.BITS: (bits,) * samples, tiff.FORMAT: formats}
    assert tiff.why_misread(tags) == ""
    tiff.refuse_misread(tags)


@pytest.mark.parametrize(
    ("photometric", "samples", "bits", "formats", "said"),
    [(1, 5, 8, 1, "5 bands"), (1, 1, 64, 3, "64-bit floating-point"), (1, 1, 16, 2, "signed or complex"),
     (1, 1, 24, 1, "24 bits of grey"), (32803, 1, 16, 1, "unusual kind"), (2, 3, 32, 3, "floating-point colours"),
     (2, 3, 32, 1, "32 bits a channel"), (6, 3, 16, 1, "16 bits a channel"), (2, 6, 16, 1, "6 bands of 16 bits")],
)  # fmt: skip
def test_what_is_not_is_named(photometric: int, samples: int, bits: int, formats: int, said: str) -> None:
    tags = {tiff.PHOTOMETRIC: photometric, tiff.SAMPLES: samples, tiff.BITS: (bits,) * samples, tiff.FORMAT: formats}
    with pytest.raises(Unusable, match=said):
        tiff.refuse_misread(tags)


def test_the_largest_picture_of_a_file_is_the_photo(tmp_path: Path) -> None:
    pages = [Image.new("RGB", size) for size in ((16, 12), (64, 48), (32, 24))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with Image.open(tmp_path / "a.tif") as opened:
        tiff.go_to_largest(opened)
        assert opened.size == (64, 48)


def test_a_file_that_is_none_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0nonsense")
    assert tiff.is_tiff(b"II*\0")
    assert tiff.why_unidentified(tmp_path / "a.tif") == "it is a damaged TIFF"
