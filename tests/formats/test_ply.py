"""Splats as PLY: bit for bit, in the original's layout, read by an independent reader."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plyfile import PlyData, PlyElement

from splatworker.errors import InvalidScene, SplatError
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import read_ply, read_vertices, write_ply, write_point_ply

FIELDS = ("means", "quaternions", "log_scales", "opacity_logits", "sh_dc", "sh_rest")


def random_splat(count: int, sh_degree: int) -> Gaussians:
    """Any bits at all, NaNs with payload and denormals among them."""
    generator = np.random.default_rng(count + sh_degree)
    rest = (sh_degree + 1) ** 2 - 1

    def bits(*shape: int) -> np.ndarray:
        return generator.integers(0, 2**32, size=shape, dtype=np.uint32).view(np.float32)

    return Gaussians(bits(count, 3), bits(count, 4), bits(count, 3), bits(count), bits(count, 3), bits(count, rest, 3))


def same_bits(a: Gaussians, b: Gaussians) -> bool:
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in FIELDS)


@pytest.mark.parametrize("sh_degree", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 257])
def test_round_trip_is_bit_for_bit(tmp_path: Path, count: int, sh_degree: int) -> None:
    splat = random_splat(count, sh_degree)
    write_ply(tmp_path / "a.ply", splat)
    assert same_bits(read_ply(tmp_path / "a.ply"), splat)


def test_layout_is_the_originals(tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", random_splat(2, 3))
    data = (tmp_path / "a.ply").read_bytes()
    header, body = data.split(b"end_header\n", 1)
    names = [line.split()[-1] for line in header.decode().splitlines() if line.startswith("property")]
    assert names == (
        ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
        + [f"f_rest_{i}" for i in range(45)]
        + ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    )
    assert header.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex 2\nproperty float x\n")
    assert len(body) == 2 * 62 * 4


def test_a_splat_for_antialiasing_says_so_in_a_comment_and_nowhere_else(tmp_path: Path) -> None:
    splat = random_splat(5, 1)
    write_ply(tmp_path / "plain.ply", splat)
    write_ply(tmp_path / "mip.ply", dataclasses.replace(splat, antialiased=True))
    plain, mip = ((tmp_path / name).read_bytes() for name in ("plain.ply", "mip.ply"))
    assert plain.count(b"comment") == 0
    assert mip.replace(b"comment SplatRenderMode: mip\n", b"") == plain
    assert PlyData.read(tmp_path / "mip.ply").comments == ["SplatRenderMode: mip"]
    assert read_ply(tmp_path / "mip.ply").antialiased
    assert not read_ply(tmp_path / "plain.ply").antialiased
    assert same_bits(read_ply(tmp_path / "mip.ply"), read_ply(tmp_path / "plain.ply"))


def test_independent_reader_reads_the_same(tmp_path: Path) -> None:
    splat = random_splat(50, 3)
    write_ply(tmp_path / "a.ply", splat)
    vertex = PlyData.read(tmp_path / "a.ply")["vertex"]
    np.testing.assert_array_equal(vertex["y"], splat.means[:, 1])
    np.testing.assert_array_equal(vertex["nz"], np.zeros(50))
    np.testing.assert_array_equal(vertex["rot_3"], splat.quaternions[:, 3])
    np.testing.assert_array_equal(vertex["opacity"], splat.opacity_logits)
    # Channel by channel: coefficient 2 of the 15 of green is number 15 + 2.
    np.testing.assert_array_equal(vertex["f_rest_17"], splat.sh_rest[:, 2, 1])


@pytest.mark.parametrize("byte_order", ["<", ">", "text"])
def test_reads_what_others_write(tmp_path: Path, byte_order: str) -> None:
    """Properties in any order, no normals, one more of another type, another element in front."""
    splat = Gaussians(*(np.asarray(getattr(random_finite(20), name)) for name in FIELDS))
    columns: dict[str, np.ndarray] = {f"f_rest_{i}": splat.sh_rest[:, i % 3, i // 3] for i in range(9)}
    columns |= {f"rot_{i}": splat.quaternions[:, i] for i in range(4)}
    columns |= {"opacity": splat.opacity_logits, "confidence": np.arange(20)}
    columns |= {f"f_dc_{i}": splat.sh_dc[:, i] for i in range(3)} | dict(zip("zyx", splat.means.T[::-1], strict=True))
    columns |= {f"scale_{i}": splat.log_scales[:, i] for i in range(3)}
    table = np.zeros(20, dtype=[(name, "i2" if name == "confidence" else "f4") for name in columns])
    for name, values in columns.items():
        table[name] = values
    camera = np.zeros(1, dtype=[("focal", "f8")])
    elements = [PlyElement.describe(camera, "camera"), PlyElement.describe(table, "vertex")]
    text = byte_order == "text"
    PlyData(elements, text=text, byte_order="=" if text else byte_order, comments=["made elsewhere"]).write(
        tmp_path / "a.ply"
    )
    read = read_ply(tmp_path / "a.ply")
    for name in FIELDS:
        np.testing.assert_allclose(getattr(read, name), getattr(splat, name), rtol=1e-6 if text else 0)


def random_finite(count: int) -> Gaussians:
    generator = np.random.default_rng(0)
    shapes = [(count, 3), (count, 4), (count, 3), (count,), (count, 3), (count, 3, 3)]
    return Gaussians(*(generator.normal(size=shape).astype(np.float32) for shape in shapes))


def test_point_cloud_is_read_by_independent_reader(tmp_path: Path) -> None:
    write_point_ply(tmp_path / "p.ply", np.array([[1.0, 2.0, 3.0]]), np.array([[9, 8, 255]], np.uint8))
    vertex = PlyData.read(tmp_path / "p.ply")["vertex"]
    assert (vertex["z"][0], vertex["blue"][0]) == (3.0, 255)
    with pytest.raises(InvalidScene, match="f_dc_0"):
        read_ply(tmp_path / "p.ply")


def _valid(tmp_path: Path) -> bytes:
    write_ply(tmp_path / "a.ply", random_splat(3, 1))
    return (tmp_path / "a.ply").read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-1], "cut short: 2 of 3"),
        (lambda data: data[:200], "header"),
        (lambda data: b"", "not a PLY"),
        (lambda data: b"hello\n" * 100, "not a PLY"),
        (lambda data: b"ply\n" + b"x" * 200_000, "header"),
        (lambda data: data.replace(b"property float opacity\n", b"property float opaqueness\n"), "no opacity"),
        (lambda data: data.replace(b"property float f_rest_8\n", b"property float other\n"), "8 f_rest"),
        (lambda data: data.replace(b"property float x\n", b"property float y\n"), "header"),
        (lambda data: data.replace(b"property float x\n", b"property list uchar int x\n"), "list"),
        (lambda data: data.replace(b"element vertex", b"element face"), "no vertices"),
        (lambda data: data.replace(b"binary_little_endian", b"ascii"), "corrupt|not a number"),
        (lambda data: data.replace(b"binary_little_endian", b"middle_endian"), "header"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, change: Callable[..., Any], said: str) -> None:
    (tmp_path / "broken.ply").write_bytes(change(_valid(tmp_path)))
    with pytest.raises(InvalidScene, match=said) as caught:
        read_ply(tmp_path / "broken.ply")
    assert "broken.ply" in caught.value.message


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    data = _valid(tmp_path)
    for length in range(0, len(data), 7):
        (tmp_path / "cut.ply").write_bytes(data[:length])
        with pytest.raises(InvalidScene):
            read_ply(tmp_path / "cut.ply")


def test_missing_file_is_an_error_of_the_tree(tmp_path: Path) -> None:
    with pytest.raises(SplatError, match="No such file"):
        read_ply(tmp_path / "none.ply")


def test_vertices_keep_their_own_types(tmp_path: Path) -> None:
    write_point_ply(tmp_path / "p.ply", np.zeros((2, 3)), np.full((2, 3), 7, np.uint8))
    with (tmp_path / "p.ply").open("rb") as file:
        assert read_vertices(file, tmp_path / "p.ply")["red"].dtype == np.uint8


def test_gaussians_refuse_shapes_that_do_not_belong_together() -> None:
    good = random_finite(4)
    with pytest.raises(ValueError, match="log_scales"):
        Gaussians(good.means, good.quaternions, good.log_scales[:3], good.opacity_logits, good.sh_dc, good.sh_rest)
    with pytest.raises(ValueError, match="degree"):
        Gaussians(good.means, good.quaternions, good.log_scales, good.opacity_logits, good.sh_dc, good.sh_rest[:, :2])
    with pytest.raises(ValueError, match="float64"):
        Gaussians(
            good.means.astype(np.float64),
            good.quaternions,
            good.log_scales,
            good.opacity_logits,
            good.sh_dc,
            good.sh_rest,
        )
