"""A progressive JPEG's scans are counted without decoding any."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splatworker.photos.scans import MOST_SCANS, count_scans, refuse_many_scans
from splatworker.photos.unusable import Unusable


def jpeg(*, progressive: bool) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", progressive=progressive)
    return file.getvalue()


def many_scans() -> bytes:
    """The last scan of a progressive JPEG again and again."""
    data = jpeg(progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * (MOST_SCANS + 1) + data[-2:]


def test_a_plain_jpeg_has_one_scan_and_a_progressive_one_has_some() -> None:
    assert count_scans(jpeg(progressive=False), 1000) == 1
    assert 5 < count_scans(jpeg(progressive=True), 1000) < 15


def test_counting_ends_where_it_is_enough() -> None:
    assert count_scans(many_scans(), 7) == 7


def test_more_than_any_camera_writes_are_refused(tmp_path: Path) -> None:
    for name, data in (("a.jpg", jpeg(progressive=True)), ("a.png", b"\x89PNG" + many_scans()), ("empty", b"")):
        (tmp_path / name).write_bytes(data)
        refuse_many_scans(tmp_path / name)
    (tmp_path / "b.jpg").write_bytes(many_scans())
    with pytest.raises(Unusable, match="more than 100 scans"):
        refuse_many_scans(tmp_path / "b.jpg")


@pytest.mark.parametrize("length", range(0, 600, 37))
def test_a_file_that_is_cut_off_has_fewer_scans_and_no_error(length: int) -> None:
    assert count_scans(jpeg(progressive=True)[:length], 1000) <= 15
