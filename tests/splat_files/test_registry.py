"""Splats of other makers: a format is known by its content, and no file costs more than it holds."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plyfile import PlyData, PlyElement
from support.any_splats import random_splat, same
from support.sog_files import picture, sog_members, zip_of
from support.spz_files import bomb_of_zeros, frames_of_zeros

from splatworker.errors import InvalidParam, InvalidScene
from splatworker.export.info import describe
from splatworker.formats.find import find_splat
from splatworker.formats.ply import write_ply
from splatworker.formats.subset import take
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import read_any, write_any
from splatworker.splat_files.spz_reader import MAGIC

MOST_MEMORY = 64 * 2**20
"""Bytes that reading any of the small files here may take."""


def test_spz_4_and_folders_of_sog_as_others_write_them(splat_transform: Callable[..., None], tmp_path: Path) -> None:
    splat = random_splat(200, 2)
    write_ply(tmp_path / "ours.ply", splat)
    (tmp_path / "sog").mkdir()
    for name, options in (("four.spz", ["--spz-version", "4"]), ("sog/meta.json", [])):
        splat_transform(tmp_path / "ours.ply", tmp_path / name, *options)
        splat_transform(tmp_path / name, tmp_path / "back.ply")
        read, theirs = read_any(tmp_path / name), read_any(tmp_path / "back.ply")
        np.testing.assert_allclose(read.means, theirs.means, atol=2e-5)
        np.testing.assert_allclose(read.sh_rest, theirs.sh_rest, atol=2e-5)
        np.testing.assert_allclose(read.opacities, theirs.opacities, atol=0.0011)
    assert (tmp_path / "four.spz").read_bytes()[:8] == struct.pack("<2I", MAGIC, 4)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("gzip.spz", lambda: bomb_of_zeros(1, 0, 100)),
        ("count.spz", lambda: bomb_of_zeros(2**32 - 1, 3, 1)),
        ("agreeing.spz", lambda: bomb_of_zeros(5_000_000, 0, 96)),
        ("frames.spz", lambda: frames_of_zeros(5_000_000, 0)),
        ("meta.sog", lambda: zip_of({"meta.json": b" " * (100 << 20)})),
        ("picture.sog", lambda: zip_of(sog_members(means_l__webp=picture(size=(6000, 6000))))),
        ("agreeing.sog", lambda: zip_of(sog_members(36_000_000, means_l__webp=picture(size=(6000, 6000))))),
        ("member.sog", lambda: zip_of(sog_members(means_l__webp=bytes(100 << 20)))),
        (
            "count.ply",
            lambda: b"ply\nformat ascii 1.0\nelement vertex 1000000000000\nproperty float x\nend_header\n0\n",
        ),
        (
            "zeros.ply",
            lambda: b"ply\nformat ascii 1.0\nelement vertex 99\nproperty float x\nend_header\n" + b"\n" * 9999,
        ),
    ],
)
def test_what_promises_more_than_it_holds_costs_nothing(tmp_path: Path, name: str, data: Callable[..., Any]) -> None:
    (tmp_path / name).write_bytes(data())
    assert (tmp_path / name).stat().st_size < 300_000
    tracemalloc.start()
    try:
        if name == "gzip.spz":  # what follows one Gaussian is not looked at
            assert len(read_any(tmp_path / name)) == 1
        else:
            with pytest.raises(InvalidScene, match=name):
                read_any(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def test_infinite_opacity_is_opacity_1(tmp_path: Path) -> None:
    splat = random_splat(40, 0)
    splat.opacity_logits[:10], splat.opacity_logits[10:20] = np.inf, -np.inf
    splat.log_scales[5, 2] = -np.inf  # what is flat
    splat.opacity_logits[20] = np.nan
    write_ply(tmp_path / "a.ply", splat)
    read = read_any(tmp_path / "a.ply")
    assert (read.opacities[:10] == 1).all()
    assert (read.opacities[10:20] < 1e-9).all()
    assert np.isfinite(read.log_scales).all()
    assert describe(tmp_path / "a.ply")["not_finite"] == 1
    for name, kind in FORMATS.items():
        path = tmp_path / f"b{kind.suffix}"
        assert write_any(path, read, "cpu") == 1, name
        assert np.isfinite(read_any(path).opacity_logits).all()
        assert sorted(read_any(path).opacities)[-10] > 0.99
        # A splat in memory may have them still.
        assert write_any(path, take(splat, np.arange(5)), "cpu") == 0
        assert (read_any(path).opacities > 0.99).all()


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "splat"])  # which has nothing to be known by
def test_a_format_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    write_any(tmp_path / f"a{FORMATS[name].suffix}", random_splat(30, 0), "cpu")
    (tmp_path / f"a{FORMATS[name].suffix}").rename(tmp_path / "a.bin")
    assert len(read_any(tmp_path / "a.bin")) == 30


def test_a_supersplat_ply_is_read(tmp_path: Path) -> None:
    """No normals, properties in another order, a compressed one under the plain name."""
    splat = random_splat(30, 1)
    columns = {"x": splat.means[:, 0], "y": splat.means[:, 1], "z": splat.means[:, 2]}
    columns |= {f"scale_{i}": splat.log_scales[:, i] for i in range(3)}
    columns |= {f"f_dc_{i}": splat.sh_dc[:, i] for i in range(3)} | {"opacity": splat.opacity_logits}
    columns |= {f"rot_{i}": splat.quaternions[:, i] for i in range(4)}
    columns |= {f"f_rest_{i}": splat.sh_rest[:, i % 3, i // 3] for i in range(9)}
    table = np.zeros(30, [(name, "f4") for name in columns])
    for name, values in columns.items():
        table[name] = values
    PlyData([PlyElement.describe(table, "vertex")], comments=["Generated by SuperSplat"]).write(tmp_path / "a.ply")
    assert same(read_any(tmp_path / "a.ply"), splat)


def test_other_formats_and_missing_files_are_the_persons(tmp_path: Path) -> None:
    for name, said in (("a.ksplat", "KSPLAT is neither"), ("a.obj", "known by the name of a.obj")):
        (tmp_path / name).write_bytes(b"something")
        with pytest.raises(InvalidParam, match=said) as caught:
            read_any(tmp_path / name)
        assert caught.value.code == "invalid_param"
        with pytest.raises(Exception, match=said):
            write_any(tmp_path / name, random_splat(2, 0))
    for path in (tmp_path / "none.ply", tmp_path, tmp_path / "a.obj" / "b.ply", tmp_path / ("a" * 300)):
        with pytest.raises(InvalidScene):
            read_any(path)
    for path in (tmp_path / "none.ply", tmp_path, tmp_path / ("a" * 300)):
        with pytest.raises(InvalidScene, match=r"does not exist|neither"):
            find_splat(path)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("ascii|vertex " + "9" * 5000 + "|float x", b""),
        ("ascii|vertex 2|int x", b"inf 1\n"),
        ("ascii|vertex 1|int x", b"inf\n"),
        ("ascii|vertex 1|uchar x", b"256\n"),
        ("ascii|vertex 2|float x", b"1\nx\n"),
        ("binary_little_endian|vertex 100000000000000000000|float x", b""),
        ("binary_little_endian|vertex 1000000000000000|float x", b""),
        ("binary_little_endian|vertex 3", b"abc"),
        ("binary_little_endian|vertex \u0663|float x", b"abcd" * 3),
        ("ascii|vertex 1|list uchar int x|" + "float x" + "y" * 90_000, b"1\n"),
    ],
)
def test_a_ply_whose_header_is_not_its_bodys(tmp_path: Path, header: str, body: bytes) -> None:
    kind, element, *properties = header.split("|")
    lines = ["ply", f"format {kind} 1.0", f"element {element}", *(f"property {name}" for name in properties)]
    (tmp_path / "a.ply").write_bytes("\n".join([*lines, "end_header", ""]).encode() + body)
    with pytest.raises(InvalidScene, match=r"a\.ply"):
        read_any(tmp_path / "a.ply")
