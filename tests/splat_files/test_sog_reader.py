"""SOG as others write it: in one file or a folder, with any nonsense in its meta.json."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support import no_files
from support.any_splats import random_splat, same
from support.sog_files import BOOK, picture, sog_members, zip_of

from splatworker.errors import InvalidScene
from splatworker.export.info import describe
from splatworker.formats.find import find_splat
from splatworker.splat_files.registry import read_any, write_any


def test_the_sog_of_these_tests_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.sog").write_bytes(zip_of(sog_members()))
    assert len(read_any(tmp_path / "a.sog")) == 9


@pytest.mark.parametrize("kind", ["BMP", "GIF", "PNG", "JPEG", "TIFF", "TGA", "PCX", "PPM"])
def test_a_sogs_pictures_are_webp(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.sog").write_bytes(zip_of(sog_members(means_l__webp=picture(kind=kind))))
    with pytest.raises(InvalidScene, match=r"means_l\.webp is no WebP"):
        read_any(tmp_path / "a.sog")


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"version": 1}, "version 1, not 2"),
        ({"version": None}, "version another, not 2"),
        ({"count": None}, "count is not a number"),
        ({"count": True}, "count is not a number"),
        ({"count": -1}, "count is not a number"),
        ({"count": 17}, "16|4x4 pixels for 17"),
        ({"means": []}, "says nothing of means"),
        ({"means": {"mins": [0] * 3, "maxs": [0] * 2, "files": ["means_l.webp"] * 2}}, "maxs is no list"),
        (
            {"means": {"mins": [0] * 3, "maxs": ["1"] * 3, "files": ["means_l.webp"] * 2}},
            "maxs holds what is not a number",
        ),
        (
            {"means": {"mins": [0] * 3, "maxs": [10**400] * 3, "files": ["means_l.webp"] * 2}},
            "holds what is not a number",
        ),
        ({"means": {"mins": [0] * 3, "maxs": [0] * 3, "files": ["means_l.webp"]}}, "a file is not named"),
        ({"quats": {"files": ["none.webp"]}}, r"none\.webp is missing"),
        ({"quats": {"files": [1]}}, "a file is not named"),
        ({"scales": {"codebook": [], "files": ["scales.webp"]}}, "codebook is no list"),
        ({"scales": {"codebook": BOOK * 2, "files": ["scales.webp"]}}, "codebook is no list"),
        ({"shN": {"bands": 4, "codebook": BOOK, "files": ["a", "b"]}}, "bands is not a number"),
        (
            {"shN": {"bands": 1, "codebook": BOOK, "files": ["means_l.webp", "means_l.webp"]}},
            "not made of whole entries",
        ),
    ],
)
def test_a_meta_that_says_nonsense(tmp_path: Path, meta: dict[str, Any], said: str) -> None:
    (tmp_path / "a.sog").write_bytes(zip_of(sog_members(meta=meta)))
    with pytest.raises(InvalidScene, match=said) as caught:
        read_any(tmp_path / "a.sog")
    assert "a.sog" in caught.value.message


def test_an_unbundled_sog_is_read_from_its_folder(tmp_path: Path) -> None:
    splat = random_splat(100, 1)
    write_any(tmp_path / "a.sog", splat, "cpu")
    with zipfile.ZipFile(tmp_path / "a.sog") as bundle:
        bundle.extractall(tmp_path / "folder")
    meta = find_splat(tmp_path / "folder")
    assert meta == tmp_path / "folder" / "meta.json"
    assert same(read_any(meta), read_any(tmp_path / "a.sog"))
    assert describe(tmp_path / "folder")["file_bytes"] > 1000
    (tmp_path / "folder" / "quats.webp").unlink()
    with pytest.raises(InvalidScene, match=r"quats\.webp is missing"):
        read_any(meta)


@pytest.mark.parametrize("name", ["../secret.webp", "/etc/passwd", "a\0b", "."])
def test_an_unbundled_sog_reads_nothing_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.webp").write_bytes(picture("RGBA"))
    (tmp_path / "folder").mkdir()
    for member, data in sog_members(meta={"quats": {"files": [name]}}).items():
        (tmp_path / "folder" / member).write_bytes(data)
    with pytest.raises(InvalidScene, match=r"outside of its folder|cannot be|missing"):
        read_any(tmp_path / "folder" / "meta.json")


def test_a_streamed_sog_is_named(tmp_path: Path) -> None:
    (tmp_path / "lod-meta.json").write_text("{}")
    with pytest.raises(InvalidScene, match="streamed SOG"):
        find_splat(tmp_path)


@pytest.mark.parametrize("kind", no_files.KINDS)
def test_a_picture_that_is_no_file_is_not_waited_for(kind: str, tmp_path: Path) -> None:
    for name, data in sog_members().items():
        (tmp_path / name).write_bytes(data)
    path = tmp_path / json.loads((tmp_path / "meta.json").read_bytes())["quats"]["files"][0]
    path.unlink()
    no_files.put(path, kind)
    with pytest.raises(InvalidScene, match=f"{path.name} is missing"):
        read_any(tmp_path / "meta.json")
