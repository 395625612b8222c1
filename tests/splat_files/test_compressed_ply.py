"""PlayCanvas's compressed PLY, and such as are not one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from splatworker.errors import InvalidScene
from splatworker.export.info import describe
from splatworker.splat_files.registry import read_any


def compressed(colour: str, *harmonics: Any) -> bytes:
    """A compressed PLY of one chunk and one Gaussian."""
    names = ("x", "y", "z", "scale_x", "scale_y", "scale_z")
    bounds = [f"property float {end}_{name}" for name in names for end in ("min", "max")]
    words = [f"property uint packed_{name}" for name in ("position", "rotation", "scale")]
    lines = ["element chunk 1", *bounds, "element vertex 1", *words, f"property {colour} packed_color"]
    lines += ["element sh 1", *harmonics] if harmonics else []
    return "\n".join(["ply", "format binary_little_endian 1.0", *lines, "end_header", ""]).encode() + b"\xff" * 264


@pytest.mark.parametrize(
    "data",
    [
        compressed("float"),
        compressed("int"),
        compressed("uint", *(f"property uchar f_rest_{index}" for index in (0, 1, 2, 3, 4, 5, 6, 7, 99))),
        compressed("uint", *(f"property ushort f_rest_{index}" for index in range(9))),
        compressed("uint", *(f"property uchar f_rest_{index}" for index in range(10))),
        compressed("uint").replace(b"property float min_x", b"property double min_x"),
    ],
)
def test_a_compressed_ply_of_other_types_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.compressed.ply").write_bytes(data)
    with pytest.raises(InvalidScene, match=r"a\.compressed\.ply"):
        read_any(tmp_path / "a.compressed.ply")


def test_bounds_that_are_no_numbers_are_left_out_not_warned_of(tmp_path: Path) -> None:
    (tmp_path / "a.compressed.ply").write_bytes(compressed("uint"))  # every bound is a NaN
    assert describe(tmp_path / "a.compressed.ply")["not_finite"] == 1
