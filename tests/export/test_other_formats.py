"""One reader for every command: what others write, newer versions, folders, and files that promise too much."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backports import zstd
from plyfile import PlyData, PlyElement
from support.sog_files import BOOK, picture, sog_members, zip_of

from splatworker.errors import InvalidParam, InvalidScene
from splatworker.export.info import describe
from splatworker.formats.find import find_model, find_splat
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import write_ply
from splatworker.formats.subset import take
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import read_any, write_any
from splatworker.splat_files.spz_reader import MAGIC, SH_SIZE

MOST_MEMORY = 64 * 2**20
"""Bytes that reading any of the small files here may take."""


def planes_of(path: Path) -> tuple[bytes, list[bytes]]:
    """The header and the planes of an SPZ of version 3."""
    data = gzip.decompress(path.read_bytes())
    _, _, count, degree, *_ = struct.unpack_from("<3I4B", data)
    ends = 16 + count * np.cumsum([0, 9, 1, 3, 3, 4, SH_SIZE[degree]])
    return data[:16], [data[start:end] for start, end in itertools.pairwise(ends)]


def write_spz_4(
    path: Path,
    source: Path,
    *,
    extension: bytes = b"",
    version: int = 4,
    streams: int | None = None,
    change: Callable[[Any], Any] = lambda table: table,
) -> Path:
    """The same splat in version 4, as its specification has it."""
    header, planes = planes_of(source)
    planes = planes[:streams]
    _, _, count, degree, bits, _, _ = struct.unpack("<3I4B", header)
    frames = [zstd.compress(plane) for plane in planes]
    table = [(len(frame), len(plane)) for frame, plane in zip(frames, planes, strict=True)]
    packed = b"".join(struct.pack("<QQ", *entry) for entry in change(table))
    start = 32 + len(extension)
    head = struct.pack("<3I4BI12x", MAGIC, version, count, degree, bits, 2 * bool(extension), len(planes), start)
    path.write_bytes(head + extension + packed + b"".join(frames))
    return path


@pytest.fixture(scope="module")
def spz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SPZ of version 3, of 50 Gaussians of degree 1."""
    path = tmp_path_factory.mktemp("spz") / "three.spz"
    write_any(path, random_splat(50, 1))
    return path


def random_splat(count: int, degree: int) -> Gaussians:
    random = np.random.default_rng(0)
    shapes = [(count, 3), (count, 4), (count, 3), (count,), (count, 3), (count, (degree + 1) ** 2 - 1, 3)]
    return Gaussians(*(random.normal(scale=0.3, size=shape).astype(np.float32) for shape in shapes))


def same(first: Gaussians, second: Gaussians) -> bool:
    names = [field.name for field in dataclasses.fields(Gaussians)]
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


@pytest.mark.parametrize("extension", [b"", struct.pack("<II", 0xADBE0002, 12) + bytes(12)])
def test_spz_4_is_what_spz_3_is(spz: Path, tmp_path: Path, extension: bytes) -> None:
    four = write_spz_4(tmp_path / "four.spz", spz, extension=extension)
    assert same(read_any(four), read_any(spz))
    assert describe(four)["gaussians"] == 50


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


def frames_of_zeros(count: int, degree: int) -> bytes:
    planes = [bytes(count * width) for width in (9, 1, 3, 3, 4, SH_SIZE[degree])]
    frames = [zstd.compress(plane) for plane in planes]
    head = struct.pack("<3I4BI12x", MAGIC, 4, count, degree, 12, 0, 6, 32)
    table = [struct.pack("<QQ", len(frame), len(plane)) for frame, plane in zip(frames, planes, strict=True)]
    return head + b"".join(table) + b"".join(frames)


def bomb_of_zeros(count: int, degree: int, mib: int) -> bytes:
    deflate = zlib.compressobj(9, wbits=31)
    head = struct.pack("<3I4B", MAGIC, 3, count, degree, 12, 0, 0)
    zeros = bytes(2**20)
    return b"".join([deflate.compress(head), *(deflate.compress(zeros) for _ in range(mib)), deflate.flush()])


def test_the_sog_of_these_tests_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.sog").write_bytes(zip_of(sog_members()))
    assert len(read_any(tmp_path / "a.sog")) == 9


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


def test_the_folder_of_a_run_means_its_splat_and_its_model(tmp_path: Path) -> None:
    out = tmp_path / "OUT"
    write_ply(out / "model" / "point_cloud" / "iteration_30" / "point_cloud.ply", random_splat(3, 0))
    assert find_splat(out) == out / "model" / "point_cloud" / "iteration_30" / "point_cloud.ply"
    write_ply(out / "splat.ply", random_splat(4, 0))
    (out / "result.json").write_text("{}")
    assert find_splat(out) == out / "splat.ply"
    assert find_model(out) == out / "model"
    assert find_model(out / "model") == out / "model"
    assert describe(out)["gaussians"] == 4


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
    ],
)
def test_a_ply_whose_header_is_not_its_bodys(tmp_path: Path, header: str, body: bytes) -> None:
    kind, element, *properties = header.split("|")
    lines = ["ply", f"format {kind} 1.0", f"element {element}", *(f"property {name}" for name in properties)]
    (tmp_path / "a.ply").write_bytes("\n".join([*lines, "end_header", ""]).encode() + body)
    with pytest.raises(InvalidScene, match=r"a\.ply"):
        read_any(tmp_path / "a.ply")
