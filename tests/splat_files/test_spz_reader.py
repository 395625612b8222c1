"""SPZ as others write it: version 4, its table, and what is cut off."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.any_splats import random_splat, same
from support.spz_files import write_spz_4

from splatworker.errors import InvalidScene
from splatworker.export.info import describe
from splatworker.splat_files.registry import read_any, write_any


@pytest.fixture(scope="module")
def spz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SPZ of version 3, of 50 Gaussians of degree 1."""
    path = tmp_path_factory.mktemp("spz") / "three.spz"
    write_any(path, random_splat(50, 1))
    return path


@pytest.mark.parametrize("extension", [b"", struct.pack("<II", 0xADBE0002, 12) + bytes(12)])
def test_spz_4_is_what_spz_3_is(spz: Path, tmp_path: Path, extension: bytes) -> None:
    four = write_spz_4(tmp_path / "four.spz", spz, extension=extension)
    assert same(read_any(four), read_any(spz))
    assert describe(four)["gaussians"] == 50


def test_spz_4_without_harmonics_may_leave_their_stream_out(tmp_path: Path) -> None:
    write_any(tmp_path / "three.spz", random_splat(20, 0))
    for streams in (5, 6):
        four = write_spz_4(tmp_path / "four.spz", tmp_path / "three.spz", streams=streams)
        assert same(read_any(four), read_any(tmp_path / "three.spz"))


@pytest.mark.parametrize("version", [0, 1, 3, 5, 2**32 - 1])
def test_versions_of_spz_that_are_not_known_are_named(spz: Path, tmp_path: Path, version: int) -> None:
    four = write_spz_4(tmp_path / "four.spz", spz, version=version)
    with pytest.raises(
        InvalidScene, match=f"SPZ of version {version}, which is not known: read are version 2 or 3, and 4"
    ):
        read_any(four)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: [(2**63, table[0][1]), *table[1:]],
        lambda table: [(table[0][0], 2**63), *table[1:]],
        lambda table: [(table[0][0], table[0][1] - 9), *table[1:]],
        lambda table: [(table[0][0] - 1, table[0][1]), *table[1:]],
        lambda table: [(0, table[0][1]), *table[1:]],
        lambda table: table[::-1],
    ],
)
def test_a_table_of_spz_4_that_lies(spz: Path, tmp_path: Path, change: Callable[..., Any]) -> None:
    four = write_spz_4(tmp_path / "four.spz", spz, change=change)
    with pytest.raises(InvalidScene, match=r"four\.spz is (cut short|garbled)"):
        read_any(four)


def test_every_truncation_of_spz_4_is_noticed(spz: Path, tmp_path: Path) -> None:
    data = write_spz_4(tmp_path / "four.spz", spz).read_bytes()
    for length in range(0, len(data), 11):
        (tmp_path / "cut.spz").write_bytes(data[:length])
        with pytest.raises(InvalidScene, match=r"cut\.spz"):
            read_any(tmp_path / "cut.spz")
