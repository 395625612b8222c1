"""SOG as we write it: how large its palette is, and that the same splat gives the same file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from support.any_splats import random_splat
from support.kinds import on_either

from splatworker.render.arrays import Device
from splatworker.splat_files.sog import LARGEST_PALETTE, PALETTE_ROW, palette_size, write_sog


@pytest.mark.parametrize("count", [1, 63, 64, 5000, 1_000_000, 40_000_000])
def test_a_palette_has_whole_rows_and_no_more_entries_than_gaussians(count: int) -> None:
    size = palette_size(count, "cpu")
    assert 1 <= size <= min(count, LARGEST_PALETTE)
    assert size % PALETTE_ROW == 0 or size == count


@on_either
def test_the_same_splat_gives_the_same_file(device: Device, tmp_path: Path) -> None:
    for name in ("a.sog", "b.sog"):
        write_sog(tmp_path / name, random_splat(200, 2), device)
    assert (tmp_path / "a.sog").read_bytes() == (tmp_path / "b.sog").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.sog") as bundle:
        assert {"meta.json", "means_l.webp", "shN_centroids.webp"} <= set(bundle.namelist())
        assert {member.compress_type for member in bundle.infolist()} == {zipfile.ZIP_STORED}
